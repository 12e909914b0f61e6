"""Extract the words of a recording, and features of voice and faces over time."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from threading import Event
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.analysis.options import Options
from sentiprism.analysis.parts import Parts
from sentiprism.analysis.predictor import Predictor
from sentiprism.analysis.transcribe import Transcription, transcribe
from sentiprism.features.extractors import EXTRACTORS, Extractor
from sentiprism.features.face_choice import choose_faces
from sentiprism.features.speaking import Speaking, find_speaking_in
from sentiprism.features.track import Track
from sentiprism.features.track_extraction import face_tracks, voice_track
from sentiprism.media.decode import sound
from sentiprism.media.quality import SoundQuality, measure_quality
from sentiprism.media.speech import RATE
from sentiprism.media.types import Cue, Media, Span
from sentiprism.report.curves import make_curves
from sentiprism.report.schema import Curve


class Tracks(NamedTuple):
    """Features over time of the voice and of each face, the largest first."""

    audio: Track | None = None
    faces: tuple[Track, ...] = ()
    curves: tuple[Curve, ...] = ()
    speaking: Mapping[Span, Speaking] = {}
    """Who speaks, by the span of an utterance in which several faces are visible."""

    def choose(self, span: Span, *, every: bool = False) -> list[int | None]:
        """Indices of the faces to predict an utterance from, see `choose_faces`: the one that speaks, if known."""
        found = self.speaking.get(span)
        return choose_faces(self.faces, span, every=every, speaking=found and found.face)

    def describe(self, span: Span, face: int | None) -> dict[str, Any]:
        """Certainty that a face speaks in an utterance, and its place; {} if they were not measured."""
        found = self.speaking.get(span)
        if found is None or face not in found.certainties:
            return {}
        return {"speaking": round(found.certainties[face], 4), "place": found.places[face]}

    def choose_around(self, span: Span) -> int | None:
        """Index of the face for a window: the one that speaks longest in its utterances, or is visible longest."""
        seconds: dict[int, float] = {}
        for own, found in self.speaking.items():
            shared = min(own.end, span.end) - max(own.start, span.start)
            if found.face is not None and shared > 0:
                seconds[found.face] = seconds.get(found.face, 0.0) + shared
        speaking = max(seconds, key=lambda face: seconds[face]) if seconds else None
        return choose_faces(self.faces, span, speaking=speaking)[0]


class Perceived(NamedTuple):
    """Words, features and sound quality of a file."""

    transcription: Transcription
    tracks: Tracks = Tracks()
    quality: SoundQuality | None = None
    """Quality of the sound, if any."""


def perceive(
    media: Media, cues: tuple[Cue, ...] | None, predictor: Predictor, options: Options, parts: Parts
) -> Perceived:
    """Process faces and sound in parallel, each with a decoding process and a thread.

    While the faces take longer, the libraries of the prediction are imported. If processing the sound fails or is
    stopped, the faces are abandoned.

    Args:
        media: the recording.
        cues: cues of a given transcript.
        predictor: the model; its features are extracted.
        options: see `Options`.
        parts: called with progress.
    """
    voice = predictor.extractors.get("audio") or EXTRACTORS["speech"]()
    face = predictor.extractors.get("vision") or EXTRACTORS["action_units"]()

    stop, begun = Event(), Event()

    def report_progress(part: str) -> Callable[[float], Any]:
        return lambda seconds: parts.tell(part, min(seconds / max(media.duration, 1e-9), 1.0))

    def check_stop(seconds: float) -> None:
        begun.set()
        if stop.is_set():
            raise CancelledError
        report_progress("faces")(seconds)

    def find_faces() -> list[Track]:
        try:
            with parts.run("faces"):
                found = face_tracks(media, face, check_stop) if media.video else []
        finally:
            begun.set()
        parts.tell("faces", 1.0)
        return found

    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(find_faces)
        try:
            with parts.run("speech"):
                speech = sound(media, RATE) if media.audio else None
                transcription = transcribe(
                    speech, cues, options, report_progress("speech"), length=media.duration, expected=predictor.language
                )
            parts.tell("speech", 1.0)
            with parts.run("voice"):
                spans = [Span(one.start, one.end) for one in transcription.segments]
                quality = None if speech is None else measure_quality(speech, spans)
                audio = None if speech is None else voice_track(media, voice, spans, speech)
                drawn = [] if audio is None else _voice_curves(media, voice, audio, speech)
            parts.tell("voice", 1.0)
            begun.wait()  # two threads do not import at once
            if not pending.done() and face.recipe.network is None:
                predictor.import_libraries(words=options.words)
            faces = tuple(pending.result())
        finally:
            stop.set()
    tracks = Tracks(audio, faces)
    if options.face != "largest":
        found = find_speaking_in(media, face, spans, speech)
        tracks = tracks._replace(speaking=found)
    shown = _shown_faces(tracks, spans, options)
    drawn = [*(curve for n in shown for curve in make_curves(face, faces[n], n + 1)), *drawn]
    return Perceived(transcription, tracks._replace(curves=tuple(drawn)), quality)


def _shown_faces(tracks: Tracks, spans: Sequence[Span], options: Options) -> list[int]:
    """Indices of the faces whose curves are shown: the largest, those that speak, or all."""
    if options.face == "all" or not tracks.faces:
        return list(range(len(tracks.faces)))
    chosen = {face for span in spans if span in tracks.speaking for face in tracks.choose(span)}
    return sorted(face for face in chosen if face is not None) or [0]


def _voice_curves(media: Media, voice: Extractor, track: Track, speech: npt.NDArray[np.int16] | None) -> list[Curve]:
    """Curves of the voice; if the model's own columns are not meaningful to readers, those of ``speech``."""
    if not voice.shown:
        voice = EXTRACTORS["speech"]()
        track = voice_track(media, voice, (), speech)
    return make_curves(voice, track)
