"""Decode JPEG pictures of a stream in a child process with limits."""

import os
import select
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.media._decode.messages import LENGTH, PICTURE, Kind
from sentiprism.media.decode import ALIGNMENT, read_picture
from sentiprism.media.limits import Limits
from sentiprism.media.process import Child

LIMITS = Limits(side=4096, pixels=4096 * 2160, patience=10.0)
"""Limits of a picture: cinema 4K."""
MOST_BYTES = 2_000_000
"""Most bytes of a JPEG."""
LONGEST = 640
"""Pixels of the longer side after decoding, as for pictures of a recording."""
HOURS = 24
"""Hours of a stream for which the process has processor time."""


class JpegDecoder:
    """Decodes JPEGs in a child process; one that makes it fail is lost alone, since another process is started."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._messages: Iterator[tuple[Kind, bytearray]] | None = None
        self._pipe = -1

    def start(self) -> None:
        """Start the process, if it is not running.

        Raises:
            UserError: PyAV is not installed, or the system cannot pass open files to a child.
        """
        if self._messages is not None:
            return
        theirs, self._pipe = os.pipe()
        self._running.callback(os.close, self._pipe)
        try:
            os.set_blocking(self._pipe, False)
            task = {"task": "jpegs", "longest": LONGEST}
            child = self._running.enter_context(Child(Path("a picture"), theirs, task, LIMITS, seconds=HOURS * 3600))
        except BaseException:
            self.close()
            raise
        finally:
            os.close(theirs)
        self._messages = child.messages(largest=LONGEST * (3 * LONGEST + ALIGNMENT))

    def decode(self, data: bytes) -> npt.NDArray[Any] | None:
        """Decode to (H, W, 3) uint8 RGB, at most `LONGEST` pixels per side; None if it is broken or too large.

        Raises:
            UserError: see `start`.
        """
        if len(data) > MOST_BYTES or not data.startswith(b"\xff\xd8"):
            return None
        self.start()
        try:
            self._send(LENGTH.pack(len(data)) + data)
            kind, body = next(self._messages or iter(()))
            frame = read_picture(body, LONGEST) if kind is Kind.PICTURE and len(body) > PICTURE.size else None
        except (UserError, OSError, StopIteration):  # the process has crashed, or was stopped by its limits
            self.close()
            return None
        return None if frame is None else frame.image

    def close(self) -> None:
        """End the process."""
        self._running.close()
        self._messages = None

    def _send(self, data: bytes) -> None:
        poll = select.poll()
        poll.register(self._pipe, select.POLLOUT)
        rest = memoryview(data)
        while rest:
            if not poll.poll(1000 * LIMITS.patience):
                raise TimeoutError
            rest = rest[os.write(self._pipe, rest) :]
