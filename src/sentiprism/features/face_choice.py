"""Choose the face for an utterance's prediction, if several are visible."""

from collections.abc import Sequence

import numpy as np

from sentiprism.features.track import Track
from sentiprism.media.types import Span

TOGETHER = 0.2
"""Share of the time of the longest visible face from which another visible face counts as a conversation."""


def are_several(faces: Sequence[Track], span: Span) -> bool:
    """Whether several faces are visible at once in a span, not one after the other as at shot changes."""
    seen = [face.times[slice(*np.searchsorted(face.times, (span.start, span.end)))] for face in faces]
    seen.sort(key=len, reverse=True)
    if len(seen) < 2 or not len(seen[1]):
        return False
    return bool(np.isin(seen[0], np.concatenate(seen[1:])).mean() > TOGETHER)


def rank_faces(faces: Sequence[Track], span: Span) -> list[int]:
    """Indices of the faces that are visible in a span, the longest visible first."""
    steps = [len(face.between(span)) for face in faces]
    return [n for n in np.argsort(-np.array(steps, int), kind="stable").tolist() if steps[n]]


def choose_faces(
    faces: Sequence[Track], span: Span, *, every: bool = False, speaking: int | None = None
) -> list[int | None]:
    """Indices of the faces to predict an utterance from; [None] without a face.

    Args:
        faces: tracks of the recording.
        span: of the utterance.
        every: all visible faces, one prediction each; else one.
        speaking: index of the face that speaks; None = unknown, so that the longest visible one is chosen.
    """
    seen: list[int | None] = [*rank_faces(faces, span)]
    if every:
        return seen or [None]
    return [speaking] if speaking in seen else seen[:1] or [None]
