"""Subtract a person's resting level from the features of voice and face."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from sentiprism.features.track import Floats, Track
from sentiprism.media.types import Span
from sentiprism.types import Modality

SHORT = 10.0
"""Seconds of speech below which a resting level is unreliable."""


class Part(NamedTuple):
    """Features of one recording of a video, and the times of its utterances."""

    spans: Sequence[Span]
    voices: Sequence[Track] = ()
    """One per span, or none."""
    faces: Sequence[Track] = ()


class Levels(NamedTuple):
    """(F,) resting levels of one recording; None without features in its utterances."""

    voice: Floats | None
    faces: tuple[Floats | None, ...]
    """One per face track."""

    def of(self, face: int | None) -> dict[Modality, Floats]:
        """Known levels of the voice and of a face, by index."""
        found: dict[Modality, Floats | None] = {
            "audio": self.voice,
            "vision": None if face is None else self.faces[face],
        }
        return {modality: level for modality, level in found.items() if level is not None}


def resting_levels(parts: Sequence[Part]) -> list[Levels]:
    """Compute the resting levels of the voice and the faces of a video.

    A level is the median over all steps of utterances: most speech is calm, and a median is robust to single
    outbursts. The voice has one level over all utterances of the video, since speakers are not distinguished. Each
    face track has a level over all utterances in which it is visible. If a video is cut into several recordings, faces
    cannot be tracked between them: the longest visible faces of the recordings are treated as the same person, and
    other faces have the level of their own track.

    Args:
        parts: the recordings of one video; an analysed recording is the only one of its video.

    Returns:
        One per recording.
    """
    voice = _median(track.between(span) for part in parts for track, span in zip(part.voices, part.spans, strict=False))
    seen = [[[face.between(span) for span in part.spans] for face in part.faces] for part in parts]
    longest = [max(range(len(faces)), key=lambda n: sum(map(len, faces[n])), default=-1) for faces in seen]
    shared = _median(steps for faces, n in zip(seen, longest, strict=True) if n >= 0 for steps in faces[n])
    found = []
    for faces, first in zip(seen, longest, strict=True):
        own = [_median(steps) for steps in faces]
        if first >= 0 and own[first] is not None:
            own[first] = shared
        found.append(Levels(voice, tuple(own)))
    return found


def _median(pieces: Iterable[Floats]) -> Floats | None:
    """(F,) median over the steps of all pieces; None without steps."""
    steps = [piece for piece in pieces if len(piece)]
    return np.asarray(np.median(np.concatenate(steps), axis=0), np.float32) if steps else None


def note_short(spans: Sequence[Span]) -> list[str]:
    """Note if there is too little speech for a reliable resting level."""
    seconds = sum(span.end - span.start for span in spans)
    if not spans or seconds >= SHORT:
        return []
    return [f"The model compares a person with their own resting level, which is based on only {seconds:.1f} s."]
