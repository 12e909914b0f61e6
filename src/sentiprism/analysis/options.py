"""Options of an analysis, which the report includes."""

from typing import Any, Literal

from pydantic import Field, field_validator

from sentiprism.analysis.language import Handling
from sentiprism.config import Config
from sentiprism.languages import check_language
from sentiprism.media.diarize import MOST_SPEAKERS
from sentiprism.models.hub import pin_model

OFF, AUTO = "off", "auto"


class Options(Config):
    """Settings of `analyze`; the same content, model and options give the same analysis."""

    model: str = "starter"
    """``starter``, the folder of a saved model, or ``hf://OWNER/NAME@REVISION``."""
    asr: str = "base"
    """Whisper model by name or folder, for speech without a transcript and for transcripts without times; ``none`` = no
    recognition."""
    language: str | None = None
    """Language of the speech or text, ISO 639-1; None = detected."""
    language_mismatch: Handling = "drop"
    """Handling of words that are not in the model's language: ``drop`` = only use voice and face, ``note`` = use them,
    with a note, ``error``."""
    face: Literal["speaking", "largest", "all"] = "speaking"
    """Face for the prediction of an utterance in which several are visible: the one whose lips move with the sound, or
    the longest visible one; ``all`` predicts once for each."""
    speakers: str = "off"
    """Speakers to tell apart by voice: ``off``, ``auto`` = as many as are heard, or their number. Names in a transcript
    are used instead."""
    longest: float = Field(15.0, gt=1)
    """Most seconds of an utterance."""
    pause: float = Field(0.7, gt=0)
    """Seconds of silence between words that end an utterance."""
    window: float = Field(10.0, gt=0)
    """Seconds of a sliding window."""
    hop: float = Field(2.0, gt=0)
    """Seconds between sliding windows."""
    streaming: bool = False
    """Only use what is known when each utterance ends, so that a recording has the results of a stream, see
    `StreamAnalyzer`."""
    words: bool = True
    """Attribute the prediction to words."""
    columns: dict[str, str] = {}
    """Sources of the columns of a table of texts, see `analysis.rows`."""

    @field_validator("language")
    @classmethod
    def _known(cls, code: str | None) -> str | None:
        return None if code is None else check_language(code)

    @field_validator("speakers", mode="before")
    @classmethod
    def _count(cls, speakers: Any) -> str:
        known = (OFF, AUTO, *map(str, range(1, MOST_SPEAKERS + 1)))
        if not isinstance(speakers, bool) and str(speakers) in known:
            return str(speakers)
        raise ValueError(f"should be {AUTO}, {OFF}, or a whole number from 1 to {MOST_SPEAKERS}")

    def pinned(self) -> "Options":
        """The same options with the commit of a model on the hub, see `pin_model`."""
        return self.model_copy(update={"model": pin_model(self.model)})
