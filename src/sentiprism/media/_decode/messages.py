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
"""Of a picture: seconds, width, height, bytes a line, quarter turns counterclockwise, mirrored before that."""
ALIVE_EVERY = 1.0
"""Seconds after which a process that works says so."""


class Kind(IntEnum):
    """What a message is."""

    ALIVE = 0
    """JSON: seconds of the recording that are done."""
    PICTURE = 1
    """`PICTURE` and the lines of RGB pixels, not yet turned."""
    ANSWER = 2
    """JSON, the last message of a task that is done."""
    REFUSED = 3
    """JSON [cause, remedy], the last message of a task that is not."""


class RefusedError(Exception):
    """The recording is not decoded; the cause follows the file's name."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause, remedy)


def refuse(cause: str, remedy: str) -> NoReturn:
    """Raise `RefusedError`."""
    raise RefusedError(cause, remedy)


class Voice:
    """The child's end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._last = file, time.monotonic()

    def send(self, kind: Kind, *parts: bytes | memoryview) -> None:
        """Send one message; blocks while the parent does not read."""
        self._file.write(HEADER.pack(kind, sum(map(len, parts))))
        for part in parts:
            self._file.write(part)
        self._file.flush()
        self._last = time.monotonic()

    def say(self, kind: Kind, value: Mapping[str, Any] | list[str] | float) -> None:
        """Send one message of JSON."""
        self.send(kind, json.dumps(value).encode())

    def alive(self, seconds: float) -> None:
        """Say how far we are, once a second."""
        if time.monotonic() - self._last > ALIVE_EVERY:
            self.say(Kind.ALIVE, seconds)
