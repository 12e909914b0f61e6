"""Curves of metrics by strength of corruption, and their file in the run folder."""

import json
import os
import re
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path
from typing import Any, NamedTuple, Self

from pydantic import Field, model_validator

from sentiprism.config import Record
from sentiprism.data.corruption import KINDS, Kind
from sentiprism.errors import UserError
from sentiprism.evaluation.bootstrap import Interval
from sentiprism.evaluation.constant import MARK
from sentiprism.evaluation.footnotes import constant_notes
from sentiprism.evaluation.measurement import Measurement
from sentiprism.files import write_text
from sentiprism.metrics import Protocol
from sentiprism.reading import read_json
from sentiprism.tables import jsonable
from sentiprism.training.run import Run
from sentiprism.types import MODALITIES, Modality

REMEDY = "measure again with: sentiprism robustness"
WEIGHT = "weight"
"""Name for showing the weight of the corrupted modality instead of a metric."""
FEW_BEFORE = re.compile(r"(\d+) (videos) \(too few ")
"""Text of earlier versions for too few videos."""


class Grid(NamedTuple):
    """Settings of curves that must be equal for comparisons: number of strengths and corruption seed."""

    strengths: int
    seed: int | None
    """None in files of earlier versions."""

    def __str__(self) -> str:
        return f"{self.strengths} strengths, corruption seed {'not known' if self.seed is None else self.seed}"


class Curve(NamedTuple):
    """Metrics by strength of one kind of corruption of one modality."""

    kind: Kind
    modality: Modality
    strengths: tuple[float, ...]
    """From 0, the clean inputs."""
    points: tuple[dict[str, Interval], ...]
    """Every metric at each strength: mean over seeds, standard deviation, 95% bootstrap interval."""
    area: dict[str, Interval]
    """Area under the curve (trapezoids) divided by its width: the mean of the metric over the strengths."""
    drawn_over: str = "utterances"
    """Units of the intervals; utterances in files of earlier versions."""
    better: tuple[bool | None, ...] = ()
    """Whether each point, and at the end the area, is better than the constant predictor on the protocol's own metric
    by the 95% interval of the difference; None if there are too few videos; () in files of earlier versions."""
    weights: tuple[dict[Modality, float], ...] = ()
    """Weight of each modality at each strength, mean over seeds and utterances; () if the model has no weights, and in
    files of earlier versions."""
    seed: int | None = None
    """Corruption seed; None in files of earlier versions."""
    too_few: str = ""
    """``videos (4)`` if they are too few for a claim, else ""."""

    @property
    def grid(self) -> Grid:
        """Strengths and corruption seed."""
        return Grid(len(self.strengths), self.seed)

    def cells(self, place: int, metric: str, scale: int) -> tuple[str, ...]:
        """A point, or the area at -1, for tables; marked if it is not better than the constant predictor."""
        first, *rest = (self.area if place == -1 else self.points[place])[metric].cells(scale)
        return (first + f" {MARK}" * (self.better[place : place + 1 or None] == (False,)), *rest)


@dataclass(frozen=True, kw_only=True)
class Robustness(Measurement):
    """Metrics of a run on one split under corruption."""

    curves: tuple[Curve, ...]
    constant: dict[str, Interval]
    """Metrics of the constant predictor, which corruption does not change; {} in files of earlier versions."""
    constant_is: str = ""
    """Description of its value."""

    def check_weights(self) -> None:
        """Refuse to show modality weights if there are none.

        Raises:
            UserError: the model has none, or the file is from an earlier version.
        """
        if not all(curve.weights for curve in self.curves):
            raise UserError(f"{self.run} has no modality weights by strength", f"choose a metric; or {REMEDY}")

    def notes(self) -> list[str]:
        """Describe the constant predictor, and the mark or its absence."""
        marked = any(False in curve.better for curve in self.curves)
        few = [curve.too_few for curve in self.curves if curve.too_few]
        known = [self.constant_is] if self.constant else []
        return constant_notes(self.protocol, known, [], marked=marked, too_few=few)

    @property
    def grids(self) -> str:
        """Strengths and corruption seed: "6 strengths, corruption seed 0"; several if curves differ."""
        return "; ".join(dict.fromkeys(str(curve.grid) for curve in self.curves))

    @property
    def drawn_over(self) -> str:
        """Units of the curves' intervals: "31 videos"; both if versions of the program differ."""
        return " or ".join(dict.fromkeys(curve.drawn_over for curve in self.curves))

    def to_dict(self) -> dict[str, Any]:
        """As values for JSON."""
        return {
            **vars(self),
            "protocol": self.protocol.name,
            "curves": [
                {
                    **curve._asdict(),
                    "points": [_plain(point) for point in curve.points],
                    "area": _plain(curve.area),
                }
                for curve in self.curves
            ],
            "constant": _plain(self.constant),
        }


