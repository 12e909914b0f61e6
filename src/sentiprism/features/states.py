"""Encode sound by a network in windows, with mean states per step."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.features.track import Floats, Track

LARGEST = float(np.finfo(np.float16).max)


class Reading(NamedTuple):
    """How a network encodes sound."""

    rate: int
    """Hz."""
    hop: int
    """Samples between states."""
    longest: int
    """States per window of a longer sound: two thirds are kept, a sixth on either side is context."""
    pooled: int
    """States per step."""
    width: int
    """Columns."""


def encode_sound(
    sound: npt.NDArray[np.int16],
    reading: Reading,
    encode: Callable[[Sequence[npt.NDArray[np.int16]]], Sequence[Floats]],
    batch: int = 1,
) -> Track:
    """Encode a sound to steps with float16 values; other memory does not grow with its length.

    A sound of at most one window is encoded as a whole. A longer one is encoded in windows of equal length, with
    context on both sides of a step.

    Args:
        sound: (n,) samples, may be a memory map.
        reading: how the network encodes sound.
        encode: computes states (t, F) for pieces of equal length, with t = number of hops, rounded up.
        batch: pieces per batch.
    """
    count = -(-len(sound) // reading.hop)
    edges = np.arange(0, count, reading.pooled)
    values = np.empty((len(edges), reading.width), np.float16)
    for group in _batched(_windows(count, reading), batch):
        pieces = [sound[begin * reading.hop : end * reading.hop] for begin, end, _, _ in group]
        for (begin, _, first, last), states in zip(group, encode(pieces), strict=True):
            own = states[first - begin : last - begin]
            starts = np.arange(0, len(own), reading.pooled)
            means = np.add.reduceat(own, starts, axis=0) / np.diff(np.append(starts, len(own)))[:, None]
            values[first // reading.pooled :][: len(starts)] = np.clip(means, -LARGEST, LARGEST)
    ends = np.minimum((edges + reading.pooled) * reading.hop, len(sound))  # the last step may be shorter
    return Track((edges * reading.hop + ends) / (2 * reading.rate), values)


def _windows(count: int, reading: Reading) -> Iterator[tuple[int, int, int, int]]:
    """Yield the range of states of each window, and the range that is kept; kept ranges are consecutive."""
    longest = reading.longest
    if count <= longest:
        if count:
            yield 0, count, 0, count
        return
    around = longest // 6
    core = max((longest - 2 * around) // reading.pooled, 1) * reading.pooled  # no step spans two windows
    for first in range(0, count, core):
        begin = min(max(first - around, 0), count - longest)
        yield begin, begin + longest, first, min(first + core, count)


def _batched(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    group: list[Any] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
