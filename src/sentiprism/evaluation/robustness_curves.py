"""Curves of metrics over the strength of damage to the inputs: what a run folder keeps of them, and their table."""

import json
from collections.abc import Sequence
from math import nan
from pathlib import Path
from typing import Any, NamedTuple

from sentiprism.data.corruption import KINDS, Kind
from sentiprism.errors import UserError
from sentiprism.evaluation.answers import protocol_of
from sentiprism.evaluation.bootstrap import Interval
from sentiprism.evaluation.constant import MARK, NAME
from sentiprism.evaluation.footnotes import constant_notes
from sentiprism.files import write_text
from sentiprism.markup import Cell, jsonable
from sentiprism.metrics import Protocol
from sentiprism.training import Run
from sentiprism.types import MODALITIES, Modality


class Curve(NamedTuple):
    """Metrics over the strength of one kind of damage to one modality."""

    kind: Kind
    modality: Modality
    strengths: tuple[float, ...]
    """From 0, where the inputs are as they are."""
    points: tuple[dict[str, Interval], ...]
    """Every metric at each strength: mean over seeds, standard deviation, 95% bootstrap interval."""
    area: dict[str, Interval]
    """Area under the curve (trapezoids) over its width: the mean of the metric over the strengths."""
    drawn_over: str = "utterances"
    """What the intervals are over; files of earlier versions have those over utterances."""
    better: tuple[bool, ...] = ()
    """Whether each point, and behind them the area, is better than the constant predictor on the protocol's own metric
    by the 95% interval of the difference; () in files of earlier versions."""

    def cells(self, place: int, metric: str, scale: int) -> tuple[str, ...]:
        """A point, or the area at -1, for tables; marked where it is not better than the constant predictor."""
        first, *rest = (self.area if place == -1 else self.points[place])[metric].cells(scale)
        return (first + f" {MARK}" * (self.better[place : place + 1 or None] == (False,)), *rest)


class Robustness(NamedTuple):
    """What damage does to a run on one split."""

    run: str
    model: str
    dataset: str
    split: str
    protocol: Protocol
    seeds: tuple[int, ...]
    selection: str
    curves: tuple[Curve, ...]
    constant: dict[str, Interval]
    """Every metric of the constant predictor, which no damage changes; {} in files of earlier versions."""
    constant_is: str = ""
    """Which value it predicts."""

    def notes(self) -> list[str]:
        """Say what the constant predictor is and what the mark means."""
        marked = any(False in curve.better for curve in self.curves)
        return constant_notes(self.protocol, [self.constant_is] if self.constant else [], [], marked=marked)

    @property
    def drawn_over(self) -> str:
        """What the intervals of the curves are over: "31 videos"; both where versions of the program differ."""
        return " or ".join(dict.fromkeys(curve.drawn_over for curve in self.curves))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **self._asdict(),
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
    """What an earlier measurement of all the finished seeds kept; None where there is none.

    Raises:
        UserError: it is damaged.
    """
    path = _file(run, split)
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        curves = [
            Curve(
                one["kind"],
                one["modality"],
                tuple(one["strengths"]),
                tuple(_intervals(point) for point in one["points"]),
                _intervals(one["area"]),
                str(one.get("drawn_over", "utterances")),
                tuple(one.get("better", ())),
            )
            for one in found.pop("curves")
        ]
        if not all(len(curve.points) == len(curve.strengths) > 1 for curve in curves) or not curves:
            raise ValueError("a curve lacks its points")
        found |= {"protocol": protocol_of(run), "seeds": tuple(found["seeds"]), "curves": tuple(curves)}
        found["constant"] = _intervals(found.get("constant", {}))
        return Robustness(**found) if found["seeds"] == run.finished else None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged: {error}", "measure again with: sentiprism robustness") from None


def keep(run: Run, new: Robustness) -> None:
    """Write the curves into the run folder, beside those of other kinds and modalities that are there."""
    try:
        old = kept(run, new.split)
    except UserError:  # damaged: what is measured now takes its place
        old = None
    curves = {(one.kind, one.modality): one for found in (old, new) if found for one in found.curves}
    order = [key for kind in KINDS for modality in MODALITIES if (key := (kind, modality)) in curves]
    merged = new._replace(curves=tuple(curves[key] for key in order))
    write_text(_file(run, new.split), json.dumps(jsonable(merged.to_dict()), indent=1))


def areas(found: Sequence[Robustness], metric: str) -> tuple[list[str], list[list[Cell]]]:
    """Columns and rows of a table: a metric of each run undamaged, and its mean over the strengths of each damage."""
    scale = found[0].protocol.metrics[metric].scale
    curves = [(one.run, {(curve.kind, curve.modality): curve for curve in one.curves}) for one in found]
    order = [(kind, modality) for modality in MODALITIES for kind in KINDS]
    there = [damage for damage in order if any(damage in one for _, one in curves)]
    rows: list[list[Cell]] = []
    if (constant := next((one.constant for one in found if one.constant), None)) is not None:
        rows.append([NAME, *[constant[metric].cells(scale)] * (1 + len(there))])
    for name, one in curves:
        damaged = (one[damage].cells(-1, metric, scale) if damage in one else "–" for damage in there)
        rows.append([name, next(iter(one.values())).cells(0, metric, scale), *damaged])
    return ["run", "undamaged", *(f"{modality}: {kind}" for kind, modality in there)], rows


def _file(run: Run, split: str) -> Path:
    return run.folder / f"robustness-{split}.json"


def _plain(point: dict[str, Interval]) -> dict[str, Any]:
    return {name: value._asdict() for name, value in point.items()}


def _intervals(point: dict[str, dict[str, float | None]]) -> dict[str, Interval]:
    return {name: Interval(**{k: nan if v is None else v for k, v in one.items()}) for name, one in point.items()}
