"""What was measured and drawn of a run, whoever did it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sentiprism.errors import UserError
from sentiprism.studio.jobs.run_kinds import FIGURES

_FILE = re.compile(rf"({'|'.join(FIGURES)})(-class)?-(train|valid|test)\.(png|pdf|svg)", re.ASCII)
TITLES = {
    "confusion": "Confusion of classes",
    "weights": "Modality weights",
    "gates": "Gates",
    "tsne": "t-SNE of features",
    "attention": "Attention",
    "robustness": "Robustness",
    "reliability": "Coverage of intervals",
}


class Picture(NamedTuple):
    """A figure of a run."""

    title: str
    split: str
    files: tuple[str, ...]
    """Names of its files, by which a browser asks for them."""
    changed: int
    """When it was drawn, in ns: a new one is fetched anew."""

    @property
    def shown(self) -> str | None:
        """The file that a page shows; None if there is none that every browser shows."""
        return next((name for name in self.files if name.endswith(".png")), None)


class Corrupted(NamedTuple):
    """A run's own metric under one kind of corruption."""

    kind: str
    modality: str
    clean: tuple[str, ...]
    worst: tuple[str, ...]
    area: tuple[str, ...]
    """Value and interval."""


class Robust(NamedTuple):
    """The robustness of a run."""

    metric: str
    rows: tuple[Corrupted, ...]
    notes: tuple[str, ...]


class Covered(NamedTuple):
    """Measured coverage of a group of utterances."""

    group: str
    utterances: int
    coverage: float | None
    low: float | None
    high: float | None
    size: float | None


class Calibration(NamedTuple):
    """How far a run is calibrated."""

    level: float
    seeds: int


def list_pictures(folder: Path) -> list[Picture]:
    """Figures in a run's folder, by the names that they are written under.

    Args:
        folder: of the run.
    """
    found: dict[tuple[str, str], list[Path]] = {}
    places = sorted((folder / "figures").glob("*"))
    for path in places:
        match = _FILE.fullmatch(path.name)
        if match and path.is_file() and not path.is_symlink():
            found.setdefault((match[1], match[3]), []).append(path)
    return [
        Picture(TITLES[name], split, tuple(p.name for p in files), max(p.stat().st_mtime_ns for p in files))
        for (name, split), files in sorted(found.items(), key=lambda one: (FIGURES.index(one[0][0]), one[0][1]))
    ]


def find_picture(folder: Path, name: str) -> Path | None:
    """The file of a figure; None where the run has no such one."""
    return folder / "figures" / name if any(name in one.files for one in list_pictures(folder)) else None


def read_calibration(folder: Path) -> Calibration | None:
    """How the seeds of a run are calibrated; None if they are not, or not alike."""
    from sentiprism.models.artifact import describe_model, noted_calibration

    try:
        noted = [noted_calibration(describe_model(model).metadata) for model in sorted(folder.glob("seed-*/model"))]
    except UserError:
        return None
    levels = {None if one is None else one.level for one in noted}
    level = levels.pop() if len(levels) == 1 else None
    return None if level is None else Calibration(level, len(noted))


def read_coverage(result: Mapping[str, Any] | None) -> list[Covered]:
    """Coverage as a job of calibration has measured it; empty where it has not."""
    try:
        groups = (result or {})["calibration"]["groups"]
        return [_covered(str(name), one) for name, one in groups.items()]
    except (KeyError, TypeError, ValueError):
        return []


def _covered(group: str, one: Mapping[str, Any]) -> Covered:
    share = one["coverage"]
    return Covered(group, int(one["utterances"]), share["mean"], share["low"], share["high"], one["size"])


def read_robustness(folder: Path, split: str = "test") -> Robust | None:
    """Robustness as it is stored in a run's folder; None where it is not measured, or damaged."""
    from sentiprism.evaluation.robustness_curves import kept
    from sentiprism.training.run import Run

    try:
        found = kept(Run.open(folder), split)
    except UserError:
        return None
    if found is None or not found.curves:
        return None
    scorer = found.protocol
    name = scorer.default_selection
    label, scale = scorer.metrics[name].label, scorer.metrics[name].scale
    rows = tuple(
        Corrupted(one.kind, one.modality, *(one.cells(place, name, scale) for place in (0, len(one.points) - 1, -1)))
        for one in found.curves
    )
    return Robust(label, rows, tuple(found.notes()))