def kept(run: Run, split: str = "test") -> Robustness | None:
    """Load a stored measurement of all the finished seeds; None if there is none.

    Raises:
        UserError: the file is damaged.
    """
    path = _file(run, split)
    if not os.path.lexists(path):
        return None
    stored = _Stored.parse(read_json(path), str(path), REMEDY)
    if stored.seeds != run.finished:
        return None
    scorer = run.protocol
    return Robustness(
        run=stored.run,
        model=stored.model,
        dataset=stored.dataset,
        split=stored.split,
        protocol=scorer,
        seeds=stored.seeds,
        selection=stored.selection,
        curves=tuple(_curve(one, scorer, path) for one in stored.curves),
        constant=_intervals(stored.constant, scorer, path) if stored.constant else {},
        constant_is=stored.constant_is,
    )


class _Interval(Record):
    mean: float | None
    std: float | None
    low: float | None
    high: float | None


_Point = dict[str, _Interval]


class _Curve(Record):
    kind: Kind
    modality: Modality
    strengths: tuple[float, ...] = Field(min_length=2)
    points: tuple[_Point, ...]
    area: _Point
    drawn_over: str = "utterances"
    better: tuple[bool | None, ...] = ()
    weights: tuple[dict[Modality, float], ...] = ()
    seed: int | None = None
    too_few: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        count = len(self.strengths)
        if len(self.points) != count or len(self.better) not in {0, count + 1} or len(self.weights) not in {0, count}:
            raise ValueError("should have a point for each strength")
        return self


class _Stored(Record):
    """File of `keep`; null is an undefined number."""

    run: str
    model: str
    dataset: str
    split: str
    seeds: tuple[int, ...]
    selection: str
    curves: tuple[_Curve, ...] = Field(min_length=1)
    constant: _Point = {}
    constant_is: str = ""


def _curve(one: _Curve, scorer: Protocol, path: Path) -> Curve:
    points = tuple(_intervals(point, scorer, path) for point in one.points)
    area, few, better = _intervals(one.area, scorer, path), one.too_few, one.better
    if not few and (earlier := FEW_BEFORE.match(one.drawn_over)):  # earlier versions made claims nevertheless
        few, better = f"{earlier[2]} ({earlier[1]})", (None,) * len(better)
    return Curve(
        one.kind, one.modality, one.strengths, points, area, one.drawn_over, better, one.weights, one.seed, few
    )


def _intervals(point: _Point, scorer: Protocol, path: Path) -> dict[str, Interval]:
    for name in scorer.names:
        if name not in point:
            raise UserError(f"{path} lacks the metric {name!r} somewhere", REMEDY)
    numbers = {name: (one.mean, one.std, one.low, one.high) for name, one in point.items() if name in scorer.names}
    return {name: Interval(*(nan if v is None else v for v in four)) for name, four in numbers.items()}


def keep(run: Run, new: Robustness) -> list[str]:
    """Write the curves into the run folder, and keep curves of other kinds and modalities.

    Returns:
        Notes on curves with other strengths, or another corruption seed, that were replaced.
    """
    try:
        old = kept(run, new.split)
    except UserError:  # damaged: replaced by the new measurement
        old = None
    curves = {(one.kind, one.modality): one for found in (old, new) if found for one in found.curves}
    order = [key for kind in KINDS for modality in MODALITIES if (key := (kind, modality)) in curves]
    merged = replace(new, curves=tuple(curves[key] for key in order))
    write_text(_file(run, new.split), json.dumps(jsonable(merged.to_dict()), indent=1))
    replaced = [one for one in old.curves if curves[one.kind, one.modality].grid != one.grid] if old else []
    return [f"{one.modality}, {one.kind}: replaces the curve at {one.grid}" for one in replaced]


def _file(run: Run, split: str) -> Path:
    return run.folder / f"robustness-{split}.json"


def _plain(point: dict[str, Interval]) -> dict[str, Any]:
    return {name: value._asdict() for name, value in point.items()}
