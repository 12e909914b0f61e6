"""Charts as SVG: curves of a training, intervals of runs beside each other."""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from sentiprism.study.charts import BOTTOM, COLOURS, HEIGHT, LEFT, RIGHT, TOP, WIDTH, axis_range, axis_ticks

MOST_POINTS = 400
"""Of a line; between two of them nobody sees a difference."""


class Line(NamedTuple):
    """One line of a chart."""

    label: str
    xs: Sequence[float]
    ys: Sequence[float]
    mark: float | None = None
    """Place on the x axis that is marked with a dot."""


class Path(NamedTuple):
    """A line in pixels."""

    label: str
    d: str
    colour: int
    dot: tuple[float, float] | None


class Chart(NamedTuple):
    """A chart in pixels, for the template."""

    paths: tuple[Path, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    summary: str
    """What it shows, for who cannot see it."""


def draw_chart(lines: Sequence[Line], what: str) -> Chart | None:
    """Draw lines over a shared pair of axes; None where there is not a point.

    Args:
        lines: undefined points are left out.
        what: the y axis shows, in words.
    """
    points = [[(x, y) for x, y in zip(one.xs, one.ys, strict=True) if isfinite(y)] for one in lines]
    every = [point for one in points for point in one]
    if not every:
        return None
    x_low, x_high = axis_range([x for x, _ in every])
    y_low, y_high = axis_range([y for _, y in every], 0.06)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        down = (y_high - y) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)
        return round(LEFT + across, 1), round(TOP + down, 1)

    paths = []
    for number, (line, own) in enumerate(zip(lines, points, strict=True)):
        if not own:
            continue
        placed = [place(x, y) for x, y in _thin(own)]
        d = "M" + "L".join(f"{x} {y}" for x, y in placed)
        marked = next(((x, y) for x, y in own if x == line.mark), None)
        paths.append(Path(line.label, d, number % COLOURS, None if marked is None else place(*marked)))
    last = "; ".join(f"{line.label}: {own[-1][1]:.3f}" for line, own in zip(lines, points, strict=True) if own)
    return Chart(
        tuple(paths),
        tuple((place(x, y_low)[0], f"{x:g}") for x in axis_ticks(x_low, x_high, whole=True)),
        tuple((place(x_low, y)[1], f"{y:.4g}") for y in axis_ticks(y_low, y_high)),
        f"{what}, last value of each line: {last}",
    )


def _thin(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Every so-manieth point, and the last."""
    every = len(points) // MOST_POINTS + 1
    return points if every == 1 else [*points[:-1:every], points[-1]]


class Whisker(NamedTuple):
    """An interval of a run, in per cent of a row's width."""

    low: float
    mean: float
    high: float


def draw_whiskers(intervals: Sequence[tuple[float, float, float] | None]) -> list[Whisker | None]:
    """Place intervals (low, mean, high) over one axis; None where one is undefined."""
    values = [v for one in intervals if one is not None for v in one if isfinite(v)]
    if not values:
        return [None] * len(intervals)
    low, high = axis_range(values, 0.08)

    def at(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    return [Whisker(*map(at, one)) if one is not None and all(map(isfinite, one)) else None for one in intervals]


class Scatter(NamedTuple):
    """Dots and horizontal lines in pixels, for the template."""

    dots: tuple[tuple[float, float, float], ...]
    """x, y and radius; a dot that many points share is larger."""
    levels: tuple[tuple[float, str, str], ...]
    """y, label and kind of each line."""
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    summary: str
    """What it shows, for who cannot see it."""


def draw_scatter(
    points: Sequence[tuple[float, float]],
    levels: Sequence[tuple[float, str, str]],
    span: tuple[float, float],
    what: str,
) -> Scatter:
    """Draw points, and lines across.

    Args:
        points: (x, y) each.
        levels: y, label and kind of horizontal lines; undefined ones are left out.
        span: of the x axis.
        what: it shows, in words.
    """
    shown = [one for one in levels if isfinite(one[0])]
    y_low, y_high = axis_range([*(y for _, y in points), *(one[0] for one in shown), 0.0], 0.12)
    x_low, x_high = axis_range(span, 0.04)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        down = (y_high - y) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)
        return round(LEFT + across, 1), round(TOP + down, 1)

    counts: dict[tuple[float, float], int] = {}
    for x, y in points:
        counts[place(x, y)] = counts.get(place(x, y), 0) + 1
    return Scatter(
        tuple((x, y, round(3 + min(count - 1, 25) ** 0.5, 1)) for (x, y), count in counts.items()),
        tuple((place(x_low, y)[1], label, kind) for y, label, kind in shown),
        tuple((place(x, y_low)[0], f"{x:g}") for x in axis_ticks(x_low, x_high)),
        tuple((place(x_low, y)[1], f"{y:.4g}") for y in axis_ticks(y_low, y_high)),
        f"{what}: " + "; ".join(f"{label} {y:.2f}" for y, label, _ in shown),
    )
