"""Run decoding processes from the parent."""

import json
import math
import os
import select
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Self

from sentiprism.errors import UserError
from sentiprism.extras import install_extra
from sentiprism.media._decode.messages import HEADER, PICTURE, Kind
from sentiprism.media.limits import Limits
from sentiprism.sandbox.confine import warn_unconfined
from sentiprism.sandbox.launch import ChildProcess

CHILD = "sentiprism.media._decode.child"
PIPE = 1 << 20
"""Bytes that a child may be ahead of the parent: one or two frames."""
SHORT = 1 << 16
"""Most bytes of a message, except for pictures."""
THREADS = 4
"""Decoder threads; each one holds a frame in memory."""


class Child:
    """A decoding process, ended when its context is left.

    Args:
        path: the file, for messages.
        fd: descriptor of the file.
        task: the task; its descriptors are in ``pass_fds``.
        limits: of the process.
        seconds: length of the recording, for the limit of processor time.
        output_bytes: most bytes that it may write to files.
        pass_fds: further descriptors that it needs.

    Raises:
        UserError: PyAV is not installed.
    """

    def __init__(
        self,
        path: Path,
        fd: int,
        task: Mapping[str, Any],
        limits: Limits,
        *,
        seconds: float,
        output_bytes: int = 0,
        pass_fds: Sequence[int] = (),
    ) -> None:
        if find_spec("av") is None:
            raise UserError("PyAV is not installed", install_extra("media"))
        self._path, self._patience = path, limits.patience
        cpu = math.ceil(60 + limits.effort * seconds)
        whole = {**task, "file": fd, "limits": asdict(limits), "cpu": cpu, "output_bytes": output_bytes}
        whole["threads"] = min(THREADS, os.cpu_count() or 1)
        warn_unconfined()
        self._process = ChildProcess(
            CHILD,
            json.dumps(whole),
            options=("-P", "-s", "-S"),  # the environment has the search path of modules
            environment={"PYTHONDONTWRITEBYTECODE": "1", "MALLOC_ARENA_MAX": "2"},
            descriptors=[fd, *pass_fds],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            folder=os.sep,
        )
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        self._pipe = self._process.stdout
        with suppress(ImportError, OSError, AttributeError):
            import fcntl

            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.__exit__()

    def messages(self, largest: int = 0) -> Iterator[tuple[Kind, bytearray]]:
        """Yield messages; the result is the last one.

        Args:
            largest: most bytes of a picture.

        Raises:
            UserError: the child refuses the recording, crashes, stops responding, or sends an invalid message.
        """
        while True:
            number, length = HEADER.unpack(self._read(HEADER.size))
            if number not in iter(Kind) or length > (PICTURE.size + largest if number == Kind.PICTURE else SHORT):
                raise self._error("caused an invalid message from its decoder")
            kind, body = Kind(number), self._read(length)
            if kind is Kind.REFUSED:
                cause, remedy = (" ".join(str(text).split()) for text in self.json(body))
                raise UserError(f"{self._path} {cause}", remedy)
            yield kind, body
            if kind is Kind.RESULT:
                return

    def json(self, body: bytearray) -> Any:
        """Parse a JSON message."""
        try:
            return json.loads(body)
        except ValueError:
            raise self._error("caused an invalid message from its decoder") from None

    def _read(self, size: int) -> bytearray:
        buffer = bytearray(size)
        rest = memoryview(buffer)
        while rest:
            if not _readable(self._pipe, self._patience):
                raise self._error(f"blocked its decoder for {self._patience:g} s")
            got = self._pipe.readinto(rest)  # type: ignore[attr-defined] # because it is not buffered
            if not got:
                raise self._error(self._end())
            rest = rest[got:]
        return buffer

    def _end(self) -> str:
        code = self._process.wait()
        if code == -24:  # SIGXCPU
            return "takes too long to decode"
        return f"crashed its decoder ({f'signal {-code}' if code < 0 else f'status {code}'})"

    def _error(self, what: str) -> UserError:
        return UserError(f"{self._path} {what}", "convert it with ffmpeg, or leave it out")


def _readable(pipe: IO[bytes], seconds: float) -> bool:
    """Whether a pipe has data or has ended, within so many seconds; unlike select, for any descriptor number."""
    if not hasattr(select, "poll"):  # Windows cannot poll a pipe: reading blocks there until data or the end
        return True
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return bool(poll.poll(1000 * seconds))
