"""Name the speaker of each utterance: as the transcript has it, or by voice."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.analysis.options import AUTO, OFF
from sentiprism.assets.registry import fetch
from sentiprism.media.diarize import diarize
from sentiprism.media.speaker_segments import name_speakers
from sentiprism.media.types import Cue, Segment, Span, Word
from sentiprism.media.voices import VOICE_ENCODER, embed_voices
from sentiprism.media.whisper import split_words


class NamedSpeakers(NamedTuple):
    """Utterances with their speakers."""

    segments: tuple[Segment, ...]
    notes: tuple[str, ...] = ()


def check_speakers(speakers: str) -> None:
    """Download the voice encoder, if it is needed and not here.

    Args:
        speakers: see `Options.speakers`.

    Raises:
        UserError: it cannot be downloaded.
    """
    if needs_voices(speakers):
        fetch(VOICE_ENCODER)


def needs_voices(speakers: str) -> bool:
    """Whether voices have to be compared, see `Options.speakers`."""
    return speakers not in {OFF, "1"}


def name_words(words: Sequence[Word], cues: Sequence[Cue]) -> tuple[Word, ...]:
    """Give the words of a transcript the speakers of their cues.

    Args:
        words: from `sentiprism.media.align.align`.
        cues: of which they are the words.
    """
    names = [cue.speaker for cue in cues for _ in split_words(cue.text)]
    return tuple(word._replace(speaker=name) for word, name in zip(words, names, strict=True))


def find_speakers(
    segments: tuple[Segment, ...],
    sound: npt.NDArray[np.int16] | None,
    spans: Sequence[Span],
    speakers: str,
    on: Callable[[float], Any] | None = None,
) -> NamedSpeakers:
    """Name the speakers of utterances by voice, unless the transcript names them.

    Args:
        segments: utterances; one with two speakers is split.
        sound: (n,) at 16 kHz; None without sound.
        spans: spans of speech.
        speakers: see `Options.speakers`.
        on: called with the number of seconds done.

    Raises:
        UserError: the voice encoder cannot be downloaded, or a library is missing.
    """
    if speakers == OFF or not segments:
        return NamedSpeakers(segments)
    if any(one.speaker is not None for one in segments):
        return NamedSpeakers(segments, ("The speakers are those that the transcript names.",))
    if sound is None or not spans:
        return NamedSpeakers(segments, ("Without speech in the sound, speakers cannot be told apart.",))
    wanted = None if speakers == AUTO else int(speakers)
    if wanted == 1:
        return NamedSpeakers(tuple(one._replace(speaker="S1") for one in segments))
    found = name_speakers(segments, diarize(embed_voices(sound, spans, on), wanted))
    names = len({one.speaker for one in found})
    notes = ["Speakers are told apart by voice, which is wrong at times; their names are only valid in this recording."]
    if wanted is not None and names < wanted:
        notes.append(f"{wanted} speakers were expected, but only {names} could be told apart.")
    return NamedSpeakers(found, tuple(notes))
