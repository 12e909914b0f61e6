"""Runs, reports and saved models below the workspace, whoever made them."""

import os
import re
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any, NamedTuple

from sentiprism.errors import UserError
from sentiprism.models.artifact import CONFIG, describe_model
from sentiprism.reading import open_regular
from sentiprism.report.analysis import Analysis
from sentiprism.report.files import DOCUMENT, read_report
from sentiprism.report.page.index import Entry
from sentiprism.studio.store.tables import ID
from sentiprism.studio.tree import RUN, FolderTree
from sentiprism.training.config import RunConfig
from sentiprism.training.records import read_summary
from sentiprism.yaml_files import load_yaml

_CONTENT = re.compile(rb'"content":"([0-9a-f]{64})"')
BUSY = 600.0
"""Seconds after the last write in which an unfinished run may be running; few epochs take longer."""
OF_RUN = (RUN, "summary.json")
"""Files that tell of a run."""
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

    @property
    def version(self) -> tuple[str, int]:
        """Identifier, and when it was written in µs: numbers of another version are those of another document."""
        return self.id, round(self.changed.timestamp() * 1e6)


class ModelFolder(NamedTuple):
    """A saved model that is not a run's, as the list shows it: ``adapt`` makes such."""

    id: str
    folder: Path
    name: str
    model: str
    """Its architecture."""
    base: str
    """The model that it was adapted from; empty if that is not known."""
    changed: datetime


class _Reports(NamedTuple):
    """Reports in the order of a list, and by what they are asked for."""

    number: int
    """Of the look that they were found in."""
    listed: tuple[ReportFolder, ...]
    by_id: Mapping[str, ReportFolder]
    by_folder: Mapping[Path, ReportFolder]
    newest: Mapping[str, ReportFolder]


class Folders:
    """Finds runs, reports and models; a browser names them by an identifier, never by a path.

    Args:
        workspace: folder they are below.
    """

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace.resolve()
        self._tree = FolderTree(self.workspace)
        self._lock = threading.Lock()
        self._reports = _Reports(-1, (), {}, {}, {})

    def runs(self) -> list[RunFolder]:
        """Every run, the newest first."""
        folders = map(Path, self._tree.look().runs)
        found = (_run(folder, _name_in(folder, self.workspace), _stamp(folder, *OF_RUN)) for folder in folders)
        return sorted(filter(None, found), key=lambda one: one.changed, reverse=True)

    def reports(self) -> Sequence[ReportFolder]:
        """Every report, the newest first."""
        return self._look().listed

    def models(self) -> list[ModelFolder]:
        """Every saved model that is not a run's, the newest first."""
        folders = map(Path, self._tree.look().models)
        found = (_model(folder, _name_in(folder, self.workspace), _stamp(folder, CONFIG)) for folder in folders)
        return sorted(filter(None, found), key=lambda one: one.changed, reverse=True)

    def newest_reports(self) -> Mapping[str, ReportFolder]:
        """The newest report of each recording, by the recording's SHA-256."""
        return self._look().newest

    def reports_by_folder(self) -> Mapping[Path, ReportFolder]:
        """Every report, by its folder."""
        return self._look().by_folder

    def run(self, identifier: str) -> RunFolder | None:
        """The run of an identifier."""
        return next((one for one in self.runs() if one.id == identifier), None)

    def report(self, identifier: str) -> ReportFolder | None:
        """The report of an identifier."""
        return self._look().by_id.get(identifier)

    def model(self, identifier: str) -> ModelFolder | None:
        """The saved model of an identifier."""
        return next((one for one in self.models() if one.id == identifier), None)

    def identifier(self, folder: Path) -> str:
        """What a browser calls a folder of the workspace."""
        return _identify(self.workspace / folder)

    def forget(self) -> None:
        """Look at everything again the next time."""
        self._tree.forget()

    def _look(self) -> _Reports:
        """Reports as they are now; documents are read again where they may have changed."""
        with self._lock:
            found = self._tree.look()
            if found.number != self._reports.number:
                every = (_report(folder, self.workspace, _document_stamp(folder)) for folder in found.reports)
                listed = sorted(filter(None, every), key=lambda one: one.changed, reverse=True)
                self._reports = _Reports(
                    found.number,
                    tuple(listed),
                    {one.id: one for one in listed},
                    {one.folder: one for one in listed},
                    {one.content: one for one in reversed(listed)},
                )
            return self._reports


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


@lru_cache(maxsize=16_384)
def _identify(folder: Path) -> str:
    return sha256(os.fsencode(folder)).hexdigest()[:ID]


@lru_cache(maxsize=16_384)
def _name_in(folder: Path, workspace: Path) -> str:
    return str(folder.relative_to(workspace))


def _stamp(folder: Path, *names: str) -> int:
    """When the newest of some files of a folder was written, in ns."""
    stamps = [0]
    for name in names:
        try:
            stamps.append((folder / name).stat().st_mtime_ns)
        except OSError:
            continue
    return max(stamps)


def _document_stamp(folder: str) -> int:
    """When a report's document was written, in ns; 0 where it is gone."""
    try:
        return os.stat(f"{folder}{os.sep}{DOCUMENT}").st_mtime_ns
    except OSError:
        return 0


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


@lru_cache(maxsize=1024)
def _model(folder: Path, name: str, stamp: int) -> ModelFolder | None:
    try:
        found = describe_model(folder)
    except UserError:
        return None
    adapted = found.metadata.get("adapted")
    base = str(adapted.get("model", "")) if isinstance(adapted, dict) else ""
    return ModelFolder(_identify(folder), folder, name, found.model, base, _moment(stamp))


def _score(rows: list[dict[str, Any]]) -> str:
    for name, label in (("mae", "MAE"), ("accuracy", "accuracy")):
        values = [row["valid"][name] for row in rows if name in row["valid"]]
        if values:
            return f"{label} {sum(values) / len(values):.3f}"
    return ""


@lru_cache(maxsize=16_384)
def _report(path: str, workspace: Path, stamp: int) -> ReportFolder | None:
    """A report by the beginning of its document; None where that is damaged."""
    folder = Path(path)
    try:
        with open_regular(folder / DOCUMENT, what="report") as fd:
            found = _CONTENT.search(os.read(fd, HEAD))
    except (UserError, OSError):
        return None
    if found is None:
        return None
    return ReportFolder(_identify(folder), folder, _name_in(folder, workspace), found[1].decode(), _moment(stamp))


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
