"""Draw metrics of several runs (TMT+AMW, Figure 5; DPDF-LQ, Figures 6 and 7)."""

from collections.abc import Sequence
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sentiprism.data.names import short_name
from sentiprism.errors import UserError, suggest
from sentiprism.evaluation.constant import NAME
from sentiprism.evaluation.scores import constant_scores, load_scores
from sentiprism.metrics import Metric
from sentiprism.report.figures.style import (
    MARKERS,
    OKABE_ITO,
    canvas,
    dot,
    patch,
    seeds_note,
    selection_note,
    styled,
)
from sentiprism.training.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Scores = dict[str, npt.NDArray[np.float64]]
Looks = dict[str, tuple[str, str]]
NARROW = 8
"""Most bars in a panel of half the width."""
CONSTANT: dict[str, Any] = {"color": "0.35", "linestyle": "--", "linewidth": 0.8, "label": NAME}
"""Style of the constant predictor."""
HEIGHT = 1.15
"""Height of a row of panels in inches."""


@styled
def runs(
    *given: Run | Path | str,
    split: str = "test",
    metrics: Sequence[str] = (),
    over: str | None = None,
    device: str = "auto",
) -> "Figure":
    """Draw one panel per metric with a bar for each run: mean and standard deviation over seeds.

    Runs of several datasets are grouped by dataset; runs have the names of their models if these differ, else of their
    folders. With ``over``, lines over that setting are drawn instead, one per model and dataset.

    Args:
        given: runs or their folders.
        split: ``train``, ``valid`` or ``test``.
        metrics: names; by default all common metrics of the runs' datasets.
        over: a key of the run's configuration, for example ``config.depth``.
        device: as in ``train``, if a run is not evaluated on the split yet.

    Raises:
        UserError: no run, no common metric, an unknown metric or key, two runs at the same point of a line, or
            more than eight colours.
    """
    found = [Run.open(run) for run in given]
    if not found:
        raise UserError("there are no runs to draw", "name at least one")
    columns = _columns(found, metrics)
    settings = [_setting(run, over) for run in found] if over else []
    keys = [(run.config.model, short_name(run.config.dataset)) for run in found]
    datasets, models = (list(dict.fromkeys(key[i] for key in keys)) for i in (1, 0))
    title = f"{', '.join(models)} on {', '.join(datasets)}, {split}{f': over {over}' * bool(over)}"
    several = any(len(run.finished) > 1 for run in found)
    sets = {seeds_note(run.finished) for run in found}
    notes = [
        f"mean{' ± standard deviation' * several} over seeds",
        sets.pop() if len(sets) == 1 else f"{_span(found)} seeds per run",
        *dict.fromkeys(selection_note(run) for run in found),
    ]
    constants = {dataset: constant_scores(run, split) for run, (_, dataset) in zip(found, keys, strict=True)}
    if any(constants.values()):
        notes.append("dashed: the constant predictor")
    names = _names(found, keys)
    looks = _looks([" on ".join(key) for key in keys] if over else names)
    if len(looks) > len(OKABE_ITO):
        raise UserError(f"{len(looks)} colours cannot be told apart", f"draw at most {len(OKABE_ITO)}")
    measured = [load_scores(run, split, device=device) for run in found]
    key = {name: dot(*look, line="-") if over else patch(look[0]) for name, look in looks.items()}
    across = 1 if len(found) > NARROW else min(len(columns), 2)
    rows = -(-len(columns) // across)
    figure = canvas(title, notes, HEIGHT * rows + 0.15 * bool(over), key)
    axes = figure.subplots(rows, across, squeeze=False, sharex=True).ravel()
    for ax in axes[len(columns) :]:
        ax.remove()
    for number, (ax, (name, metric)) in enumerate(zip(axes, columns.items(), strict=False)):
        values = [metric.scale * one[name] for one in measured]
        same = {dataset: metric.scale * one.get(name, nan) for dataset, one in constants.items()}
        if over:
            _lines(ax, settings, keys, values, over, looks)
            for value in (value for value in same.values() if not isnan(value)):
                ax.axhline(value, **CONSTANT)
        else:
            _bars(ax, names, [dataset for _, dataset in keys], values, metric, looks, same)
        ax.set_title(f"{metric.label}{', %' * metric.percent} {'↑' if metric.higher_is_better else '↓'}", loc="left")
        if number + across >= len(columns) and (over or len(datasets) > 1):
            ax.tick_params(labelbottom=True)
            ax.set_xlabel(over or "")
    return figure


def _span(found: Sequence[Run]) -> str:
    counts = sorted({len(run.finished) for run in found})
    return f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0])


