"""What a person's features are at rest: less that, they say how the person differs from their own usual."""

from collections.abc import Iterable, Sequence

import numpy as np

from sentiprism.features.track import Floats, Track
from sentiprism.media.types import Segment, Span

SHORT = 10.0
"""Seconds of speech below which what is usual for somebody can hardly be told."""


def resting_level(pieces: Iterable[tuple[Track, Span]]) -> Floats | None:
    """(F,) median over all steps of some utterances of a person; None where there are none.

    A median, for most of what somebody says is said at rest: one outcry moves it little.
    """
    steps = [track.between(span) for track, span in pieces]
    found = np.concatenate(steps) if steps else np.zeros((0, 0), np.float32)
    return np.asarray(np.median(found, axis=0), np.float32) if len(found) else None


def note_short(segments: Sequence[Segment]) -> list[str]:
    """What a reader should know where there is too little to tell a resting level from."""
    seconds = sum(one.end - one.start for one in segments)
    if not segments or seconds >= SHORT:
        return []
    return [f"The model compares a person with their own usual, and has only {seconds:.1f} s to tell that from."]
