"""Detect speech, transcribe or align it, and split it into utterances."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.analysis.options import Options
from sentiprism.analysis.speakers import find_speakers, name_words
from sentiprism.media.align import align
from sentiprism.media.recognise import detect_language, recognise
from sentiprism.media.segment import segment
from sentiprism.media.speech import find_speech
from sentiprism.media.types import Cue, Language, Segment, Word
from sentiprism.media.whisper import split_words
from sentiprism.media.whisper_models import resolve_whisper

READING = 0.4
"""Seconds per word for a reader, 150 words per minute: reading times of a text without a recording."""
FITTING = 0.2
"""Mean word probability (0 for unrecognised words) below which a transcript is doubted: on two test clips, the correct
one had at least 0.6, and that of another recording less than 0.1."""


class Transcription(NamedTuple):
    """Utterances and words of a recording."""

    segments: tuple[Segment, ...]
    transcript: str | None
    """Source of the words, see `report.schema.Recording`."""
    language: Language | None
    notes: tuple[str, ...]
    connected: bool = True
    """Whether the utterances are consecutive, so that windows over several of them are meaningful."""


def transcribe(
    sound: npt.NDArray[np.int16] | None,
    cues: tuple[Cue, ...] | None,
    options: Options,
    on: Callable[[float], Any] | None = None,
    *,
    length: float | None = None,
    expected: str | None = None,
) -> Transcription:
    """Recognise or align the words of a recording, and split them into utterances, with speakers if requested.

    Args:
        sound: (n,) at 16 kHz; None without sound.
        cues: of a given transcript.
        options: the speech recogniser, language and lengths.
        on: called with the number of seconds done.
        length: seconds of the recording, which may be more than the sound's.
        expected: code of a language, see `choose_language`.
    """
    spans = spoken = find_speech(sound) if sound is not None else ()
    notes: list[str] = []
    words: tuple[Word, ...] = ()
    transcript: str | None = None
    language = None if options.language is None else Language(options.language)
    placed = cues is not None and is_timed(cues)
    if sound is None:
        what = "how it was said" if placed else "what was said and how"
        notes.append(f"There is no sound: {what} cannot be analysed.")
    elif not spans:
        notes.append("No speech was found in the sound.")
    if cues and (placed or spans):
        # within a cue, dividing time by word lengths is accurate enough
        folder = None if placed else find_whisper(options)
        heard = sound if sound is not None else np.zeros(0, np.int16)
        if language is None and folder is not None:
            language = detect_language(heard, spans, folder, expected)
        words = name_words(align(cues, heard, spans, folder, language and language.code, length=length, on=on), cues)
        transcript = "given, with times" if placed else "given, aligned"
        if folder is None and not placed:
            notes.append(
                "Without a speech recogniser the transcript's words were spread over the speech: times are coarse."
            )
        if folder is not None and all(cue.start is None for cue in cues):
            sure = sum(word.probability or 0.0 for word in words) / max(len(words), 1)
            if sure < FITTING:
                notes.append("The transcript hardly matches the speech: is it that of this recording?")
        spans = ()  # speech that is not in the transcript was left out on purpose
    elif cues:
        notes.append("The transcript has no times and there is no speech to align it with: it was not used.")
    elif spans and sound is not None and (folder := find_whisper(options)) is not None:
        words, language = recognise(sound, spans, folder, options.language, expected=expected, on=on)
        if language is None:
            notes.append("The speech recogniser only knows English and treats all speech as English.")
        transcript = recognised_by(options)
    elif spans:
        notes.append(
            "Speech was not recognised, as requested: predictions are based on how it sounds, not on what is said."
        )
    found = segment(words, spans, longest=options.longest, pause=options.pause)
    told = None if words else on  # recognition takes longer, and has told all
    named = find_speakers(found, sound, spoken, options.speakers, told)
    return Transcription(named.segments, transcript, language, (*notes, *named.notes))


def is_timed(cues: tuple[Cue, ...]) -> bool:
    """Whether all cues of a transcript have times."""
    return bool(cues) and all(cue.start is not None for cue in cues)


def recognised_by(options: Options) -> str | None:
    """Source of recognised words for a report; None without a speech recogniser."""
    name = options.asr if "/" not in options.asr else Path(options.asr).name
    return None if options.asr == "none" else f"recognised by Whisper {name}"


def find_whisper(options: Options) -> Path | None:
    """Folder of the speech recogniser; None without one."""
    return None if options.asr == "none" else resolve_whisper(options.asr)


def read_cues(cues: tuple[Cue, ...], options: Options) -> tuple[Segment, ...]:
    """Utterances of a text without a recording, with the times of cues or reading times."""
    if is_timed(cues):
        words = name_words(align(cues, np.zeros(0, np.int16), (), None), cues)
    else:
        texts = [word for cue in cues for word in split_words(cue.text)]
        words = name_words([Word(text, READING * n, READING * (n + 1)) for n, text in enumerate(texts)], cues)
    return segment(words, (), longest=options.longest, pause=options.pause)
