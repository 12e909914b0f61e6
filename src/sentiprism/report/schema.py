"""The typed document of an analysed recording."""

from typing import Any, Literal

from pydantic import Field, JsonValue, model_validator

from sentiprism.config import Config
from sentiprism.types import Modality, TargetSpec

NEUTRAL = 1 / 12
"""Half-width of the neutral range, relative to the label's range: ±0.5 on [-3, 3]."""
BOTH_SIGNS = "interval holds both signs"
"""Reason for a weak estimate whose interval extends beyond the neutral range on both sides."""
OWN_TIMES = "with its own times"
"""End of `Recording.transcript` for a text with real times instead of reading times."""
FORMAT = 1
"""Version of the JSON document; increased with incompatible changes."""


class Estimate(Config):
    """Sentiment on the model's scale, or the index of the most probable class."""

    value: float
    low: float | None = None
    high: float | None = None
    """Prediction interval of a calibrated model."""
    probabilities: tuple[float, ...] = ()
    """Probabilities of classes, in their order."""
    caution: tuple[str, ...] = ()
    """Reasons why the estimate is weak, such as "rests on the voice alone"; () if it is firm."""


class WordPart(Config):
    """A word with its times and its attribution."""

    text: str
    start: float
    end: float
    contribution: float | None = None
    """Attribution in the prediction's unit; None if not computed."""


class UtterancePart(Config):
    """One utterance with its prediction and attributions."""

    number: int
    """From 1."""
    id: str | None = None
    """Id in the table of texts; None without a table."""
    start: float
    end: float
    text: str | None
    words: tuple[WordPart, ...] = ()
    estimate: Estimate
    base: float
    """Prediction without any modality, to which contributions are added."""
    contributions: dict[Modality, float]
    """Exact Shapley values; with ``base`` they sum to the estimate before it is clipped to the scale, or to the logit
    of the most probable class. 0 for missing modalities."""
    weights: dict[Modality, float] | None = None
    """The model's own modality weights, if any."""
    present: tuple[Modality, ...]
    """Modalities that the utterance has for the model."""
    face: int | None = None
    """Number of its face, from 1, largest first."""
    speaker: str | None = None
    """Name of its speaker: of the transcript, or S1, S2, … by voice; None if speakers were not told apart."""
    speaking: float | None = None
    """Certainty that its face speaks, from 0 to 1; None unless several faces are visible at once."""
    place: tuple[float, float, float] | None = None
    """Where that face is: x and y of its centre, and its area, as fractions of the picture."""


class Window(Config):
    """A sliding window over the recording, independent of the utterances."""

    start: float
    end: float
    estimate: Estimate


class Curve(Config):
    """A curve of a face or the voice for the report."""

    name: str
    """Column of the recipe, for example ``mouth_smile`` or ``f0``."""
    title: str
    """Title: "smile", "pitch"."""
    modality: Modality
    unit: str
    """Unit: "Hz", "intensity 0–5"; "1" if unknown."""
    scale: tuple[float, float] | None = None
    """Ends of the scale, if any, so that a trace of a smile does not look like a broad one."""
    face: int | None = None
    times: tuple[float, ...]
    values: tuple[float | None, ...]
    """One value per time; None = not visible or not voiced."""


class SoundFacts(Config):
    """Measured sound quality, see `sentiprism.media.quality`."""

    noise_ratio: float | None
    """Signal-to-noise ratio in dB, at most 60; None if speech is surrounded by digital silence."""
    clipped: float
    """Share of the samples of speech that are clipped, from 0 to 1."""
    bandwidth: float
    """Highest frequency of speech in Hz, at most 8000."""


class Recording(Config):
    """The analysed recording or text."""

    name: str
    """File name without its folder."""
    content: str
    """SHA-256."""
    kind: str
    """"video", "audio" or "text"."""
    duration: float
    width: int | None = None
    height: int | None = None
    codec: str | None = None
    """FFmpeg's name of the video codec."""
    sound: SoundFacts | None = None
    """None without speech."""
    language: str | None = None
    """Code of the language that was given or recognised."""
    language_probability: float | None = None
    """Probability from speech recognition; None if the language was given or is unknown."""
    language_others: dict[str, float] = {}
    """Probabilities of other languages, by code."""
    language_mismatch: Literal["noted", "dropped"] | None = None
    """How words that are not in the model's language were handled."""
    language_assumed: str | None = None
    """Code of the assumed language, if the text is too short to check it."""
    transcript: str | None = None
    """Source of the words: "given, with times", "given, aligned", "recognised by NAME", or None."""


class ModelFacts(Config):
    """The model of the predictions."""

    name: str
    """Name of the saved model: "starter", or its folder's name."""
    model: str
    """Name of the architecture."""
    target: TargetSpec
    language: str | None = None
    """Code of the language of its training texts; None if unknown or without text."""
    level: float | None = None
    """Nominal coverage of its intervals."""
    notes: tuple[str, ...] = ()
    """Notes for readers: licence, limits."""


class Summary(Config):
    """Summary of the recording."""

    mean: float | None
    """Mean over utterances, weighted by duration; None without utterances."""
    positive: float = 0.0
    negative: float = 0.0
    neutral: float = 0.0
    """Shares of the spoken time with an estimate above +0.5, below -0.5 and in between, for the range from -3 to 3;
    other ranges are scaled."""
    highest: int | None = None
    lowest: int | None = None
    """Numbers of the utterances with the highest and lowest estimate."""
    speech: float = 0.0
    """Total seconds of all utterances."""
    firm: float = 0.0
    """Share of the utterances' time with a firm estimate."""
    caution: tuple[str, ...] = ()
    """Reasons why the mean is weak, the most frequent one first; () if at least half of that time is firm."""
    contributions: dict[Modality, float] = {}
    """Mean absolute Shapley value of each modality, weighted by time."""
    timed: bool = True
    """False for rows of a table without times, which all have the same weight."""


class Document(Config):
    """Analysis of one recording."""

    format: int = FORMAT
    program: str
    """"sentiprism 0.1.0"."""
    recording: Recording
    model: ModelFacts
    """The model, called ``judge`` in documents of earlier versions."""
    summary: Summary
    speakers: dict[str, Summary] = {}
    """Summary of the utterances of each speaker, the first one to speak first."""
    utterances: tuple[UtterancePart, ...]
    windows: tuple[Window, ...] = ()
    curves: tuple[Curve, ...] = ()
    notes: tuple[str, ...] = Field((), description="notes on what is missing and why: no speech, no face, no audio")
    details: dict[str, JsonValue] = {}
    """Settings of the analysis."""

    @model_validator(mode="before")
    @classmethod
    def _rename_judge(cls, values: Any) -> Any:
        """Accept documents of earlier versions."""
        if isinstance(values, dict) and "judge" in values and "model" not in values:
            values = {**values, "model": values["judge"]}
            del values["judge"]
        return values
