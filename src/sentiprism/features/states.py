"""Hidden states of a network along a sound: windows over a long one, and means over states as steps."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.features.track import Floats, Track

LARGEST = float(np.finfo(np.float16).max)


class Reading(NamedTuple):
    """How a network reads sound."""

    rate: int
    """Hz."""
    hop: int
    """Samples from one state to the next."""
    longest: int
    """States made at once of a longer sound: those of two thirds are kept, a sixth on either side is context."""
    pooled: int
    """States to a step."""
    width: int
    """Columns."""


def encode_sound(
    sound: npt.NDArray[np.int16],
    reading: Reading,
    encode: Callable[[Sequence[npt.NDArray[np.int16]]], Sequence[Floats]],
    batch: int = 1,
) -> Track:
    """Steps along a sound, values float16; the memory for more than them does not grow with it.

    A sound that the network reads at once is read as it is. A longer one is read in windows of equal length, in which
    a step has context on both sides.

    Args:
        sound: (n,) samples, may be a memory map.
        reading: see there.
        encode: makes the states (t, F) of each of some pieces of equal length, t = its hops, the last one begun.
        batch: pieces at once.
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
    """States that are read, from and to, and those of them that are kept; the latter follow each other."""
    longest = reading.longest
    if count <= longest:
        if count:
            yield 0, count, 0, count
        return
    around = longest // 6
    core = max((longest - 2 * around) // reading.pooled, 1) * reading.pooled  # no step is of two windows
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