def _looks(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each name."""
    n, m = len(OKABE_ITO), len(MARKERS)
    return {name: (OKABE_ITO[i % n], MARKERS[i % m]) for i, name in enumerate(dict.fromkeys(names))}


def _columns(found: Sequence[Run], wanted: Sequence[str]) -> dict[str, Metric]:
    first, *others = [run.protocol.metrics for run in found]
    common = {name: metric for name, metric in first.items() if all(name in other for other in others)}
    for name in wanted:
        if name not in common:
            raise UserError(f"the runs have no common metric {name!r}", suggest(name, common))
    if not common:
        raise UserError("the runs' datasets have no metric in common", "draw them one by one")
    return {name: common[name] for name in wanted or common}


def _names(found: Sequence[Run], keys: Sequence[tuple[str, str]]) -> list[str]:
    if len(set(keys)) == len(keys):
        return [model for model, _ in keys]
    folders = [run.folder.resolve().name for run in found]
    return folders if len(set(folders)) == len(folders) else [str(run.folder) for run in found]


def _bars(
    ax: "Axes",
    names: list[str],
    datasets: list[str],
    values: list[Any],
    metric: Metric,
    looks: Looks,
    constants: dict[str, float],
) -> None:
    """Draw one bar per run, grouped by dataset; a name has the same colour in all groups."""
    groups = list(dict.fromkeys(datasets))
    order = sorted(range(len(names)), key=lambda i: groups.index(datasets[i]))
    places = [n + 0.7 * groups.index(datasets[i]) for n, i in enumerate(order)]
    many, highest, lowest = len(order) > 3, 0.0, 0.0
    for place, i in zip(places, order, strict=True):
        mean, deviation = float(values[i].mean()), _deviation(values[i])
        whisker = {"elinewidth": 0.8, "capsize": 1.5, "capthick": 0.8}
        ax.bar(place, mean, 0.8, color=looks[names[i]][0], yerr=deviation, error_kw=whisker, label=names[i])
        top = max(np.nan_to_num(mean) + (deviation or 0), 0.0)
        highest = max(highest, top)
        lowest = min(lowest, np.nan_to_num(mean) - (deviation or 0))
        text = "–" if np.isnan(mean) else f"{mean:.{3 if metric.scale == 1 else 1}f}"
        style: Any = {"textcoords": "offset points", "ha": "center", "va": "bottom", "rotation": 90 * many}
        ax.annotate(text, (place, top), (0, 3), **style)
    for group in groups:
        mine = [place for place, i in zip(places, order, strict=True) if datasets[i] == group]
        if not isnan(value := constants[group]):
            ax.hlines(value, mine[0] - 0.5, mine[-1] + 0.5, **CONSTANT)
            highest, lowest = max(highest, value), min(lowest, value)
    room = (0.75 if many else 0.3) * (highest - lowest)
    ax.set(ylim=(None, highest + room or 1), xlim=(-0.6, places[-1] + 0.6))
    centres = [np.mean([p for p, i in zip(places, order, strict=True) if datasets[i] == group]) for group in groups]
    ax.set_xticks(centres, groups)
    ax.tick_params(bottom=False, labelbottom=False)


def _lines(
    ax: "Axes", settings: list[Any], keys: list[tuple[str, str]], values: list[Any], over: str, looks: Looks
) -> None:
    """Draw one line per model and dataset, over a setting."""
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in settings)
    known = sorted(set(settings)) if numeric else list(dict.fromkeys(map(str, settings)))
    places = settings if numeric else [known.index(str(value)) for value in settings]
    for key in dict.fromkeys(keys):
        mine = sorted((i for i, other in enumerate(keys) if other == key), key=lambda i: places[i])
        spots, name = [places[i] for i in mine], " on ".join(key)
        if len(set(spots)) < len(spots):
            raise UserError(f"two runs of {name} have the same {over}", "name runs that differ in it")
        spread = [np.nan if (one := _deviation(values[i])) is None else one for i in mine]
        means, (colour, marker) = [values[i].mean() for i in mine], looks[name]
        style: Any = {"markersize": 3, "elinewidth": 0.8, "capsize": 1.5}
        ax.errorbar(spots, means, spread, label=name, color=colour, marker=marker, **style)
    ax.set_xticks(known if numeric else range(len(known)), [f"{k:g}" if numeric else k for k in known])
    ax.tick_params(labelbottom=False)


def _deviation(values: npt.NDArray[np.float64]) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None


def _setting(run: Run, key: str) -> Any:
    value: Any = run.config.model_dump(mode="json")
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise UserError(
                f"{run.name} has no setting {key!r}", suggest(part, value if isinstance(value, dict) else ())
            )
        value = value[part]
    return value
