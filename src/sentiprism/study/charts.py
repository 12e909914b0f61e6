"""Draw a study as SVG: groups with their intervals, curves with bands, a small curve for each recording."""

from collections.abc import Sequence
from math import floor, isfinite, log10
from typing import NamedTuple

import numpy as np

from sentiprism.study.arrays import Floats
from sentiprism.study.contrasts import CurveInterval
from sentiprism.study.design import SENTIMENT, Observation
from sentiprism.study.study import Group, Study
from sentiprism.study.summary import BINS
from sentiprism.tables import clock

WIDTH, HEIGHT = 560.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 10.0, 10.0, 24.0
COLOURS = 8
"""Of the style sheet; more groups than that share them."""
MOST_DRAWN = 8
"""Groups whose curves are drawn: more cannot be told apart."""
MOST_POINTS = 300
"""Points of a group; of more, this many that are equally spaced in rank."""
SMALL = (120.0, 36.0)
"""Width and height of a recording's small curve."""


class Strip(NamedTuple):
    """A group's units and mean, in per cent of a row's width."""

    group: Group
    colour: int
    points: tuple[tuple[float, float], ...]
    """Across, and down so that points beside each other are seen."""
    mean: float
    low: float | None
    high: float | None


class Strips(NamedTuple):
    """Groups below each other on one axis."""

    rows: tuple[Strip, ...]
    ticks: tuple[tuple[float, str], ...]
    zero: float | None
    """Place of the scale's middle; None if it is out of sight, or the measure has none."""


class Band(NamedTuple):
    """A group's curve in pixels."""

    label: str
    colour: int
    line: str
    area: str
    """Between the ends of the interval; "" without one."""


