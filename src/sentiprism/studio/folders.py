"""Runs and reports below the workspace, whoever made them."""

import os
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from math import inf
from pathlib import Path
from time import monotonic, time
from typing import Any, NamedTuple

from sentiprism.errors import UserError
from sentiprism.reading import open_regular
from sentiprism.report.analysis import Analysis
from sentiprism.report.files import DOCUMENT, PAGE, read_report
from sentiprism.report.page.index import Entry
from sentiprism.studio.store.tables import ID
from sentiprism.training.config import RunConfig
from sentiprism.training.records import read_summary
from sentiprism.yaml_files import load_yaml

RUN = "run.yaml"
DEPTH = 3
"""Levels below the workspace: runs/frozen/mdf has three."""
MOST = 20_000
"""Folders that are looked into."""
FRESH = 2.0
"""Seconds that a listing is good for at least."""
EFFORT = 20
"""A listing is good for so many times as long as it took: a home folder with everything in it is listed rarely."""
NOT_OURS = frozenset(("node_modules", "site-packages", "__pycache__"))
"""Folders that hold thousands of others, and none of ours."""
_CONTENT = re.compile(rb'"content":"([0-9a-f]{64})"')
BUSY = 600.0
"""Seconds after the last write in which an unfinished run may be running; few epochs take longer."""
HEAD = 4096
"""Bytes of a report's document that its recording's checksum is in."""


class RunFolder(NamedTuple):
    """A run as the list shows it."""

    id: str
    folder: Path
    name: str
    """Relative to the workspace."""
    model: str
    dataset: str
    seeds: int
    finished: int
    changed: datetime
    score: str
    """Mean score on valid of the finished seeds, in words; empty before."""


class ReportFolder(NamedTuple):
    """A report as the list shows it."""

    id: str
    folder: Path
    name: str
    content: str
    """SHA-256 of its recording."""
    changed: datetime


class Folders:
    """Finds runs and reports; a browser names them by an identifier, never by a path.

    Args:
        workspace: folder they are below.
    """

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace.resolve()
        self._lock = threading.Lock()
        self._looked, self._good_for = -inf, FRESH
        self._runs: list[Path] = []
        self._reports: list[Path] = []

    def runs(self) -> list[RunFolder]:
        """Every run, the newest first."""
        found = (_run(folder, self._name(folder), _stamp(folder)) for folder in self._look()[0])
        return sorted(filter(None, found), key=lambda one: one.changed, reverse=True)

    def reports(self) -> list[ReportFolder]:
        """Every report, the newest first."""
        found = (self._report(folder) for folder in self._look()[1])
        return sorted(filter(None, found), key=lambda one: one.changed, reverse=True)

    def newest_reports(self) -> dict[str, ReportFolder]:
        """The newest report of each recording, by the recording's SHA-256."""
        return {one.content: one for one in reversed(self.reports())}

    def run(self, identifier: str) -> RunFolder | None:
        """The run of an identifier."""
        return next((one for one in self.runs() if one.id == identifier), None)

    def report(self, identifier: str) -> ReportFolder | None:
        """The report of an identifier."""
        return next((one for one in self.reports() if one.id == identifier), None)

    def identifier(self, folder: Path) -> str:
        """What a browser calls a folder of the workspace."""
        return _identify(self.workspace / folder)

    def forget(self) -> None:
        """Look again the next time."""
        self._looked = -inf

    def _name(self, folder: Path) -> str:
        return _name_in(folder, self.workspace)

    def _report(self, folder: Path) -> ReportFolder | None:
        stamp = _stamp(folder, DOCUMENT)
        content = _content(folder, stamp)
        if content is None:
            return None
        return ReportFolder(self.identifier(folder), folder, self._name(folder), content, _moment(stamp))

    def _look(self) -> tuple[list[Path], list[Path]]:
        with self._lock:
            begun = monotonic()
            if begun - self._looked > self._good_for:
                runs, reports = [], []
                for folder, names in _walk(self.workspace):
                    if RUN in names:
                        runs.append(folder)
                    elif {PAGE, DOCUMENT} <= names:
                        reports.append(folder)
                self._runs, self._reports, self._looked = runs, reports, monotonic()
                self._good_for = max(FRESH, EFFORT * (self._looked - begun))
            return self._runs, self._reports


