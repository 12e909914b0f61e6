"""Read files that a user names: regular, bounded, without blocking."""

import codecs
import json
import math
import os
import re
import stat
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sentiprism.errors import UserError, shorten
from sentiprism.tables import size

MB = 2**20
SMALL = 16 * MB
"""Largest configuration, card or summary in bytes: a thousand times the usual size."""
DEPTH = 64
"""Deepest nesting of a JSON file; this program's files have at most ten levels."""
SYSTEM = tuple(f"{os.sep}{name}{os.sep}" for name in ("proc", "sys", "dev"))
"""System folders without regular files: reading them may block, never end, or reveal private data."""
FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Flags for opening: non-blocking because of FIFOs (not on Windows), and binary mode (Windows only)."""
HOPS = 40
"""Most symbolic links to follow, as in Linux."""
CONTROLS = 0.01
"""Share of control characters above which bytes are not text, in encodings that accept any bytes."""
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@contextmanager
def open_regular(path: Path, most: int | None = None, what: str = "file") -> Iterator[int]:
    """Yield a read-only descriptor of a regular file with content.

    Args:
        path: given by the user; links are followed, but not through ``/proc``, ``/sys`` or ``/dev``.
        most: largest size in bytes; None = no limit.
        what: kind of file, for messages: "recording", "table".

    Raises:
        UserError: it is missing, a folder, a pipe, a device, empty, too large, or not readable.
    """
    try:
        if _leads_into_system(path):
            raise UserError(f"{path} is not a regular file", f"save the {what} as a file first")
        fd = os.open(path, FLAGS)
    except FileNotFoundError:
        raise UserError(f"no file {path}", "check the path") from None
    except (OSError, ValueError) as error:
        cause = error.strerror.lower() if isinstance(error, OSError) and error.strerror else "not a valid path"
        raise UserError(f"{path} cannot be opened ({cause})", "check the path and its permissions") from None
    try:
        found = os.fstat(fd)
        if stat.S_ISDIR(found.st_mode):
            raise UserError(f"{path} is a folder", f"give a {what}")
        if not stat.S_ISREG(found.st_mode):
            raise UserError(f"{path} is not a regular file", f"save the {what} as a file first")
        if not found.st_size:
            raise UserError(f"{path} is empty", "get a complete copy of it")
        if most is not None and found.st_size > most:
            raise _too_large(path, most, what)
        yield fd
    finally:
        os.close(fd)


def check_regular(path: Path, most: int | None = None, what: str = "file") -> None:
    """Check a path as `open_regular` does, for libraries that open it themselves."""
    with open_regular(path, most, what):
        pass


def check_folder(folder: Path, suffixes: Container[str], most: Mapping[str, int], what: str) -> None:
    """Refuse a model folder with a file on which a library would block or read without end.

    Args:
        folder: of the model; subfolders are not checked.
        suffixes: of the files that the library may read; empty files are allowed.
        most: largest size in bytes by suffix, if limited.
        what: kind of files, see `open_regular`.

    Raises:
        UserError: one of these is not a regular file, or too large.
    """
    for path in folder.iterdir():
        empty = path.is_file() and not path.is_symlink() and not path.stat().st_size
        if path.suffix in suffixes and not empty:
            check_regular(path, most.get(path.suffix), what)


def read_bytes(path: Path, most: int = SMALL, what: str = "file") -> bytes:
    """Read the content of a regular file; errors as `open_regular`."""
    with open_regular(path, most, what) as fd:
        try:
            with open(fd, "rb", closefd=False) as file:
                content = file.read(most + 1)
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror})", "get a complete copy of it") from None
    if len(content) > most:  # it has grown since the check
        raise _too_large(path, most, what)
    return content


def _too_large(path: Path, most: int, what: str) -> UserError:
    return UserError(f"{path} is too large: the limit for a {what} is {size(most)}", "give a smaller one, or split it")


def read_text(path: Path, most: int = SMALL, what: str = "file", also: Sequence[str] = ()) -> str:
    """Read the text of a regular file in UTF-8, or in UTF-16 or UTF-8 with a byte-order mark.

    Args:
        path: see `open_regular`.
        most: see `open_regular`.
        what: see `open_regular`.
        also: further encodings to try if it is not UTF-8.

    Raises:
        UserError: as `open_regular`; or it is in another encoding, or binary.
    """
    return decode_text(read_bytes(path, most, what), path, also)


def decode_text(content: bytes, path: Path, also: Sequence[str] = ()) -> str:
    """Decode bytes that were read from ``path``, see `read_text`."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", *also)
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError as error:
            fault = error
            continue
        if "\0" in text or (encoding in also and _controls(text) > CONTROLS):
            cause = "NUL bytes" if "\0" in text else "control characters"
            raise UserError(f"{path} is not text: it has {cause}", "get a complete copy of it, as UTF-8")
        return text
    name = "UTF-16" if encodings == ("utf-16",) else "UTF-8"
    raise UserError(f"{path} is not {name} text (byte {fault.start})", "save it as UTF-8")


