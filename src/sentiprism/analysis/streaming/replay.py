"""Analyse a recording as a stream."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import NamedTuple

import numpy as np

from sentiprism.analysis.language import LanguageCheck, check_language_of
from sentiprism.analysis.notes import list_gaps
from sentiprism.analysis.options import Options
from sentiprism.analysis.parts import Parts
from sentiprism.analysis.perceive import Perceived, Tracks
from sentiprism.analysis.predictor import Predictor
from sentiprism.analysis.resting import note_short
from sentiprism.analysis.streaming.analyzer import StreamAnalyzer
from sentiprism.analysis.streaming.events import StreamEvent, UtteranceEnd
from sentiprism.analysis.streaming.utterance import Utterance
from sentiprism.analysis.transcribe import Transcription, recognised_by
from sentiprism.analysis.utterances import relative_modalities
from sentiprism.features.extractors import AudioExtractor
from sentiprism.features.track import Track, join_tracks
from sentiprism.features.track_extraction import FACE_RATE
from sentiprism.media.decode import frames, sound
from sentiprism.media.quality import measure_quality
from sentiprism.media.speech import RATE
from sentiprism.media.types import Frame, Media, Span
from sentiprism.report.curves import make_curves
from sentiprism.report.schema import Curve, UtterancePart

PIECE = RATE // 2
"""Samples that are processed at a time."""


class Replayed(NamedTuple):
    """Result of a recording as a stream."""

    read: Perceived
    check: LanguageCheck
    utterances: tuple[UtterancePart, ...]
    notes: tuple[str, ...]


def replay(media: Media, predictor: Predictor, options: Options, parts: Parts) -> Replayed:
    """Analyse a recording as a stream of its sound and pictures.

    Args:
        media: the recording.
        predictor: the model.
        options: see `StreamAnalyzer`.
        parts: called with progress.
    """
    said: list[Utterance] = []
    ends: list[UtterancePart] = []
    vision = predictor.extractors.get("vision")
    with ExitStack() as stack:
        speech = sound(media, RATE) if media.audio else np.zeros(0, np.int16)
        pictures: Iterator[Frame] = iter(())
        if media.video and media.audio and vision is not None:
            pictures = stack.enter_context(closing(frames(media, vision.recipe.rate or FACE_RATE)))
        analyzer = stack.enter_context(
            closing(StreamAnalyzer(predictor, options, interim=False, thin=False, keep=said.append))
        )
        with parts.run("speech"):
            picture = next(pictures, None)
            for first in range(0, len(speech), PIECE):
                piece = np.asarray(speech[first : first + PIECE])
                while picture is not None and picture.time < (first + len(piece)) / RATE:
                    analyzer.add_picture(picture.image, picture.time)
                    picture = next(pictures, None)
                ends += _ended(analyzer.add_sound(piece))
                parts.tell("speech", first / len(speech))
            ends += _ended(analyzer.finish())
        language = analyzer.recognition.language
    for part in ("faces", "speech", "voice", "predicting"):
        parts.tell(part, 1.0)
    segments = tuple(one.segment for one in said)
    check = check_language_of(
        segments, language, predictor.language, options.language_mismatch, name=media.path.name, recorded=True
    )
    spans = [Span(one.start, one.end) for one in segments]
    tracks = Tracks(
        next((one.tracks.audio for one in said), None),
        tuple(face for one in said for face in one.tracks.faces),
        tuple(_curves(predictor, said)),
        {span: found for one in said for span, found in one.tracks.speaking.items()},
    )
    quality = measure_quality(speech, spans) if media.audio else None
    read = Perceived(Transcription(segments, recognised_by(options), language, ()), tracks, quality)
    rested = note_short(spans) if relative_modalities(predictor.model.features) else []
    gaps = list_gaps(predictor, media, tracks, ends, options)
    return Replayed(read, check, tuple(ends), (*check.notes, *rested, *gaps))


def _ended(events: Iterator[StreamEvent]) -> list[UtterancePart]:
    return [event.utterance for event in events if isinstance(event, UtteranceEnd) and event.utterance is not None]


def _curves(predictor: Predictor, said: list[Utterance]) -> Iterator[Curve]:
    """Curves of the faces and the voice within utterances, as far as the model's features are meaningful."""
    for made in predictor.extractors.values():
        if isinstance(made, AudioExtractor):
            tracks = [one.tracks.audio for one in said if one.tracks.audio is not None]
        else:
            tracks = [track for one in said for track in _face(one)]
        if made.shown and tracks:
            face = 1 if made.modality == "vision" else None
            yield from make_curves(made, join_tracks(tracks, len(made.recipe.columns)), face)


def _face(one: Utterance) -> list[Track]:
    chosen = one.tracks.choose(Span(one.segment.start, one.segment.end))[0]
    return [] if chosen is None else [one.tracks.faces[chosen]]
