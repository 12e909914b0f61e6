"""Charts of a dataset: histogram of labels by split, features of an utterance over time."""

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import Card

WIDTH, HEIGHT = 560.0, 200.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 10.0, 8.0, 24.0
MOST_LABELS = 12
"""Labels below the x axis; of more bins only some are named."""
MOST_BINS = 200
CURVE_WIDTH, CURVE_HEIGHT = 300.0, 36.0
MOST_POINTS = 150
"""Pairs of lowest and highest value in a curve, so that no peak is lost."""
MOST_CURVES = 24
"""Columns on one page."""


class Bar(NamedTuple):
    """One bin of one split, in pixels."""

    x: float
    y: float
    width: float
    height: float
    colour: int
    title: str


class Histogram(NamedTuple):
    """Labels of each split, as shares of the split."""

    bars: tuple[Bar, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    splits: tuple[str, ...]
    summary: str
    """What it shows, for who cannot see it."""


def draw_histogram(card: Card) -> Histogram:
    """Draw the labels of each split beside each other; shares, since splits differ in size."""
    counts = {name: split.label_histogram for name, split in card.splits.items()}
    bins = _bins(card, list(dict.fromkeys(label for found in counts.values() for label in found)))
    sizes = {name: max(split.utterances, 1) for name, split in card.splits.items()}
    largest = max((found.get(b, 0) / sizes[name] for name, found in counts.items() for b in bins), default=0) or 1.0
    slot = (WIDTH - LEFT - RIGHT) / max(len(bins), 1)
    width = slot * 0.86 / len(counts)
    floor = HEIGHT - BOTTOM
    bars = [
        Bar(
            round(LEFT + place * slot + slot * 0.07 + number * width, 2),
            round(floor - (height := found.get(label, 0) / sizes[name] / largest * (floor - TOP)), 2),
            round(width, 2),
            round(height, 2),
            number,
            f"{name}, label {label}: {found.get(label, 0):,} utterances, {found.get(label, 0) / sizes[name]:.1%}",
        )
        for place, label in enumerate(bins)
        for number, (name, found) in enumerate(counts.items())
        if found.get(label, 0)
    ]
    every = ceil(len(bins) / MOST_LABELS)
    x_ticks = [(round(LEFT + (place + 0.5) * slot, 1), bins[place]) for place in range(0, len(bins), every)]
    y_ticks = [(round(floor - share * (floor - TOP), 1), f"{share * largest:.0%}") for share in (0, 0.5, 1)]
    parts = "; ".join(
        f"{name}: most frequent {max(found, key=lambda label: found[label])}" for name, found in counts.items() if found
    )
    return Histogram(tuple(bars), tuple(x_ticks), tuple(y_ticks), tuple(counts), f"labels of each split. {parts}")


def _bins(card: Card, found: list[str]) -> list[str]:
    """Bins along the axis; of intensities those without a label too, so that distances are true."""
    if card.target.kind == "classes" or not found:
        return found[:MOST_BINS]
    found = sorted(found, key=float)
    step = 10.0 ** floor(log10((card.target.high - card.target.low) / 5))  # as labels are rounded at import
    count = round((float(found[-1]) - float(found[0])) / step) + 1
    every = [f"{round(float(found[0]) + n * step, 9) + 0.0:g}" for n in range(min(count, MOST_BINS))]
    return every if set(found) <= set(every) else found[:MOST_BINS]


class Curve(NamedTuple):
    """One feature over the steps of an utterance."""

    name: str
    unit: str
    d: str
    """Path in pixels."""
    spread: str
    """Lowest and highest value."""


class Curves(NamedTuple):
    """Some features of a modality."""

    modality: str
    curves: tuple[Curve, ...]
    steps: int
    width: int
    """Number of features."""
    seconds: float | None
    """Length, where a step has a known duration."""
    step: str
    """What a step is, in words."""


def draw_curves(
    modality: str, steps: npt.NDArray[Any], card: Card, *, first: int = 0, most: int = MOST_CURVES
) -> Curves:
    """Draw features of one modality, each on its own scale.

    Args:
        modality: name of the sequence.
        steps: (T, F).
        card: of the dataset, for names and units.
        first: feature to begin with.
        most: number of features.
    """
    names, units = columns_of(card, modality, steps.shape[1])
    recipe = card.recipes.get(modality)
    shown = range(first, min(first + most, steps.shape[1]))
    curves = tuple(_curve(names[n], units[n], np.asarray(steps[:, n], np.float64)) for n in shown)
    seconds = len(steps) / recipe.rate if recipe is not None and recipe.per == "frame" and recipe.rate else None
    step = {"word": "a word", "utterance": "the whole utterance"}.get("frame" if recipe is None else recipe.per, "")
    return Curves(modality, curves, len(steps), steps.shape[1], seconds, step)


def columns_of(card: Card, modality: str, width: int) -> tuple[Sequence[str], Sequence[str]]:
    """Names and units of a modality's features; numbers where the dataset has no names."""
    recipe = card.recipes.get(modality)
    if recipe is not None and len(recipe.columns) == width:
        return recipe.columns, recipe.units
    names = card.columns.get(modality)
    return (names if names is not None else [f"feature {n + 1}" for n in range(width)]), [""] * width


def _curve(name: str, unit: str, values: npt.NDArray[np.float64]) -> Curve:
    low, high = float(values.min()), float(values.max())
    room = (high - low) or 1.0
    size = ceil(len(values) / MOST_POINTS)
    points: list[tuple[float, float]] = []
    for start in range(0, len(values), size):
        part = values[start : start + size]
        where = sorted({int(part.argmin()), int(part.argmax())})
        points += [(start + n + 0.5, float(part[n])) for n in where]
    middle = high == low
    placed = [
        (
            round(x / len(values) * CURVE_WIDTH, 1),
            round(CURVE_HEIGHT / 2 if middle else 2 + (high - y) / room * (CURVE_HEIGHT - 4), 1),
        )
        for x, y in points
    ]
    if len(placed) == 1:  # one step is a level line
        placed = [(0.0, placed[0][1]), (CURVE_WIDTH, placed[0][1])]
    d = "M" + "L".join(f"{x} {y}" for x, y in placed)
    spread = f"{low:.3g}" if low == high else f"{low:.3g} … {high:.3g}"
    return Curve(name, unit, d, spread.replace("-", "−"))
