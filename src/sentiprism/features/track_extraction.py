"""Extract tracks of voice and faces of a recording, cached by its content."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.features.cache import cached
from sentiprism.features.extractors import AudioExtractor, Extractor, VisionExtractor
from sentiprism.features.extractors.base import Derived
from sentiprism.features.track import Track, join_tracks
from sentiprism.media.decode import frames, sound
from sentiprism.media.speech import RATE
from sentiprism.media.types import Frame, Media, Span

FACE_RATE = 10.0
"""Frames per second for faces, if the extractor's recipe has no rate."""


def voice_tracks(
    media: Media, made: Extractor, spans: Sequence[Span], speech: npt.NDArray[np.int16] | None = None
) -> list[Track]:
    """Extract the voice of each span of a recording, with times from the recording's start.

    A contextual extractor gets the sound of each span separately. For any other one, every span has the track of the
    whole recording.

    Args:
        media: result of `probe`; it has sound.
        made: the extractor.
        spans: utterances, which may overlap.
        speech: the sound at `media.speech.RATE`, if decoded already.
    """
    assert isinstance(made, AudioExtractor)  # noqa: S101 - its modality is audio
    at = made.sample_rate

    def decode() -> npt.NDArray[np.int16]:
        return speech if at == RATE and speech is not None else sound(media, at)

    def by_span() -> list[Track]:
        whole = decode()
        pieces = (whole[round(span.start * at) : round(span.end * at)] for span in spans)
        return [_later(made(piece), span.start) for piece, span in zip(pieces, spans, strict=True)]

    if made.contextual:
        return cached(media.content, made.recipe, {"spans": [list(span) for span in spans]}, by_span)
    return cached(media.content, made.recipe, {}, lambda: [made(decode())]) * len(spans)


def _later(track: Track, start: float) -> Track:
    return Track(track.times + start, track.values)


def voice_track(
    media: Media, made: Extractor, spans: Sequence[Span], speech: npt.NDArray[np.int16] | None = None
) -> Track:
    """Extract the voice of a recording as one track; for a contextual extractor, the tracks of its spans joined.

    Args:
        media: result of `probe`.
        made: the extractor.
        spans: utterances in the order of time, without overlaps.
        speech: the sound at `media.speech.RATE`, if decoded already.
    """
    assert isinstance(made, AudioExtractor)  # noqa: S101 - its modality is audio
    if not made.contextual:
        return voice_tracks(media, made, [Span(0.0, media.duration)], speech)[0]
    return join_tracks(voice_tracks(media, made, spans, speech), len(made.recipe.columns))


def face_tracks(media: Media, made: Extractor, on: Callable[[float], Any] = lambda _: None) -> list[Track]:
    """Extract the faces of a recording, the largest overall first; [] without faces.

    Args:
        media: result of `probe`; it has a picture.
        made: the extractor.
        on: called with the number of seconds done.
    """
    assert isinstance(made, VisionExtractor)  # noqa: S101 - its modality is vision
    if isinstance(made, Derived):
        return [made.derive(track) for track in face_tracks(media, made.source(), on)]
    rate = made.recipe.rate or FACE_RATE

    def with_progress(pictures: Iterator[Frame]) -> Iterator[Frame]:
        for frame in pictures:
            on(frame.time)
            yield frame

    def make() -> list[Track]:
        with closing(frames(media, rate)) as pictures:
            return made(with_progress(pictures))

    return cached(media.content, made.recipe, {"rate": rate}, make)