def _controls(text: str) -> float:
    begin = text[:100_000]
    return sum(ord(c) < 32 and not c.isspace() for c in begin) / max(len(begin), 1)


def read_json(path: Path, most: int = SMALL, what: str = "JSON file") -> Any:
    """Read the value of a JSON file.

    Raises:
        UserError: as `read_text`; or it is not JSON, is nested more than `DEPTH` deep, has a key twice in one object,
            or has half of a surrogate pair.
    """
    return parse_json(read_text(path, most, what), path)


def read_json_lines(path: Path, most: int = SMALL, what: str = "JSON Lines file") -> list[Any]:
    """Read the JSON value of each line; errors as `read_json`, with the line number."""
    lines = read_text(path, most, what).removesuffix("\n").split("\n")  # U+2028 may be part of a text
    return [parse_json(line, f"{path} line {number}") for number, line in enumerate(lines, start=1)]


def parse_json(text: str, source: object) -> Any:
    """Parse a JSON text; ``source`` is its name in errors, see `read_json`."""
    try:
        value = json.loads(text, object_pairs_hook=_without_repetition)
    except RecursionError:
        raise UserError(f"{source} is nested too deeply", f"use at most {DEPTH} levels of brackets") from None
    except ValueError as error:  # also for a number with too many digits for Python
        raise UserError(f"{source} is not JSON: {error}", "fix the file, or get a complete copy of it") from None
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEPTH + 1:
            raise UserError(f"{source} is nested too deeply", f"use at most {DEPTH} levels of brackets")
        inner = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list))
        level = [item for one in inner for item in one if isinstance(item, dict | list)]
    if _SURROGATE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise UserError(
                f"{source} has half of a surrogate pair (\\ud800 to \\udfff)", "write complete characters"
            ) from None
    return value


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        again = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"one object has the key {again!r} twice")
    return value


def parse_number(text: str) -> float:
    """Parse a finite decimal number; unlike ``float``, it refuses ``1_0``, full-width digits and NaN.

    Raises:
        ValueError: it is not a number, or too large.
    """
    value = float(text) if _NUMBER.fullmatch(text.strip()) else math.nan
    if not math.isfinite(value):
        raise ValueError(f"{shorten(text)!r} is not a number")
    return value


def _leads_into_system(path: Path) -> bool:
    where = os.path.abspath(path)
    for _ in range(HOPS):
        real = os.path.join(os.path.realpath(os.path.dirname(where)), os.path.basename(where))
        if any(one.startswith(SYSTEM) and not one.startswith("/dev/shm/") for one in (where, real)):  # noqa: S108 - files in shared memory are regular
            return True
        if not os.path.islink(real):
            return False
        where = os.path.join(os.path.dirname(real), os.readlink(real))
    return False
