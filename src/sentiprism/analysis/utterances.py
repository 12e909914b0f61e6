"""Predict the utterances of a recording and its sliding windows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sentiprism.analysis.caution import list_cautions
from sentiprism.analysis.language import LanguageCheck
from sentiprism.analysis.options import Options
from sentiprism.analysis.parts import Parts
from sentiprism.analysis.perceive import Tracks
from sentiprism.analysis.predictor import Predictor, UtteranceInputs, UtterancePrediction
from sentiprism.analysis.resting import Part, note_short, resting_levels
from sentiprism.analysis.time_line import TimeLine
from sentiprism.analysis.words import attribute_words
from sentiprism.features.track import Floats, Track
from sentiprism.media.types import Segment, Span
from sentiprism.report.schema import Estimate, UtterancePart, Window, WordPart
from sentiprism.types import FeatureSpec, Modality


class Earlier(NamedTuple):
    """What a prediction needs of earlier utterances of a stream."""

    parts: Sequence[Part] = ()
    """For resting levels."""
    inputs: Sequence[UtteranceInputs] = ()
    """For models that read context."""


NOTHING_BEFORE = Earlier()


def relative_modalities(features: FeatureSpec) -> set[str]:
    """Modalities from whose features the model's recipes subtract resting levels."""
    recipes = {name: spec.recipe for name in features.present() if (spec := getattr(features, name)).recipe}
    return {name for name, recipe in recipes.items() if recipe.relative}


def subtract_resting(
    tracks: Tracks, segments: Sequence[Segment], features: FeatureSpec, earlier: Sequence[Part] = ()
) -> tuple[Tracks, list[str]]:
    """Subtract resting levels from tracks, if the model's recipes require it; returns them with notes.

    Args:
        tracks: of a recording.
        segments: its utterances, see `resting_levels`.
        features: of the model.
        earlier: earlier utterances of a stream, which count for the levels, too.
    """
    relative = relative_modalities(features)
    spans = [Span(one.start, one.end) for one in segments]
    voice = tracks.audio if "audio" in relative else None
    faces = tracks.faces if "vision" in relative else ()
    levels = resting_levels([*earlier, Part(spans, [] if voice is None else [voice] * len(spans), faces)])[-1]

    def rested(track: Track, level: Floats | None) -> Track:
        return track if level is None else Track(track.times, track.values.astype(np.float32) - level)

    if voice is not None:
        tracks = tracks._replace(audio=rested(voice, levels.voice))
    if faces:
        tracks = tracks._replace(faces=tuple(map(rested, faces, levels.faces)))
    every = [*(span for part in earlier for span in part.spans), *spans]
    return tracks, note_short(every) if relative else []


class Predicted(NamedTuple):
    """Utterances and windows with at least one modality."""

    utterances: tuple[UtterancePart, ...]
    windows: tuple[Window, ...]
    notes: tuple[str, ...]
    """Notes on the subtracted resting levels."""


def predict_utterances(
    predictor: Predictor,
    line: TimeLine,
    tracks: Tracks,
    options: Options,
    parts: Parts,
    *,
    check: LanguageCheck,
    earlier: Earlier = NOTHING_BEFORE,
) -> Predicted:
    """Predict the utterances, each with each of its faces, and the windows around them.

    Args:
        predictor: the model.
        line: utterances and windows.
        tracks: features along the recording.
        options: which faces, and whether words are attributed.
        parts: called with progress.
        check: whether words are in the model's language.
        earlier: utterances of a stream before these.
    """
    tracks = tracks if line.speech else tracks._replace(audio=None)
    tracks, notes = subtract_resting(tracks, line.segments, predictor.model.features, earlier.parts)

    def with_caution(answer: UtterancePrediction, segment: Segment) -> Estimate:
        known, target = predictor.model.modalities, predictor.model.target
        reasons = list_cautions(answer.estimate, answer.present, known, target, speech=line.speech)
        if segment.words and check.caution is not None:
            reasons = (check.caution, *reasons)
        return answer.estimate.model_copy(update={"caution": reasons})

    every = options.face == "all"
    pairs = [(one, face) for one in line.segments for face in tracks.choose(Span(one.start, one.end), every=every)]
    more = [(one, tracks.choose_around(Span(one.start, one.end))) for one in line.around]
    own, around = (
        [_inputs_of(predictor, segment, tracks, face, check) for segment, face in some] for some in (pairs, more)
    )
    known = [*own, *earlier.inputs]
    data = predictor.prepare([*known, *around], len(known) if line.connected else 0)
    said = predictor.predict(data, range(len(pairs)))
    counted, spoken = parts.counter("predicting", len(pairs)), [one for one, _ in pairs]
    added = attribute_words(predictor, data, spoken, said, counted) if options.words else [None] * len(said)
    utterances: list[UtterancePart] = []
    for (segment, face), answer, credit in zip(pairs, said, added, strict=True):
        words = [
            WordPart(text=word.text, start=word.start, end=word.end, contribution=None if credit is None else credit[i])
            for i, word in enumerate(segment.words)
        ]
        if answer.present:
            utterances.append(
                UtterancePart(
                    number=len(utterances) + 1,
                    id=segment.id,
                    start=segment.start,
                    end=segment.end,
                    text=segment.text,
                    words=tuple(words),
                    face=None if face is None else face + 1,
                    speaker=segment.speaker,
                    **tracks.describe(Span(segment.start, segment.end), face),
                    **answer._replace(estimate=with_caution(answer, segment))._asdict(),
                )
            )
    after = range(len(known), len(known) + len(more))
    slid = zip(line.around, predictor.predict(data, after, contributions=False), strict=True)
    windows = (Window(start=w.start, end=w.end, estimate=with_caution(a, w)) for w, a in slid if a.present)
    return Predicted(tuple(utterances), tuple(windows), tuple(notes))


def _inputs_of(
    predictor: Predictor, segment: Segment, tracks: Tracks, face: int | None, check: LanguageCheck
) -> UtteranceInputs:
    given: dict[Modality, Track | None] = {
        "audio": tracks.audio,
        "vision": None if face is None else tracks.faces[face],
    }
    features: dict[Modality, Any] = {
        name: track.of(segment, getattr(predictor.model.features, name).recipe.per)
        for name, track in given.items()
        if name in predictor.extractors and track is not None
    }
    return UtteranceInputs(segment, features, read=check.mismatch != "dropped")
