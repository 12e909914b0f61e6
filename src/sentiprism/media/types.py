"""Data types of media: frames, words, segments, stream metadata."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt


class Samples(Protocol):
    """Mono sound by sample: an array, or the part of a stream that is still in memory."""

    def __len__(self) -> int:
        """Number of samples from the start."""

    def __getitem__(self, samples: slice, /) -> npt.NDArray[np.int16]:
        """(n,) samples, as of an array."""


class Frame(NamedTuple):
    """One picture."""

    time: float
    """Seconds from the start of the recording."""
    image: npt.NDArray[Any]
    """(H, W, 3) uint8 RGB, upright."""


class Word(NamedTuple):
    """A word of a recording with its times."""

    text: str
    start: float
    end: float
    """Seconds."""
    probability: float | None = None
    """Probability from speech recognition, if it was used."""
    speaker: str | None = None
    """Name in the transcript, if it has names."""


class Language(NamedTuple):
    """Language of the speech."""

    code: str
    """For example ``en``."""
    probability: float | None = None
    """Probability from speech recognition, over all speech; None if the language was given."""
    others: tuple[tuple[str, float], ...] = ()
    """Other possible languages with probabilities, the most probable first."""


class Span(NamedTuple):
    """A time span in seconds."""

    start: float
    end: float


class Cue(NamedTuple):
    """A cue of a given transcript, with times if the file has them."""

    text: str
    start: float | None = None
    end: float | None = None
    speaker: str | None = None
    """Name of the speaker, if the file has it."""


class Segment(NamedTuple):
    """One utterance of a recording."""

    start: float
    end: float
    words: tuple[Word, ...]
    """() for speech without known words."""
    id: str | None = None
    """Id in a table, if given."""
    speaker: str | None = None
    """Name of the speaker: of a transcript, or S1, S2, …; None if unknown."""

    @property
    def text(self) -> str | None:
        """Words as one line; None if unknown."""
        return " ".join(word.text for word in self.words) or None


@dataclass(frozen=True, slots=True)
class VideoStream:
    """Properties of a video stream."""

    codec: str
    width: int
    height: int
    fps: float | None


@dataclass(frozen=True, slots=True)
class AudioStream:
    """Properties of an audio stream."""

    codec: str
    rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class Media:
    """A media file that has been probed and can be decoded."""

    path: Path
    content: str
    """SHA-256 of the file."""
    container: str
    duration: float
    """Seconds."""
    video: VideoStream | None
    audio: AudioStream | None
