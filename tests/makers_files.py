"""Files and folders that this process opens."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_told: list[list[str]] = []


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if _told and event in {"open", "os.scandir", "os.listdir"} and isinstance(arguments[0], str | os.PathLike):
        for told in _told:
            told.append(os.fspath(arguments[0]))


sys.addaudithook(_hear)  # it cannot be removed: it is silent unless somebody counts


@contextmanager
def counting_opens(*folders: Path) -> Iterator[list[str]]:
    """List what is opened below some folders meanwhile, by every thread of this process."""
    own: list[str] = []
    told: list[str] = []
    _told.append(told)
    try:
        yield own
    finally:
        _told.remove(told)
        own += [path for path in told if any(Path(path).is_relative_to(folder) for folder in folders)]


def settle(folder: Path) -> None:
    """Make a folder and those in it look as if nobody had changed them for an hour."""
    for path in (*folder.rglob("*"), folder):
        if path.is_dir():
            os.utime(path, (path.stat().st_mtime - 3600,) * 2)
