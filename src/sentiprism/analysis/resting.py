"""Subtract a person's resting level from the features of voice and face."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from sentiprism.features.track import Floats, Track
from sentiprism.media.types import Segment, Span
from sentiprism.types import Modality

SHORT = 10.0
"""Seconds of speech below which what is usual for somebody can hardly be told."""


class Part(NamedTuple):
    """Features along one recording of a video, and the times of its utterances."""

    spans: Sequence[Span]
    voices: Sequence[Track] = ()
    """One a span, or none."""
    faces: Sequence[Track] = ()


class Levels(NamedTuple):
    """(F,) resting levels of one recording; None where nothing is heard or seen in its utterances."""

    voice: Floats | None
    faces: tuple[Floats | None, ...]
    """One a face track."""

    def of(self, face: int | None) -> dict[Modality, Floats]:
        """The levels that are known, of the voice and of a face by its number."""
        found: dict[Modality, Floats | None] = {
            "audio": self.voice,
            "vision": None if face is None else self.faces[face],
        }
        return {modality: level for modality, level in found.items() if level is not None}


def resting_levels(parts: Sequence[Part]) -> list[Levels]:
    """Take the resting levels of the voice and the faces of a video.

    A level is the median over all steps inside utterances: most of what somebody says is said at rest, and one outcry
    moves it little. The voice has one level, over all utterances of the video, for who speaks is not known. Each face
    track has its own, over all utterances in which that face is visible. Where a video is cut into several recordings,
    faces cannot be followed from one to the next: the face that is visible longest in the utterances of each one is
    treated as the same person, and other faces have the level of their own track.

    Args:
        parts: the recordings of one video; a recording that is analysed is the only one of its video.

    Returns:
        One a recording.
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
    """(F,) median over the steps of all pieces; None where there are no steps."""
    steps = [piece for piece in pieces if len(piece)]
    return np.asarray(np.median(np.concatenate(steps), axis=0), np.float32) if steps else None


def note_short(segments: Sequence[Segment]) -> list[str]:
    """What a reader should know where there is too little to tell a resting level from."""
    seconds = sum(one.end - one.start for one in segments)
    if not segments or seconds >= SHORT:
        return []
    return [f"The model compares a person with their own usual, and has only {seconds:.1f} s to tell that from."]
