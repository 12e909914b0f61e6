"""Find the face that speaks, if several are visible."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.features.extractors import Extractor
from sentiprism.features.extractors.base import Derived
from sentiprism.features.extractors.face import Face
from sentiprism.features.face_choice import are_several, rank_faces
from sentiprism.features.landmarks import PLACE
from sentiprism.features.lip_sync import LipMap, lip_map, lip_score
from sentiprism.features.track import Track
from sentiprism.features.track_extraction import face_tracks
from sentiprism.media.decode import sound
from sentiprism.media.speech import RATE
from sentiprism.media.types import Media, Samples, Span

SURE = 0.35
"""Certainty from which a face is treated as the speaker's."""


class Speaking(NamedTuple):
    """How certainly each of the faces that are visible in a span speaks."""

    certainties: dict[int, float]
    """Probabilities by index of the face; they sum to less than 1, the rest is that nobody visible speaks."""
    places: dict[int, tuple[float, float, float]]
    """Where each face is on average: x and y of its centre, and its area, as fractions of the picture."""

    @property
    def face(self) -> int | None:
        """Index of the face that speaks; None = unsure."""
        best = max(self.certainties, key=lambda n: self.certainties[n])
        return best if self.certainties[best] >= SURE else None


def can_find_speaking(made: Extractor) -> bool:
    """Whether an extractor's tracks have those of `Face`, one each, which the lips are measured in."""
    return isinstance(made, Face) or (isinstance(made, Derived) and made.source is Face)


def find_speaking(
    faces: Sequence[Track], samples: Samples, spans: Sequence[Span], maps: LipMap | None = None
) -> dict[Span, Speaking]:
    """Find who speaks in each span in which several faces are visible at once.

    Args:
        faces: tracks of `Face`.
        samples: mono sound at `media.speech.RATE`.
        spans: of speech.
        maps: see `LipMap`; by default those of this program.
    """
    maps = maps or lip_map()
    found = {}
    for span in spans:
        if are_several(faces, span):
            visible = rank_faces(faces, span)
            scores = np.array([lip_score(faces[n], samples, span, maps) for n in visible])
            odds = np.exp(np.clip(maps.slope * (scores - maps.least), -50, 50))
            certainties = dict(zip(visible, (odds / (1 + odds.sum())).tolist(), strict=True))
            found[span] = Speaking(certainties, {n: _place(faces[n], span) for n in visible})
    return found


def find_speaking_in(
    media: Media, made: Extractor, spans: Sequence[Span], speech: npt.NDArray[np.int16] | None = None
) -> dict[Span, Speaking]:
    """Find who speaks in each utterance of a recording; its faces are in the cache after their extraction.

    Args:
        media: the recording.
        made: extractor of the faces; see `can_find_speaking`, else nothing is found.
        spans: of speech.
        speech: the sound at `media.speech.RATE`, if decoded already.
    """
    if not (spans and media.video and media.audio and can_find_speaking(made)):
        return {}
    faces = face_tracks(media, Face())
    spans = [span for span in spans if are_several(faces, span)]
    return find_speaking(faces, sound(media, RATE) if speech is None else speech, spans) if spans else {}


def _place(face: Track, span: Span) -> tuple[float, float, float]:
    share, x, y = (face.between(span)[:, Face.recipe.columns.index(name)].mean() for name in PLACE)
    return round(float(x), 4), round(float(y), 4), round(float(share), 4)
