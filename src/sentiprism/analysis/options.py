"""Options of an analysis; the report notes them."""

from typing import Literal

from pydantic import Field, field_validator

from sentiprism.analysis.language import Handling
from sentiprism.config import Config
from sentiprism.languages import check_language


class Options(Config):
    """Settings of `analyze`; two analyses with one content, model and options are the same."""

    model: str = "starter"
    """``starter``, or the folder of a saved model."""
    asr: str = "base"
    """Whisper model by name or folder, for speech without a transcript and for the times of one without; ``none``
    = no recognition."""
    language: str | None = None
    """Of the speech or text, ISO 639-1; None = recognised, or told from the text itself."""
    language_mismatch: Handling = "drop"
    """Of words that are not in the model's language: ``drop`` = voice and face alone are judged, ``note`` = they are
    judged, with a note, ``error``."""
    face: Literal["largest", "all"] = "largest"
    """Whose face an utterance is judged by; ``all`` predicts once for each face that is seen in it."""
    longest: float = Field(15.0, gt=1)
    """Seconds of an utterance at most."""
    pause: float = Field(0.7, gt=0)
    """Seconds of silence between words that end an utterance."""
    window: float = Field(10.0, gt=0)
    """Seconds of the sliding window."""
    hop: float = Field(2.0, gt=0)
    """Seconds from one window to the next."""
    words: bool = True
    """Attribute the prediction to words."""
    columns: dict[str, str] = {}
    """Of a table of texts: where its columns come from, see `analysis.rows`."""

    @field_validator("language")
    @classmethod
    def _known(cls, code: str | None) -> str | None:
        return None if code is None else check_language(code)
