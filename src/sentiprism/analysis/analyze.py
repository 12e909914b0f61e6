"""Analyse one recording or text: from its file to the report's document."""

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism import __version__
from sentiprism.analysis.inputs import is_text
from sentiprism.analysis.language import check_language_of
from sentiprism.analysis.options import Options
from sentiprism.analysis.predictor import Predictor, load_predictor
from sentiprism.analysis.texts import read_words, spaced
from sentiprism.analysis.transcribe import Transcription, split_evenly, transcribe, windows
from sentiprism.analysis.utterances import TimeLine, Tracks, predict_utterances, subtract_resting
from sentiprism.errors import printable
from sentiprism.features.extractors import EXTRACTORS, Extractor
from sentiprism.features.face_choice import are_several
from sentiprism.features.track import Track
from sentiprism.features.track_extraction import face_tracks, voice_track
from sentiprism.files import sha256
from sentiprism.media.decode import sound
from sentiprism.media.limits import Limits
from sentiprism.media.probe import probe
from sentiprism.media.quality import SoundQuality, measure_quality
from sentiprism.media.speech import RATE
from sentiprism.media.transcripts import read_transcript
from sentiprism.media.types import Cue, Language, Media, Span
from sentiprism.report.analysis import Analysis
from sentiprism.report.curves import make_curves
from sentiprism.report.schema import Curve, Recording, SoundFacts, UtterancePart
from sentiprism.report.statistics import summarise

Progress = Callable[[str, float], Any]
"""Told what part is running and the share of it that is done, from 0 to 1."""


def analyze(
    path: Path | str,
    *,
    transcript: Path | str | None = None,
    options: Options | dict[str, Any] | None = None,
    predictor: Predictor | None = None,
    limits: Limits | None = None,
    on: Progress | None = None,
    on_time: Callable[[str, float], Any] | None = None,
) -> Analysis:
    """Sentiment along a recording, with what it is due to.

    The same recording, options and model give the same document, byte by byte: no time or date is in it.

    Args:
        path: a video, a sound, a text (`inputs.TEXTS`), or a table of texts (CSV).
        transcript: what is said in it, as SRT, VTT, JSON or plain text; its words are kept as they are.
        options: see `Options`.
        predictor: the model, where one is open already; else ``options.model`` is opened.
        limits: what a file may be and cost to be decoded.
        on: told of progress.
        on_time: told the seconds that each part took, by the part's name.

    Raises:
        UserError: the file, the transcript or the model cannot be used; or a library or asset is missing.
    """
    options = options if isinstance(options, Options) else Options.parse(options or {}, "options of analyze")
    path, on, clock = Path(path), on or _quiet, _Clock(on_time or _quiet)
    limits = limits or Limits()
    cues = read_transcript(Path(transcript)) if transcript is not None else None
    if transcript is None and is_text(path):
        transcription, tracks, recording = read_words(path, options, limits), Tracks(), None
        duration = max((one.end for one in transcription.segments), default=0.0)
        predictor = predictor or load_predictor(options.model)
        seen = Recording(name=printable(path.name), content=sha256(path), kind="text", duration=duration)
    else:
        recording = probe(path, limits)
        duration = recording.duration
        predictor = predictor or load_predictor(options.model)
        transcription, tracks, quality = _perceive(recording, cues, predictor, options, clock, on)
        seen = Recording(
            name=printable(path.name),
            content=recording.content,
            kind="video" if recording.video else "audio",
            duration=duration,
            width=recording.video.width if recording.video else None,
            height=recording.video.height if recording.video else None,
            codec=recording.video.codec if recording.video else None,
            sound=None if quality is None else SoundFacts(**quality._asdict()),
        )
    language = Language(options.language) if options.language else transcription.language
    check = check_language_of(
        transcription.segments,
        language,
        predictor.language,
        options.language_mismatch,
        name=printable(path.name),
        recorded=recording is not None,
    )
    segments, judged = transcription.segments, tracks
    speech = bool(segments)
    if not speech and tracks.faces:  # a face can be judged where nobody speaks; a voice cannot
        segments, judged = split_evenly(duration, options.longest), tracks._replace(audio=None)
    judged, rest = subtract_resting(judged, segments, predictor.model.features)
    with clock("judging"):
        around = windows(duration, segments, options if recording else spaced(options, duration))
        around = around if transcription.connected else ()
        line = TimeLine(segments, around, speech, transcription.connected)
        utterances, sliding = predict_utterances(predictor, line, judged, options, on, check=check)
    notes = (*check.notes, *transcription.notes, *rest, *_missing(predictor, recording, tracks, utterances, options))
    return Analysis(
        program=f"sentiprism {__version__}",
        recording=seen.model_copy(
            update={
                "language": language and language.code,
                "language_probability": language and language.probability,
                "language_others": {} if language is None else dict(language.others),
                "language_mismatch": check.mismatch,
                "language_assumed": check.assumed,
                "transcript": transcription.transcript,
            }
        ),
        judge=predictor.judge,
        summary=summarise(utterances, predictor.model.target, timed=transcription.connected),
        utterances=tuple(utterances),
        windows=tuple(sliding),
        curves=tracks.curves,
        notes=notes,
        details={"options": options.model_dump(mode="json")},
    )


