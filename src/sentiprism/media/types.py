"""Data types of media: frames, words, segments, stream metadata."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy.typing as npt


class Frame(NamedTuple):
    """One picture."""

    time: float
    """Seconds from the start of the recording."""
    image: npt.NDArray[Any]
    """(H, W, 3) uint8 RGB, upright."""


class Word(NamedTuple):
    """One word as it was said."""

    text: str
    start: float
    end: float
    """Seconds."""
    probability: float | None = None
    """The recogniser's own, where there was one."""


class Language(NamedTuple):
    """The language of what is said."""

    code: str
    """For example ``en``."""
    probability: float | None = None
    """The recogniser's own, over all that is said; None where the language was given."""
    others: tuple[tuple[str, float], ...] = ()
    """What else it may be, the likeliest first."""


class Span(NamedTuple):
    """A stretch of time in seconds."""

    start: float
    end: float


class Cue(NamedTuple):
    """A piece of a given transcript; times where the file has them."""

    text: str
    start: float | None = None
    end: float | None = None


class Segment(NamedTuple):
    """One utterance of a recording."""

    start: float
    end: float
    words: tuple[Word, ...]
    """() where there is speech whose words are not known."""
    id: str | None = None
    """Where a table names it."""

    @property
    def text(self) -> str | None:
        """Words as one line; None where none are known."""
        return " ".join(word.text for word in self.words) or None


@dataclass(frozen=True, slots=True)
class VideoStream:
    """The moving picture of a file."""

    codec: str
    width: int
    height: int
    fps: float | None


@dataclass(frozen=True, slots=True)
class AudioStream:
    """The sound of a file."""

    codec: str
    rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class Media:
    """A file that was looked into and may be decoded."""

    path: Path
    content: str
    """SHA-256 of the file."""
    container: str
    duration: float
    """Seconds."""
    video: VideoStream | None
    audio: AudioStream | None
