"""Extract the tracks of voice and faces of a recording, once: they are cached by its content."""

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
"""Frames a second that faces are looked at, where the extractor's recipe has no rate of its own."""


def voice_tracks(
    media: Media, made: Extractor, spans: Sequence[Span], speech: npt.NDArray[np.int16] | None = None
) -> list[Track]:
    """The voice in each of some spans of a recording that has sound, times from the recording's start.

    A contextual extractor is given the sound of each span by itself. Of any other one, every span has the track of the
    whole recording.

    Args:
        media: what `probe` says of it.
        made: the extractor.
        spans: utterances, which may overlap.
        speech: the sound at `media.speech.RATE`, where it is decoded already.
    """
    assert isinstance(made, AudioExtractor)  # noqa: S101 - of the modality audio
    at = made.sample_rate

    def hear() -> npt.NDArray[np.int16]:
        return speech if at == RATE and speech is not None else sound(media, at)

    def by_span() -> list[Track]:
        whole = hear()
        pieces = (whole[round(span.start * at) : round(span.end * at)] for span in spans)
        return [_later(made(piece), span.start) for piece, span in zip(pieces, spans, strict=True)]

    if made.contextual:
        return cached(media.content, made.recipe, {"spans": [list(span) for span in spans]}, by_span)
    return cached(media.content, made.recipe, {}, lambda: [made(hear())]) * len(spans)


def _later(track: Track, start: float) -> Track:
    return Track(track.times + start, track.values)


def voice_track(
    media: Media, made: Extractor, spans: Sequence[Span], speech: npt.NDArray[np.int16] | None = None
) -> Track:
    """The voice of a recording as one track: the whole of it, or of a contextual extractor the spans' one by one.

    Args:
        media: what `probe` says of it.
        made: the extractor.
        spans: utterances in the order of time, none of which overlap.
        speech: the sound at `media.speech.RATE`, where it is decoded already.
    """
    assert isinstance(made, AudioExtractor)  # noqa: S101 - of the modality audio
    if not made.contextual:
        return voice_tracks(media, made, [Span(0.0, media.duration)], speech)[0]
    return join_tracks(voice_tracks(media, made, spans, speech), len(made.recipe.columns))


def face_tracks(media: Media, made: Extractor, on: Callable[[float], Any] = lambda _: None) -> list[Track]:
    """The faces of a recording that has a picture, the one that is largest on the whole first; [] without a face.

    Args:
        media: what `probe` says of it.
        made: the extractor.
        on: told the seconds that were looked at.
    """
    assert isinstance(made, VisionExtractor)  # noqa: S101 - of the modality vision
    if isinstance(made, Derived):
        return [made.derive(track) for track in face_tracks(media, made.source(), on)]
    rate = made.recipe.rate or FACE_RATE

    def told(pictures: Iterator[Frame]) -> Iterator[Frame]:
        for frame in pictures:
            on(frame.time)
            yield frame

    def make() -> list[Track]:
        with closing(frames(media, rate)) as pictures:
            return made(told(pictures))

    return cached(media.content, made.recipe, {"rate": rate}, make)