class Bands(NamedTuple):
    """Curves of groups over one pair of axes."""

    bands: tuple[Band, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    zero: float | None
    summary: str
    """What it shows, for readers who cannot see it."""


class Small(NamedTuple):
    """A recording's small curve in pixels."""

    recording: str
    lines: tuple[str, ...]
    zero: float
    mean: float
    colour: int
    group: str


def draw_strips(study: Study) -> Strips:
    """Place the units, mean and interval of every group over one axis."""
    values = [v for group in study.groups for v in (*group.values.tolist(), *group.mean) if isfinite(v)]
    if not values:
        return Strips((), (), None)
    low, high = axis_range(values, 0.06)

    def at(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    rows = []
    for number, group in enumerate(study.groups):
        bounds = [at(v) if isfinite(v) else None for v in group.mean[1:]]
        drawn = _thin(group.values)
        points = tuple((at(v), 24.0 + (n * 37) % 53) for n, v in enumerate(drawn.tolist()))
        rows.append(Strip(group, number % COLOURS, points, at(group.mean.mean), bounds[0], bounds[1]))
    zero = at(study.middle) if study.measure == SENTIMENT and low < study.middle < high else None
    ticks = tuple((at(x), _number(x)) for x in axis_ticks(low, high) if 4 <= at(x) <= 96)
    return Strips(tuple(rows), ticks, zero)


def draw_relative(study: Study) -> Bands | None:
    """Curves over normalised time, from 0 to 100 % of each recording; None if no group has one."""
    xs = np.asarray((np.arange(BINS) + 0.5) * 100 / BINS, np.float64)
    ticks = [(x, f"{x:g} %") for x in (0.0, 25.0, 50.0, 75.0, 100.0)]
    found = [(group, group.relative) for group in study.groups[:MOST_DRAWN] if group.relative is not None]
    return _draw_bands(study, found, xs, (0.0, 100.0), ticks)


def draw_absolute(study: Study) -> Bands | None:
    """Curves over absolute time; None if no group has one."""
    found = [(group, group.absolute) for group in study.groups[:MOST_DRAWN] if group.absolute is not None]
    longest = max((len(curve.mean) for _, curve in found), default=0)
    end = float(longest * study.step)
    xs = np.asarray((np.arange(longest) + 0.5) * study.step, np.float64)
    ticks = [(x, clock(x)) for x in axis_ticks(0.0, end, whole=True)] if end else []
    return _draw_bands(study, found, xs, (0.0, end), ticks)


def draw_small(one: Observation, study: Study, colours: dict[str, int]) -> Small:
    """A recording's own curve over normalised time, on the model's whole scale.

    Args:
        one: recording.
        study: that it is part of.
        colours: number of each group's colour.
    """
    width, height = SMALL
    low, high = one.summary.low, one.summary.high

    def down(value: float) -> float:
        return round((high - value) / (high - low) * height, 1)

    places = [
        None if value is None else (round((n + 0.5) * width / BINS, 1), down(value))
        for n, value in enumerate(one.summary.relative)
    ]
    group = one.attributes.get(study.by, "") if study.by is not None else ""
    mean = np.nan if one.summary.mean is None else one.summary.mean
    return Small(one.recording, tuple(_runs(places)), down((low + high) / 2), mean, colours.get(group, 0), group)


def group_colours(study: Study) -> dict[str, int]:
    """Number of each group's colour."""
    return {group.name: number % COLOURS for number, group in enumerate(study.groups)}


def axis_range(values: Sequence[float], margin: float = 0.0) -> tuple[float, float]:
    """Ends of an axis that has all values.

    Args:
        values: at least one.
        margin: share of the range to add on both sides.
    """
    low, high = min(values), max(values)
    room = (high - low) * margin or (0.0 if high > low else max(abs(high) * 0.1, 0.5))
    return low - room, high + room


def axis_ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Round numbers on an axis, five at most."""
    step = 10 ** floor(log10((high - low) / 4))
    step = next(step * f for f in (1, 2, 5, 10) if (high - low) / (step * f) <= 5)
    step = max(step, 1.0) if whole else step
    first = -floor(-low / step)
    return [round(n * step, 12) for n in range(first, floor(high / step + 1e-9) + 1)]


def _draw_bands(
    study: Study,
    found: Sequence[tuple[Group, CurveInterval]],
    xs: Floats,
    x_range: tuple[float, float],
    ticks: Sequence[tuple[float, str]],
) -> Bands | None:
    ends = [v for _, curve in found for part in curve[:3] for v in part.tolist() if isfinite(v)]
    if not ends:
        return None
    low, high = axis_range(ends, 0.06)

    def across(x: float) -> float:
        return round(LEFT + (x - x_range[0]) / (x_range[1] - x_range[0]) * (WIDTH - LEFT - RIGHT), 1)

    def down(y: float) -> float:
        return round(TOP + (high - y) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    def places(values: Floats) -> list[tuple[float, float] | None]:
        pairs = zip(xs.tolist(), values.tolist(), strict=False)
        return [(across(x), down(y)) if isfinite(y) else None for x, y in pairs]

    colours = group_colours(study)
    bands = [
        Band(
            group.name or "all recordings",
            colours[group.name],
            "".join(_runs(places(curve.mean))),
            "".join(_areas(places(curve.low), places(curve.high))),
        )
        for group, curve in found
    ]
    means = "; ".join(f"{band.label}: {_ends(curve.mean)}" for band, (_, curve) in zip(bands, found, strict=True))
    return Bands(
        tuple(bands),
        tuple((across(x), label) for x, label in ticks),
        tuple((down(y), _number(y)) for y in axis_ticks(low, high)),
        down(study.middle) if low < study.middle < high else None,
        f"Sentiment over time, from the first to the last value: {means}",
    )


def _runs(places: Sequence[tuple[float, float] | None]) -> list[str]:
    """Paths of neighbouring points; a single point is a short line."""
    found: list[list[tuple[float, float]]] = [[]]
    for place in places:
        if place is not None:
            found[-1].append(place)
        elif found[-1]:
            found.append([])
    return [_path(own if len(own) > 1 else [(own[0][0] - 1.0, own[0][1]), *own]) for own in found if own]


def _path(places: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in places)


def _areas(low: Sequence[tuple[float, float] | None], high: Sequence[tuple[float, float] | None]) -> list[str]:
    """Closed paths between two lines where both are defined."""
    found: list[str] = []
    upper: list[tuple[float, float]] = []
    lower: list[tuple[float, float]] = []
    for below, above in zip([*low, None], [*high, None], strict=True):
        if below is not None and above is not None:
            lower.append(below)
            upper.append(above)
            continue
        if len(upper) > 1:
            found.append(_path([*upper, *reversed(lower)]) + "Z")
        upper, lower = [], []
    return found


def _thin(values: Floats) -> Floats:
    if len(values) <= MOST_POINTS:
        return values
    found: Floats = np.sort(values)[np.linspace(0, len(values) - 1, MOST_POINTS).astype(int)]
    return found


def _ends(values: Floats) -> str:
    defined = values[np.isfinite(values)]
    return f"{defined[0]:.2f} to {defined[-1]:.2f}" if len(defined) else "none"


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")
