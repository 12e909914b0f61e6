"""Find runs, reports and saved models below a workspace; after the first time, only folders that changed are read."""

import os
import threading
from math import inf
from pathlib import Path
from time import monotonic, time_ns
from typing import NamedTuple

from sentiprism.models.artifact import CONFIG, WEIGHTS
from sentiprism.report.files import DOCUMENT, PAGE

RUN = "run.yaml"
DEPTH = 3
"""Levels below the workspace: runs/frozen/mdf has three."""
MOST = 20_000
"""Folders that are looked into."""
MOST_ASKED = 500
"""Folders whose time of change is read on every look; with more of them, a look is good for `FRESH`."""
FRESH = 2.0
"""Seconds after which everything is compared with the disk again, changes inside of runs and reports too."""
EFFORT = 20
"""A comparison is good for so many times as long as it took: a home folder with everything in it is read rarely."""
SETTLED = 2_000_000_000
"""Nanoseconds without a change, after which a folder's time tells of the next one: file systems count coarsely."""
KINDS = {"run": {RUN}, "report": {PAGE, DOCUMENT}, "model": {CONFIG, WEIGHTS}}
"""Files by which a folder is known as one."""
NOT_OURS = frozenset(("node_modules", "site-packages", "__pycache__"))
"""Folders that hold thousands of others, and none of ours."""


class Found(NamedTuple):
    """Folders of runs, reports, and models that are not a run's."""

    number: int
    """Another one whenever anything may have changed."""
    runs: tuple[str, ...]
    reports: tuple[str, ...]
    models: tuple[str, ...]


class _Folder(NamedTuple):
    """A folder as it was read."""

    changed: int
    inode: int
    settled: bool
    kind: str
    """"run", "report", "model", or "" of one that may hold others."""
    inner: tuple[str, ...]
    """Folders in it that are looked into."""


class FolderTree:
    """Folders below a workspace; what is hidden, linked, or inside one of them is passed over.

    A new, removed or replaced folder changes the time of the folder that it is in: each look reads the times of those
    alone.

    Args:
        root: the workspace.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._lock = threading.Lock()
        self._known: dict[str, _Folder] = {}
        self._holders: tuple[str, ...] = ()
        self._whole_until = self._good_until = -inf
        self._found = Found(0, (), (), ())

    def look(self) -> Found:
        """What is there now."""
        with self._lock:
            begun = monotonic()
            if begun > self._whole_until:
                self._read(whole=True)
                ended = monotonic()
                self._whole_until = ended + max(FRESH, EFFORT * (ended - begun))
            elif begun > self._good_until:
                if not all(_is_same(one, self._known[one]) for one in self._holders):
                    self._read(whole=False)
                self._good_until = -inf if len(self._holders) <= MOST_ASKED else monotonic() + FRESH
            return self._found

    def forget(self) -> None:
        """Compare everything with the disk the next time."""
        self._whole_until = -inf

    def _read(self, *, whole: bool) -> None:
        """Read what changed; with ``whole``, also runs, reports and models around which nothing did."""
        known: dict[str, _Folder] = {}
        todo = [(self._root, 0, True)]
        while todo and len(known) < MOST:
            path, depth, compare = todo.pop()
            one = self._known.get(path)
            is_new = one is None or ((compare or not one.kind) and not _is_same(path, one))
            if is_new:
                one = _read_folder(path, depth)
            if one is not None:
                known[path] = one
                todo.extend((inner, depth + 1, whole or is_new) for inner in one.inner)
        kinds: dict[str, list[str]] = {"": [], "run": [], "report": [], "model": []}
        for path, one in known.items():
            kinds[one.kind].append(path)
        self._known, self._holders = known, tuple(kinds[""])
        found = (tuple(kinds[kind]) for kind in ("run", "report", "model"))
        self._found = Found(self._found.number + 1, *found)


def _is_same(path: str, known: _Folder) -> bool:
    """Whether a folder is as it was read."""
    if not known.settled:
        return False
    try:
        status = os.stat(path, follow_symlinks=False)
    except OSError:
        return False
    return (status.st_mtime_ns, status.st_ino) == (known.changed, known.inode)


def _read_folder(path: str, depth: int) -> _Folder | None:
    """Read a folder's names; None where it is gone, or closed to us."""
    try:
        status = os.stat(path, follow_symlinks=False)  # before its names: a change between the two is noticed
        with os.scandir(path) as opened:
            entries = list(opened)
    except OSError:
        return None
    names = {entry.name for entry in entries}
    kind = next((kind for kind, files in KINDS.items() if files <= names), "")
    inner: tuple[str, ...] = ()
    if not kind and depth < DEPTH:
        open_ones = (one for one in entries if one.name not in NOT_OURS and not one.name.startswith("."))
        inner = tuple(one.path for one in open_ones if one.is_dir(follow_symlinks=False))
    return _Folder(status.st_mtime_ns, status.st_ino, time_ns() - status.st_mtime_ns > SETTLED, kind, inner)
