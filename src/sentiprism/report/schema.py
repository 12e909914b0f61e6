"""The typed document of an analysed recording."""

from typing import Literal

from pydantic import Field, JsonValue

from sentiprism.config import Config
from sentiprism.types import Modality, TargetSpec

NEUTRAL = 1 / 12
"""Half-width of what counts as neutral, as a share of the label's range: ±0.5 on [-3, 3]."""
BOTH_SIGNS = "interval holds both signs"
"""Reason of a weak estimate whose interval leaves what is neutral on either side."""
OWN_TIMES = "with its own times"
"""End of `Recording.transcript` of a text whose times are not a reader's."""
FORMAT = 1
"""Of the JSON document; raised when a reader of the old one would misread the new one."""


class Estimate(Config):
    """Sentiment on the model's scale, or of classes the number of the likeliest one."""

    value: float
    low: float | None = None
    high: float | None = None
    """Interval, where the model is calibrated."""
    probabilities: tuple[float, ...] = ()
    """Of classes, in their order."""
    caution: tuple[str, ...] = ()
    """Reasons why the estimate is weak: "rests on the voice alone"; () where it is firm."""


class WordPart(Config):
    """A word, when it was said, and what it adds to the prediction."""

    text: str
    start: float
    end: float
    contribution: float | None = None
    """In the prediction's unit; None where words were not attributed."""


class UtterancePart(Config):
    """One utterance and everything that is said of it."""

    number: int
    """From 1."""
    id: str | None = None
    """In the table that the texts come from; None where they come from no table."""
    start: float
    end: float
    text: str | None
    words: tuple[WordPart, ...] = ()
    estimate: Estimate
    base: float
    """The model's prediction without any modality: where the contributions start from."""
    contributions: dict[Modality, float]
    """Exact Shapley values; with ``base`` they sum to the estimate as it is before it is cut at the ends of the scale,
    of classes to the logit of the likeliest one. 0 for what is missing."""
    weights: dict[Modality, float] | None = None
    """The model's own, where it has them."""
    present: tuple[Modality, ...]
    """What the model had of this utterance."""
    face: int | None = None
    """Number of the face it was paired with, from 1, largest first."""


class Window(Config):
    """Sliding window over the recording, whatever the utterances."""

    start: float
    end: float
    estimate: Estimate


class Curve(Config):
    """A track for people to look at: of a face or the voice."""

    name: str
    """Column of the recipe it is taken from, for example ``mouth_smile`` or ``f0``."""
    title: str
    """For people: "smile", "pitch"."""
    modality: Modality
    unit: str
    """For people: "Hz", "intensity 0–5"; "1" where nothing is known of it."""
    scale: tuple[float, float] | None = None
    """Ends of the scale, where it has any: a trace of a smile is not to look like a broad one."""
    face: int | None = None
    times: tuple[float, ...]
    values: tuple[float | None, ...]
    """As many as times; None = not seen or not voiced there."""


class SoundFacts(Config):
    """How well a voice can be heard, as measured; see `sentiprism.media.quality`."""

    noise_ratio: float | None
    """dB that speech is above the noise, 60 at most; None where around it is digital silence."""
    clipped: float
    """Share of the samples of speech that are clipped, from 0 to 1."""
    bandwidth: float
    """Hz up to which speech is heard, 8000 at most."""


class Recording(Config):
    """What was analysed."""

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
    """Of the moving picture, as FFmpeg names it."""
    sound: SoundFacts | None = None
    """None where nobody speaks."""
    language: str | None = None
    """Code of the language that was given or recognised."""
    language_probability: float | None = None
    """The recogniser's own, over all that is said; None where the language was given or nobody knows it."""
    language_others: dict[str, float] = {}
    """What else it may be, by code."""
    language_mismatch: Literal["noted", "dropped"] | None = None
    """What became of the words, where they are not in the model's language."""
    language_assumed: str | None = None
    """Code of the language that the words were taken for, where too little is written to check it."""
    transcript: str | None = None
    """Where the words come from: "given, with times", "given, aligned", "recognised by NAME", or None."""


class ModelFacts(Config):
    """The model that predicted."""

    name: str
    """Of the saved model: "starter", or its folder's name."""
    model: str
    """In the registry."""
    target: TargetSpec
    language: str | None = None
    """Of the texts it was trained on, by code; None where that is not known, or it reads no words."""
    level: float | None = None
    """Share of utterances that intervals were calibrated to cover."""
    notes: tuple[str, ...] = ()
    """What a reader must know: licence, limits."""


class Summary(Config):
    """The recording as a whole."""

    mean: float | None
    """Of the utterances, weighted by their length in time; None without an utterance."""
    positive: float = 0.0
    negative: float = 0.0
    neutral: float = 0.0
    """Shares of the spoken time: estimate above +0.5, below -0.5 and between, in sixths of a range from -3 to 3."""
    highest: int | None = None
    lowest: int | None = None
    """Numbers of utterances."""
    speech: float = 0.0
    """Seconds of all utterances."""
    firm: float = 0.0
    """Share of the utterances' time in which the estimate is not weak."""
    caution: tuple[str, ...] = ()
    """Reasons why the recording's mean is weak, the most frequent one first; () where half of that time or more
    is firm."""
    contributions: dict[Modality, float] = {}
    """Mean amount |Shapley| of each modality, weighted by time."""
    timed: bool = True
    """False for the rows of a table without times: all shares and means weigh them equally."""


class Document(Config):
    """Everything said of one recording."""

    format: int = FORMAT
    program: str
    """"sentiprism 0.1.0"."""
    recording: Recording
    judge: ModelFacts
    summary: Summary
    utterances: tuple[UtterancePart, ...]
    windows: tuple[Window, ...] = ()
    curves: tuple[Curve, ...] = ()
    notes: tuple[str, ...] = Field((), description="what is missing and why: no speech, no face, no audio")
    details: dict[str, JsonValue] = {}
    """Settings the analysis ran with."""