def _walk(workspace: Path) -> Iterator[tuple[Path, set[str]]]:
    """Folders with the names in them; what is hidden, linked, or inside a run or report is passed over."""
    todo, seen = [(workspace, 0)], 0
    while todo and seen < MOST:
        folder, depth = todo.pop()
        seen += 1
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        names = {entry.name for entry in entries}
        yield folder, names
        if depth < DEPTH and RUN not in names and not {PAGE, DOCUMENT} <= names:
            inner = (e for e in entries if e.name not in NOT_OURS and not e.name.startswith("."))
            inner = (e for e in inner if e.is_dir(follow_symlinks=False))
            todo.extend((Path(entry.path), depth + 1) for entry in inner)


def read_config(run: RunFolder) -> RunConfig:
    """The configuration of a run.

    Raises:
        UserError: it is damaged.
    """
    return RunConfig.parse(load_yaml(run.folder / RUN), run.name)


def may_be_running(run: RunFolder) -> bool:
    """Whether something was written into an unfinished run a moment ago: perhaps by the command line."""
    if run.finished == run.seeds:
        return False
    written = [path.stat().st_mtime for path in run.folder.glob("seed-*/*") if path.is_file()]
    return time() - max(written, default=0.0) < BUSY


@lru_cache(maxsize=16_384)  # lists of thousands of reports ask for each on every page
def _identify(folder: Path) -> str:
    return sha256(os.fsencode(folder)).hexdigest()[:ID]


@lru_cache(maxsize=16_384)
def _name_in(folder: Path, workspace: Path) -> str:
    return str(folder.relative_to(workspace))


def _stamp(folder: Path, *names: str) -> int:
    """When the newest of some files of a folder was written, in ns."""
    stamps = [0]
    for name in names or (RUN, "summary.json"):
        try:
            stamps.append((folder / name).stat().st_mtime_ns)
        except OSError:
            continue
    return max(stamps)


def _moment(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp / 1e9, UTC)


@lru_cache(maxsize=4096)
def _run(folder: Path, name: str, stamp: int) -> RunFolder | None:
    try:
        config: Any = load_yaml(folder / RUN)
        model, dataset, seeds = str(config["model"]), str(config["dataset"]), list(config["seeds"])
        summary = read_summary(folder / "summary.json") if (folder / "summary.json").is_file() else {}
    except (UserError, KeyError, TypeError):
        return None
    identifier = _identify(folder)
    done = [row for seed, row in summary.items() if seed in seeds]
    return RunFolder(identifier, folder, name, model, dataset, len(seeds), len(done), _moment(stamp), _score(done))


def _score(rows: list[dict[str, Any]]) -> str:
    for name, label in (("mae", "MAE"), ("accuracy", "accuracy")):
        values = [row["valid"][name] for row in rows if name in row["valid"]]
        if values:
            return f"{label} {sum(values) / len(values):.3f}"
    return ""


@lru_cache(maxsize=16_384)
def _content(folder: Path, stamp: int) -> str | None:  # noqa: ARG001 - part of the cache's key
    try:
        with open_regular(folder / DOCUMENT, what="report") as fd:
            found = _CONTENT.search(os.read(fd, HEAD))
    except (UserError, OSError):
        return None
    return found[1].decode() if found else None


def open_report(report: ReportFolder) -> Analysis | None:
    """The document of a report; None where it is damaged."""
    try:
        return read_report(report.folder)
    except UserError:
        return None


def summarise_report(report: ReportFolder) -> Entry | None:
    """What a list says of a report; None where it is damaged."""
    return _entry(report, report.changed)


@lru_cache(maxsize=2048)
def _entry(report: ReportFolder, changed: datetime) -> Entry | None:  # noqa: ARG001 - part of the cache's key
    analysis = open_report(report)
    return None if analysis is None else Entry.of(analysis, "")
