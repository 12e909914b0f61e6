"""Messages between the decoding process and its parent."""

import json
import struct
import time
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, BinaryIO, NoReturn

HEADER = struct.Struct("<BI")
"""Kind, bytes of the body."""
PICTURE = struct.Struct("<dIIIB?")
"""Header of a picture: seconds, width, height, bytes per line, counterclockwise quarter turns, mirrored before."""
LENGTH = struct.Struct("<I")
"""Header of a JPEG that is sent to the process: its bytes."""
ALIVE_EVERY = 1.0
"""Seconds between progress messages."""


class Kind(IntEnum):
    """Kind of a message."""

    ALIVE = 0
    """JSON: seconds of the recording that are done."""
    PICTURE = 1
    """`PICTURE` and the lines of RGB pixels, before rotation."""
    RESULT = 2
    """JSON, the last message of a successful task."""
    REFUSED = 3
    """JSON [cause, remedy], the last message of a failed task."""
    BROKEN = 4
    """Empty: one of several pictures cannot be decoded."""


class RefusedError(Exception):
    """The recording cannot be decoded; the cause follows the file's name in messages."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause, remedy)


def refuse(cause: str, remedy: str) -> NoReturn:
    """Raise `RefusedError`."""
    raise RefusedError(cause, remedy)


class MessageWriter:
    """Send messages from the decoding process to its parent."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._last = file, time.monotonic()

    def send(self, kind: Kind, *parts: bytes | memoryview) -> None:
        """Send one message; blocks while the parent does not read."""
        self._file.write(HEADER.pack(kind, sum(map(len, parts))))
        for part in parts:
            self._file.write(part)
        self._file.flush()
        self._last = time.monotonic()

    def send_json(self, kind: Kind, value: Mapping[str, Any] | list[str] | float) -> None:
        """Send one JSON message."""
        self.send(kind, json.dumps(value).encode())

    def send_progress(self, seconds: float) -> None:
        """Send the position in the recording, at most once a second."""
        if time.monotonic() - self._last > ALIVE_EVERY:
            self.send_json(Kind.ALIVE, seconds)
