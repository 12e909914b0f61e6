"""Decoding processes, seen from the parent."""

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
"""Bytes a child may be ahead of us: a frame or two."""
SHORT = 1 << 16
"""Bytes that any message but a picture may have."""
THREADS = 4
"""More frames at once would only hold more memory."""


class Child:
    """A decoding process; leaving it as a context ends it.

    Args:
        path: the file, for messages.
        fd: the file, open.
        task: what is to be done; its descriptors are in ``pass_fds``.
        limits: of the process.
        seconds: of the recording, for its processor time.
        output_bytes: it may write into files.
        pass_fds: descriptors it needs beside the file.

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
            options=("-P", "-s", "-S"),  # where modules are, the environment says
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
        """Messages, the answer last.

        Args:
            largest: bytes a picture may have.

        Raises:
            UserError: the child refuses the recording, dies, falls silent, or says what it should not.
        """
        while True:
            number, length = HEADER.unpack(self._read(HEADER.size))
            if number not in iter(Kind) or length > (PICTURE.size + largest if number == Kind.PICTURE else SHORT):
                raise self._error("made its decoder answer what is no answer")
            kind, body = Kind(number), self._read(length)
            if kind is Kind.REFUSED:
                cause, remedy = (" ".join(str(text).split()) for text in self.json(body))
                raise UserError(f"{self._path} {cause}", remedy)
            yield kind, body
            if kind is Kind.ANSWER:
                return

    def json(self, body: bytearray) -> Any:
        """What a message of JSON says."""
        try:
            return json.loads(body)
        except ValueError:
            raise self._error("made its decoder answer what is no answer") from None

    def _read(self, size: int) -> bytearray:
        buffer = bytearray(size)
        rest = memoryview(buffer)
        while rest:
            if not _readable(self._pipe, self._patience):
                raise self._error(f"made its decoder silent for {self._patience:g} s")
            got = self._pipe.readinto(rest)  # type: ignore[attr-defined] # it is not buffered
            if not got:
                raise self._error(self._end())
            rest = rest[got:]
        return buffer

    def _end(self) -> str:
        code = self._process.wait()
        if code == -24:  # SIGXCPU
            return "takes its decoder too much time"
        return f"ended its decoder ({f'signal {-code}' if code < 0 else f'status {code}'})"

    def _error(self, what: str) -> UserError:
        return UserError(f"{self._path} {what}", "convert it with ffmpeg, or leave it out")


def _readable(pipe: IO[bytes], seconds: float) -> bool:
    """Whether there is something to read, or the end, within so many seconds; unlike select's, of any descriptor."""
    if not hasattr(select, "poll"):  # Windows cannot wait for a pipe: there its end is waited for
        return True
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return bool(poll.poll(1000 * seconds))
