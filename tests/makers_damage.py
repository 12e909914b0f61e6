"""Damage to what a program wrote: every value of a document becomes every kind of nonsense, or the file is no file."""

import copy
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from makers_hostile_text import controls
from sentiprism.errors import UserError

DEEP = "[" * 2000 + "]" * 2000
NONSENSE: dict[str, Any] = {
    "null": None,
    "list": [1, "a"],
    "mapping": {"a": 1},
    "huge": 10**30,
    "negative": -1,
    "NaN": float("nan"),
    "colour": "\x1b[31mx",
    "long": "y" * 50_000,
    "true": True,
    "empty": "",
    "none of it": [],
}


def places(value: Any, at: tuple = ()) -> Iterator[tuple]:
    """Where values stand in a JSON document; of a list, its first two."""
    yield at
    below = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, inner in below:
        yield from places(inner, (*at, key))


def changed(value: Any, at: tuple, new: Any) -> Any:
    """The document with another value at a place."""
    if not at:
        return new
    value = copy.deepcopy(value)
    here = value
    for part in at[:-1]:
        here = here[part]
    here[at[-1]] = new
    return value


def without(value: Any, at: tuple) -> Any:
    """The document without a key."""
    value = copy.deepcopy(value)
    here = value
    for part in at[:-1]:
        here = here[part]
    del here[at[-1]]
    return value


def _replaced(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


FILES: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3]),
    "empty": lambda path: path.write_bytes(b""),
    "bytes": lambda path: path.write_bytes(bytes(range(256)) * 20),
    "NUL": lambda path: path.write_bytes(path.read_bytes()[:40] + b"\0\0" + path.read_bytes()[40:]),
    "deep": lambda path: path.write_text(DEEP),
    "number": lambda path: path.write_text("3"),
    "words": lambda path: path.write_text("hello"),
    "pipe": _replaced(os.mkfifo),
    "folder": _replaced(Path.mkdir),
    "endless": _replaced(lambda path: path.symlink_to("/dev/zero")),
    "circle": _replaced(lambda path: path.symlink_to(path)),
}
"""What may stand in the place of a file, by name."""


def dumped(value: Any) -> str:
    """As this program writes JSON, NaN among it."""
    return json.dumps(value)


def refusal(read: Callable[[], object]) -> str | None:
    """The one line that reading ends with; None where the damage is none."""
    try:
        read()
    except UserError as error:
        line = str(error)
        assert len(line) <= 400
        assert controls(line) == []
        assert "pydantic" not in line
        return line
    return None
