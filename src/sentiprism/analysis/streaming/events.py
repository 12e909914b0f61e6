"""Events of the analysis of a stream."""

from typing import Literal

from sentiprism.config import Config
from sentiprism.report.schema import Estimate, UtterancePart
from sentiprism.types import Modality


class UtteranceStart(Config):
    """Somebody has begun to speak."""

    type: Literal["utterance.start"] = "utterance.start"
    number: int
    """Number of the utterance, from 1."""
    start: float
    """Second at which the speech begins; the exact bounds of the words come with the utterance's end."""
    at: float
    """Seconds of sound that were processed before this event."""


class Measurement(Config):
    """Estimate of an utterance, or of what has been said of it so far."""

    type: Literal["measurement"] = "measurement"
    number: int
    """Number of the utterance."""
    final: bool
    """Whether it is of the whole utterance; others are provisional, and their words may still change."""
    start: float
    end: float
    """Seconds that it is based on."""
    text: str | None
    """Recognised words; None without any."""
    estimate: Estimate
    base: float
    """Prediction without any modality, to which contributions are added."""
    contributions: dict[Modality, float]
    """Shapley values of the modalities, as in a report."""
    present: tuple[Modality, ...]
    at: float
    """Seconds of sound that were processed before this event."""


class RecognisedWord(Config):
    """A word of an utterance that has ended, with its times and attribution."""

    type: Literal["word"] = "word"
    number: int
    """Number of the utterance."""
    text: str
    start: float
    end: float
    contribution: float | None = None
    """Attribution in the prediction's unit; None if not computed."""
    at: float
    """Seconds of sound that were processed before this event."""


class UtteranceEnd(Config):
    """An utterance has ended, with its result."""

    type: Literal["utterance.end"] = "utterance.end"
    number: int
    """Number of the utterance."""
    start: float
    end: float
    utterance: UtterancePart | None
    """Result, as in ``analysis.json``; None if the model can use nothing of it."""
    notes: tuple[str, ...] = ()
    """Notes on missing or unusual inputs: the language, a short resting level."""
    at: float
    """Seconds of sound that were processed before this event."""


StreamEvent = UtteranceStart | RecognisedWord | Measurement | UtteranceEnd
"""Any event; the order is start, measurements, final measurement, words, end."""
