"""Analyse one recording or text."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sentiprism import __version__
from sentiprism.analysis.inputs import is_text
from sentiprism.analysis.language import LanguageCheck, check_language_of
from sentiprism.analysis.notes import list_gaps
from sentiprism.analysis.options import Options
from sentiprism.analysis.parts import Parts, Progress
from sentiprism.analysis.perceive import Perceived, perceive
from sentiprism.analysis.predictor import Predictor, load_predictor
from sentiprism.analysis.texts import read_words, spaced
from sentiprism.analysis.time_line import lay_out
from sentiprism.analysis.utterances import Predicted, predict_utterances
from sentiprism.errors import UserError, printable
from sentiprism.files import sha256
from sentiprism.media.limits import Limits
from sentiprism.media.probe import probe
from sentiprism.media.transcripts import read_transcript
from sentiprism.media.types import Language, Media
from sentiprism.report.analysis import Analysis
from sentiprism.report.schema import Recording, SoundFacts
from sentiprism.report.statistics import summarise, summarise_speakers


def analyze(
    path: Path | str,
    *,
    transcript: Path | str | None = None,
    options: Options | dict[str, Any] | None = None,
    predictor: Predictor | None = None,
    limits: Limits | None = None,
    name: str | None = None,
    on: Progress | None = None,
    on_time: Callable[[str, float], Any] | None = None,
) -> Analysis:
    """Predict the sentiment along a recording, with attributions.

    The result is deterministic: the same recording, options and model give the same document, without times or dates.

    Args:
        path: a video, a sound, a text (`inputs.TEXTS`), or a table of texts (CSV).
        transcript: transcript as SRT, VTT, JSON or plain text; its words are not changed.
        options: see `Options`.
        predictor: the model, if already open; by default ``options.model`` is opened.
        limits: limits of the file and of its decoding.
        name: of the file in the document; by default its own.
        on: called with progress.
        on_time: called with the name of each part and its duration in seconds.

    Raises:
        UserError: the file, the transcript or the model cannot be used; or a library or asset is missing.
    """
    options = options if isinstance(options, Options) else Options.parse(options or {}, "options of analyze")
    options = options.pinned() if predictor is None else options
    path, parts, limits = Path(path), Parts(on, on_time), limits or Limits()
    name = printable(name or path.name)
    if options.streaming and (transcript is not None or is_text(path)):
        raise UserError("a stream has sound and no transcript", "give a recording alone, or turn streaming off")
    cues = read_transcript(Path(transcript)) if transcript is not None else None
    if transcript is None and is_text(path):
        media, read = None, Perceived(read_words(path, options, limits))
        duration = max((one.end for one in read.transcription.segments), default=0.0)
        predictor = predictor or load_predictor(options.model)
        hops = spaced(options, duration)
    else:
        media = probe(path, limits)
        duration, hops = media.duration, options
        predictor = predictor or load_predictor(options.model)
        if options.streaming:
            return _streamed(name, path, media, predictor, options, parts)
        read = perceive(media, cues, predictor, options, parts)
    transcription, tracks = read.transcription, read.tracks
    language = Language(options.language) if options.language else transcription.language
    check = check_language_of(
        transcription.segments,
        language,
        predictor.language,
        options.language_mismatch,
        name=name,
        recorded=media is not None,
    )
    line = lay_out(transcription, hops, duration, faces=bool(tracks.faces))
    with parts.run("predicting"):
        found = predict_utterances(predictor, line, tracks, options, parts, check=check)
    gaps = list_gaps(predictor, media, tracks, found.utterances, options)
    notes = (*check.notes, *transcription.notes, *found.notes, *gaps)
    recording = _describe(name, path, media, duration, read, language, check)
    return _document(recording, predictor, options, read, found, notes)


def _streamed(name: str, path: Path, media: Media, predictor: Predictor, options: Options, parts: Parts) -> Analysis:
    """Analyse a recording as a stream."""
    from sentiprism.analysis.streaming.replay import replay

    found = replay(media, predictor, options, parts)
    recording = _describe(name, path, media, media.duration, found.read, found.read.transcription.language, found.check)
    predicted = Predicted(found.utterances, (), ())
    return _document(recording, predictor, options, found.read, predicted, found.notes)


def _document(
    recording: Recording,
    predictor: Predictor,
    options: Options,
    read: Perceived,
    found: Predicted,
    notes: tuple[str, ...],
) -> Analysis:
    target, timed = predictor.model.target, read.transcription.connected
    return Analysis(
        program=f"sentiprism {__version__}",
        recording=recording,
        model=predictor.describe(),
        summary=summarise(found.utterances, target, timed=timed),
        speakers=summarise_speakers(found.utterances, target, timed=timed),
        utterances=found.utterances,
        windows=found.windows,
        curves=read.tracks.curves,
        notes=notes,
        details={"options": options.model_dump(mode="json")},
    )


def _describe(
    name: str,
    path: Path,
    media: Media | None,
    duration: float,
    read: Perceived,
    language: Language | None,
    check: LanguageCheck,
) -> Recording:
    """Describe the file for the report."""
    video = media.video if media is not None else None
    return Recording(
        name=name,
        content=sha256(path) if media is None else media.content,
        kind="text" if media is None else "video" if video else "audio",
        duration=duration,
        width=video.width if video else None,
        height=video.height if video else None,
        codec=video.codec if video else None,
        sound=None if read.quality is None else SoundFacts(**read.quality._asdict()),
        language=language and language.code,
        language_probability=language and language.probability,
        language_others={} if language is None else dict(language.others),
        language_mismatch=check.mismatch,
        language_assumed=check.assumed,
        transcript=read.transcription.transcript,
    )
