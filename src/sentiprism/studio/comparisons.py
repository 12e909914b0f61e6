"""A comparison as its page shows it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sentiprism.studio.charts import Whisker, draw_whiskers


class Cell(NamedTuple):
    """A metric of a run."""

    value: float | None
    std: float | None
    low: float | None
    high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    p: float | None
    """Corrected for all tests of the table."""
    whisker: Whisker | None
    best: bool


class Metric(NamedTuple):
    """A metric over the runs."""

    label: str
    scale: int
    higher: bool
    cells: tuple[Cell, ...]


class Column(NamedTuple):
    """A run."""

    name: str
    model: str
    seeds: int
    parameters: int
    reference: bool


class Comparison(NamedTuple):
    """Runs beside each other."""

    dataset: str
    split: str
    reference: str
    runs: tuple[Column, ...]
    metrics: tuple[Metric, ...]
    notes: tuple[str, ...]


def read_comparison(result: Mapping[str, Any]) -> Comparison | None:
    """The result of a job that compared; None where it is not one."""
    try:
        return _comparison(result)
    except (KeyError, TypeError, IndexError, ValueError):
        return None


def _comparison(result: Mapping[str, Any]) -> Comparison:
    found, names = result["comparison"], [str(name) for name in result["names"]]
    runs = found["runs"]
    differences = iter(found["differences"])
    apart = [None if name == found["reference"] else next(differences) for name in names]
    metrics = []
    for key, about in result["metrics"].items():
        values = [run["metrics"][key] for run in runs]
        cells = make_cells(values, [other and other[key] for other in apart])
        known = [cell.value for cell in cells if cell.value is not None]
        best = (max if about["higher"] else min)(known, default=None)
        cells = [cell._replace(best=len(known) > 1 and cell.value == best) for cell in cells]
        metrics.append(Metric(str(about["label"]), int(about["scale"]), bool(about["higher"]), tuple(cells)))
    columns = tuple(
        Column(name, str(run["model"]), len(run["seeds"]), int(cost["parameters"]), name == found["reference"])
        for name, run, cost in zip(names, runs, found["costs"], strict=True)
    )
    notes = tuple(str(note) for note in result["notes"])
    first = runs[0]
    return Comparison(
        str(first["dataset"]), str(first["split"]), str(found["reference"]), columns, tuple(metrics), notes
    )


def make_cells(values: Sequence[Mapping[str, Any]], apart: Sequence[Mapping[str, Any] | None]) -> list[Cell]:
    """Make the cells of a metric, with their intervals over one axis.

    Args:
        values: mean, std, low and high of each.
        apart: difference of each from the reference, with its interval; None of the reference itself.
    """
    places = [(one["low"], one["mean"], one["high"]) for one in values]
    whiskers = draw_whiskers([None if None in place else place for place in places])
    return [_cell(*row) for row in zip(values, apart, whiskers, strict=True)]


def _cell(value: Mapping[str, Any], other: Mapping[str, Any] | None, whisker: Whisker | None) -> Cell:
    apart = other or {}
    mean, std, low, high = (_number(value[name]) for name in ("mean", "std", "low", "high"))
    difference, difference_low, difference_high, p = (_number(apart.get(n)) for n in ("mean", "low", "high", "holm"))
    return Cell(mean, std, low, high, difference, difference_low, difference_high, p, whisker, best=False)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
