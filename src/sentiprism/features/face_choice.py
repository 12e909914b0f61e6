"""Choose whose face an utterance is predicted from, where several are seen."""

from collections.abc import Sequence

import numpy as np

from sentiprism.features.track import Track
from sentiprism.media.types import Span

TOGETHER = 0.2
"""Share of the time of the face seen longest in which another one is there too, for it to be a conversation."""


def are_several(faces: Sequence[Track], span: Span) -> bool:
    """Whether several faces are seen at once in a span, not one after the other as where shots change."""
    seen = [face.times[slice(*np.searchsorted(face.times, (span.start, span.end)))] for face in faces]
    seen.sort(key=len, reverse=True)
    if len(seen) < 2 or not len(seen[1]):
        return False
    return bool(np.isin(seen[0], np.concatenate(seen[1:])).mean() > TOGETHER)


def rank_faces(faces: Sequence[Track], span: Span) -> list[int]:
    """Number the faces that are seen in a span, the one seen the longest first."""
    steps = [len(face.between(span)) for face in faces]
    return [n for n in np.argsort(-np.array(steps, int), kind="stable").tolist() if steps[n]]


def choose_faces(faces: Sequence[Track], span: Span, *, every: bool = False) -> list[int | None]:
    """Number the faces that an utterance is predicted from; [None] where there is no face.

    Args:
        faces: tracks of the recording.
        span: of the utterance.
        every: all faces that are seen in it, one prediction each; else the one that is seen the longest.
    """
    seen: list[int | None] = [*rank_faces(faces, span)]
    return seen[: None if every else 1] or [None]