def _quiet(part: str, amount: float) -> None:
    """Ignore progress and times where nobody asks for them."""
    del part, amount


def _perceive(
    media: Media, cues: tuple[Cue, ...] | None, predictor: Predictor, options: Options, clock: "_Clock", on: Progress
) -> tuple[Transcription, Tracks, SoundQuality | None]:
    """Faces and sound side by side: each is decoded in a process of its own and read in a thread of its own.

    Where the sound's side fails or is stopped, the faces' is not waited for.
    """
    voice = predictor.extractors.get("audio") or EXTRACTORS["speech"]()
    face = predictor.extractors.get("vision") or EXTRACTORS["action_units"]()

    stop = Event()

    def told(part: str) -> Callable[[float], Any]:
        return lambda seconds: on(part, min(seconds / max(media.duration, 1e-9), 1.0))

    def looked(seconds: float) -> None:
        if stop.is_set():
            raise CancelledError
        told("faces")(seconds)

    def watch() -> list[Track]:
        with clock("faces"):
            found = face_tracks(media, face, looked) if media.video else []
        on("faces", 1.0)
        return found

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            with clock("speech"):
                speech = sound(media, RATE) if media.audio else None
                transcription = transcribe(
                    speech, cues, options, told("speech"), length=media.duration, expected=predictor.language
                )
            on("speech", 1.0)
            with clock("voice"):
                spans = [Span(one.start, one.end) for one in transcription.segments]
                quality = None if speech is None else measure_quality(speech, spans)
                audio = None if speech is None else voice_track(media, voice, spans, speech)
                drawn = [] if audio is None else _voice_curves(media, voice, audio, speech)
            on("voice", 1.0)
            faces = tuple(watching.result())
        finally:
            stop.set()
    shown = faces[: None if options.face == "all" else 1]
    drawn = [*(curve for n, track in enumerate(shown, 1) for curve in make_curves(face, track, n)), *drawn]
    return transcription, Tracks(audio, faces, tuple(drawn)), quality


def _voice_curves(media: Media, voice: Extractor, track: Track, speech: npt.NDArray[np.int16] | None) -> list[Curve]:
    """Curves of the voice; where the model's own columns tell a reader nothing, those of ``speech``."""
    if not voice.shown:
        voice = EXTRACTORS["speech"]()
        track = voice_track(media, voice, (), speech)
    return make_curves(voice, track)


def _missing(
    predictor: Predictor, media: Media | None, tracks: Tracks, utterances: list[UtterancePart], options: Options
) -> list[str]:
    """What a reader should know was not there, or is not known."""
    notes = []
    places = {Span(one.start, one.end) for one in utterances if "vision" in one.present}
    if count := sum(are_several(tracks.faces, place) for place in places):
        how = "with the one that is seen longest" if options.face == "largest" else "once with each of them"
        where = f"{count} of {len(places)} utterances" if count < len(places) else "every utterance"
        notes.append(
            f"Several faces are seen at once in {where}, judged {how}: whose voice and words they are is not known."
        )
    if media is not None and media.video is None:
        notes.append("There is no picture: faces cannot be judged.")
    elif media is not None and not tracks.faces:
        notes.append("No face was found in the picture.")
    known = predictor.model.modalities
    if utterances and not predictor.model.target.classes and predictor.saved.calibration is None:
        notes.append("The model is not calibrated: its estimates have no interval, and weak ones may pass for firm.")
    if tracks.audio is not None and "audio" not in known:
        notes.append("The model does not hear: the voice is drawn but has no part in the predictions.")
    if tracks.faces and "vision" not in known:
        notes.append("The model does not see: faces are drawn but have no part in the predictions.")
    spec = predictor.model.features.text
    most = spec.max_tokens if spec is not None and "text" in known else None
    if most is not None and (count := sum(len(one.words) > most for one in utterances)):
        notes.append(f"{count} utterances have more words than the model reads ({most}): their ends are not judged.")
    if not utterances:
        notes.append(f"There is nothing in this {'recording' if media else 'text'} that the model can judge.")
    return notes


class _Clock:
    """Measures the seconds that each part takes."""

    def __init__(self, on_time: Callable[[str, float], Any]) -> None:
        self.on_time = on_time

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self.on_time(part, perf_counter() - start)
