"""Detect speech, transcribe or align it, and split it into utterances."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.analysis.options import Options
from sentiprism.media.align import align
from sentiprism.media.recognise import detect_language, recognise
from sentiprism.media.segment import segment
from sentiprism.media.speech import find_speech
from sentiprism.media.types import Cue, Language, Segment, Word
from sentiprism.media.whisper import words_of
from sentiprism.media.whisper_models import resolve_whisper

READING = 0.4
"""Seconds a word takes a reader, 150 words a minute: the time line of a text without a recording."""
FITTING = 0.2
"""Mean probability of its words, unheard ones counting 0, below which a transcript is doubted: the right one had 0.6
and more on the two clips that were tried, another recording's below 0.1."""


class Transcription(NamedTuple):
    """What was understood of a recording."""

    segments: tuple[Segment, ...]
    transcript: str | None
    """Where the words come from, see `report.schema.Recording`."""
    language: Language | None
    notes: tuple[str, ...]
    connected: bool = True
    """Whether the utterances follow each other, so that a window over several of them means something."""


def transcribe(
    sound: npt.NDArray[np.int16] | None,
    cues: tuple[Cue, ...] | None,
    options: Options,
    on: Callable[[float], Any] | None = None,
    *,
    length: float | None = None,
    expected: str | None = None,
) -> Transcription:
    """Words and utterances of a recording.

    Args:
        sound: (n,) at 16 kHz; None where the recording has none.
        cues: of a given transcript.
        options: the recogniser, language and lengths.
        on: told the seconds that were recognised.
        length: seconds of the recording, where they may be more than the sound's.
        expected: code of a language, see `choose_language`.
    """
    spans = find_speech(sound) if sound is not None else ()
    notes: list[str] = []
    words: tuple[Word, ...] = ()
    transcript: str | None = None
    language = None if options.language is None else Language(options.language)
    placed = cues is not None and is_timed(cues)
    if sound is None:
        what = "how it was said" if placed else "what was said and how"
        notes.append(f"There is no sound: {what} cannot be judged.")
    elif not spans:
        notes.append("No speech was found in the sound.")
    if cues and (placed or spans):
        folder = None if placed else find_whisper(options)  # inside a cue, words by their length are near enough
        heard = sound if sound is not None else np.zeros(0, np.int16)
        if language is None and folder is not None:
            language = detect_language(heard, spans, folder, expected)
        words = align(cues, heard, spans, folder, language and language.code, length=length, on=on)
        transcript = "given, with times" if placed else "given, aligned"
        if folder is None and not placed:
            notes.append("Without a recogniser the transcript's words were spread over the speech: times are coarse.")
        if folder is not None and all(cue.start is None for cue in cues):
            sure = sum(word.probability or 0.0 for word in words) / max(len(words), 1)
            if sure < FITTING:
                notes.append("The transcript hardly fits what is heard: is it that of this recording?")
        spans = ()  # what the transcript leaves out was left out on purpose
    elif cues:
        notes.append("The transcript has no times and there is no speech to align it with: it was not used.")
    elif spans and sound is not None and (folder := find_whisper(options)) is not None:
        words, language = recognise(sound, spans, folder, options.language, expected=expected, on=on)
        if language is None:
            notes.append("The recogniser knows English alone and takes everything for it.")
        transcript = f"recognised by Whisper {options.asr if '/' not in options.asr else Path(options.asr).name}"
    elif spans:
        notes.append("Nothing was recognised, as asked: speech is judged by how it sounds, not by what is said.")
    found = segment(words, spans, longest=options.longest, pause=options.pause)
    return Transcription(found, transcript, language, tuple(notes))


def is_timed(cues: tuple[Cue, ...]) -> bool:
    """Whether a transcript says when everything in it is said."""
    return bool(cues) and all(cue.start is not None for cue in cues)


def find_whisper(options: Options) -> Path | None:
    """Folder of the recogniser; None where none is wanted."""
    return None if options.asr == "none" else resolve_whisper(options.asr)


def read_cues(cues: tuple[Cue, ...], options: Options) -> tuple[Segment, ...]:
    """Utterances of a text without a recording; times are those of a reader, or the cues' own."""
    if is_timed(cues):
        words = align(cues, np.zeros(0, np.int16), (), None)
    else:
        texts = [word for cue in cues for word in words_of(cue.text)]
        words = tuple(Word(text, READING * n, READING * (n + 1)) for n, text in enumerate(texts))
    return segment(words, (), longest=options.longest, pause=options.pause)
