"""Compare the cost of models with that of an earlier release.

Times are ratios to those of `yardstick`, a fixed training step, in the same process: a slower or busier machine changes
both. Each measurement is repeated, and a change is only called one if all of today's ratios are on the same side of all
recorded ones.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from sentiprism.benchmark.cost import Cost, bench
from sentiprism.benchmark.yardstick import VERSION
from sentiprism.errors import UserError, suggest

RECORDS = Path(__file__).parent / "records"
"""A JSON file for each release, written by ``benchmarks/record.py``."""
FIGURES = {
    "step": "training step",
    "one": "inference, 1 at once",
    "many": "inference, 32 at once",
    "peak": "peak memory, MB",
}
SAME = "within noise"


class Comparison(NamedTuple):
    """One figure of one model in a release and today, in multiples of the yardstick's step; memory in MB."""

    model: str
    figure: str
    """A key of `FIGURES`."""
    then: tuple[float, ...]
    now: tuple[float, ...]

    @property
    def change(self) -> float:
        """Relative change of the median."""
        return median(self.now) / median(self.then) - 1

    @property
    def mark(self) -> str:
        """Whether it is more or less in all repetitions, or within noise."""
        if max(self.now) < min(self.then):
            return "less"
        return "more" if min(self.now) > max(self.then) else SAME


def read_record(folder: Path) -> dict[str, Any]:
    """Read the record of the last release."""
    path = max(folder.glob("*.json"), key=lambda path: tuple(map(int, path.stem.split("."))))
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def measure_figures(
    models: Iterable[str],
    settings: Mapping[str, Any],
    turns: int,
    watch: Callable[[str], object] = lambda _: None,
) -> dict[str, dict[str, list[float]]]:
    """Measure each model ``turns`` times, by turns.

    Args:
        models: names.
        settings: arguments of `bench`, as in a record.
        turns: repetitions of each.
        watch: called with the name of what is measured next.

    Returns:
        By model and by key of `FIGURES`, a number for each turn.

    Raises:
        UserError: a measurement fails.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(turns):
        for one in bench(models, **settings, yardstick=True, watch=watch):
            if one.error:
                raise UserError(
                    f"{one.model} cannot be measured: {one.error}", f"measure it alone: sentiprism bench {one.model}"
                )
            for figure, number in _in_units(one).items():
                found.setdefault(one.model, {name: [] for name in FIGURES})[figure].append(number)
    return found


def compare_figures(
    models: Sequence[str] = (), watch: Callable[[str], object] = lambda _: None, *, records: Path = RECORDS
) -> tuple[dict[str, Any], list[Comparison]]:
    """Measure today's figures beside those of the last release, with its settings.

    Args:
        models: by default all in the record.
        watch: called with the name of what is measured next.
        records: folder of the records.

    Returns:
        The record and one comparison for each model and figure.

    Raises:
        UserError: the record has no such model, or a measurement fails.
    """
    record = read_record(records)
    if record["yardstick"] != VERSION:
        raise UserError("the last release was measured with another yardstick", "record it again")
    for name in models:
        if name not in record["figures"]:
            cause = f"{name} was not measured in {record['version']}"
            raise UserError(cause, suggest(name, tuple(record["figures"])))
    now = measure_figures(models or record["figures"], record["settings"], record["turns"], watch)
    return record, [
        Comparison(model, figure, tuple(record["figures"][model][figure]), tuple(values))
        for model, figures in now.items()
        for figure, values in figures.items()
    ]


def _in_units(one: Cost) -> dict[str, float]:
    unit = one.yardstick
    found = {"step": one.step / unit, "one": one.one / 1000 / unit, "many": one.many / 1000 / unit, "peak": one.peak}
    return {name: float(np.format_float_positional(number, 4, fractional=False)) for name, number in found.items()}
