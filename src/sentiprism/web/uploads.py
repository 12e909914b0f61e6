"""Uploads in blocks, within limits."""

import asyncio
import os
import shutil
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from anyio.to_thread import run_sync
from starlette.requests import Request

from sentiprism.errors import UserError, printable
from sentiprism.tables import size

BLOCK = 2**20
"""Bytes that are written at a time."""
LONGEST_NAME = 200
"""Characters of a name; a middle part is left out of a longer one."""


@dataclass(frozen=True)
class Limits:
    """Limits of an upload; a test makes them small.

    Args:
        size: bytes of a file.
        seconds: of the whole upload.
        silence: seconds without a byte.
        free: bytes that must stay free on the disk.
    """

    size: int = 8 * 10**9
    seconds: float = 3600.0
    silence: float = 30.0
    free: int = 2 * 10**9


async def blocks(request: Request, silence: float | None) -> AsyncIterator[bytes]:
    """Yield the body in blocks of about `BLOCK` bytes.

    Args:
        request: whose body it is.
        silence: most seconds without a byte; None = the guard watches that.

    Raises:
        TimeoutError: nothing came for too long.
    """
    stream, block = request.stream(), bytearray()
    while True:
        try:
            async with asyncio.timeout(silence):
                chunk = await anext(stream)
        except StopAsyncIteration:
            break
        block += chunk
        if len(block) >= BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def check_space(folder: Path, length: int, free: int, remedy: str) -> None:
    """Refuse an upload that would fill the disk.

    Args:
        folder: where it is stored.
        length: bytes that the client announces.
        free: bytes that must stay free.
        remedy: where to make room.

    Raises:
        UserError: it cannot be stored.
    """
    if shutil.disk_usage(folder).free - length < free:
        raise UserError("there is not enough room on the disk", remedy)


def too_large(limits: Limits) -> UserError:
    """The error of a file that is too large."""
    return UserError(f"the file is larger than {size(limits.size)}", "cut it into parts")


async def write(file: BinaryIO, block: bytes) -> None:
    """Write a block in a thread."""
    await run_sync(file.write, block)


async def finish(file: BinaryIO) -> None:
    """Wait in a thread until a file is on the disk."""

    def sync() -> None:
        file.flush()
        os.fsync(file.fileno())

    await run_sync(sync)


def clean_name(name: str) -> str:
    """A file's name for people: without folders, control characters and half characters, and not too long."""
    last = name.replace("\\", "/").rpartition("/")[2]
    text = printable(unicodedata.normalize("NFC", last.encode(errors="replace").decode())).strip() or "recording"
    if len(text) <= LONGEST_NAME:
        return text
    return f"{text[: LONGEST_NAME - 21]}…{text[-20:]}"
