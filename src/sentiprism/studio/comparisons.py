"""A comparison as its page shows it."""

from collections.abc import Mapping
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
        bounds = [None if None in (one["low"], one["mean"], one["high"]) else one for one in values]
        places = [one and (one["low"], one["mean"], one["high"]) for one in bounds]
        known = [v["mean"] for v in values if v["mean"] is not None]
        best = (max if about["higher"] else min)(known, default=None)
        whiskers = draw_whiskers(places)
        cells = tuple(
            _cell(value, other and other[key], whisker, best=len(known) > 1 and value["mean"] == best)
            for value, other, whisker in zip(values, apart, whiskers, strict=True)
        )
        metrics.append(Metric(str(about["label"]), int(about["scale"]), bool(about["higher"]), cells))
    columns = tuple(
        Column(name, str(run["model"]), len(run["seeds"]), int(cost["parameters"]), name == found["reference"])
        for name, run, cost in zip(names, runs, found["costs"], strict=True)
    )
    notes = tuple(str(note) for note in result["notes"])
    first = runs[0]
    return Comparison(
        str(first["dataset"]), str(first["split"]), str(found["reference"]), columns, tuple(metrics), notes
    )


def _cell(value: Mapping[str, Any], other: Mapping[str, Any] | None, whisker: Whisker | None, *, best: bool) -> Cell:
    apart = other or {}
    return Cell(
        value["mean"],
        value["std"],
        value["low"],
        value["high"],
        apart.get("mean"),
        apart.get("low"),
        apart.get("high"),
        apart.get("holm"),
        whisker,
        best,
    )
