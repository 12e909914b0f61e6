"""Messages of ``/v1/stream``: JSON both ways, and binary pieces of sound and pictures from the client."""

import base64
import struct
from typing import Any, Literal, NamedTuple

from pydantic import Field, field_validator

from sentiprism.analysis.language import Handling
from sentiprism.analysis.streaming.events import StreamEvent
from sentiprism.config import Config
from sentiprism.errors import UserError
from sentiprism.languages import check_language
from sentiprism.media.speech import RATE, SILENCE
from sentiprism.media.whisper import AFTER, WINDOW
from sentiprism.reading import parse_json
from sentiprism.types import Modality, TargetSpec

HEAD = struct.Struct("<Bd")
"""Beginning of a binary message: its kind, and the second at which it begins; NaN = directly after the last sound."""
SOUND, PICTURE = 1, 2
"""Kinds of binary messages: s16le samples, mono; one JPEG."""
MOST_SOUND = 10 * RATE * 2
"""Most bytes of sound in a message: ten seconds."""
MOST_BYTES = 2_000_000
"""Most bytes of a message."""
REMEDY = "see /asyncapi.json"


class StreamOptions(Config):
    """Settings of a stream."""

    language: str | None = None
    """Language of the speech, ISO 639-1; None = detected."""
    language_mismatch: Handling = "drop"
    """Handling of words that are not in the model's language."""
    pause: float = Field(0.7, ge=SILENCE, le=5)
    """Seconds of silence that end an utterance."""
    longest: float = Field(15.0, ge=2, le=WINDOW - AFTER)
    """Most seconds of an utterance."""
    words: bool = True
    """Whether to attribute the prediction to words."""
    recognition: bool = True
    """Whether to recognise words; otherwise predictions are based on voice and face."""
    provisional: bool = True
    """Whether to measure within utterances, too."""

    @field_validator("language")
    @classmethod
    def _known(cls, code: str | None) -> str | None:
        return None if code is None else check_language(code)


class Start(Config):
    """First message of a client."""

    type: Literal["start"]
    options: StreamOptions = StreamOptions()
    """Not used to resume."""
    resume: str | None = Field(None, max_length=100)
    """Token of a stream whose connection was lost."""
    after: int = Field(0, ge=0)
    """To resume: sequence number of the last event that the client has received; later ones are sent again."""


class Finish(Config):
    """Last message of a client: the utterance that has not ended is ended."""

    type: Literal["finish"]


class Ready(Config):
    """First message of the server."""

    type: Literal["ready"] = "ready"
    token: str
    """With it, a client whose connection was lost resumes the stream."""
    resume_within: float
    """Seconds after a lost connection within which the stream can be resumed."""
    received: float
    """Seconds of sound that have arrived; a client that resumes continues there."""
    model: str
    """Name of the model."""
    target: TargetSpec
    """Scale of its predictions, or its classes."""
    modalities: tuple[Modality, ...]
    """Modalities that it uses."""


class Event(Config):
    """Something has happened in the stream."""

    type: Literal["event"] = "event"
    sequence: int
    """From 1, without gaps unless the client was away for long."""
    delay: float | None = None
    """Seconds from the arrival of the last sound that the event is based on to this message."""
    event: StreamEvent


class Finished(Config):
    """Last message of the server after ``finish``."""

    type: Literal["finished"] = "finished"
    sequence: int
    seconds: float
    """Seconds of sound."""
    pictures: dict[str, int]
    """Numbers of pictures: received, broken, skipped."""


class StreamError(Config):
    """An error that ends the connection."""

    type: Literal["error"] = "error"
    status: int
    """Status of HTTP with the same meaning."""
    cause: str
    remedy: str


class Piece(NamedTuple):
    """A binary message."""

    kind: int
    time: float | None
    """Second at which it begins; None = directly after the last sound."""
    data: bytes

    @property
    def seconds(self) -> float:
        """Length of its sound; 0 for a picture."""
        return len(self.data) / 2 / RATE if self.kind == SOUND else 0.0

    def to_task(self) -> dict[str, Any]:
        """Convert to JSON for a worker."""
        return {"kind": self.kind, "time": self.time, "data": base64.b64encode(self.data).decode()}


def parse_message(text: str) -> Start | Finish:
    """Parse a client's JSON message.

    Raises:
        UserError: it is not one.
    """
    found = parse_json(text, "the message")
    kind = found.get("type") if isinstance(found, dict) else None
    if kind not in {"start", "finish"}:
        raise UserError("the message is neither 'start' nor 'finish'", REMEDY)
    return (Start if kind == "start" else Finish).parse(found, "the message", REMEDY)


def parse_piece(data: bytes) -> Piece:
    """Parse a client's binary message.

    Raises:
        UserError: it is not one, or too long.
    """
    if len(data) < HEAD.size:
        raise UserError(f"a binary message has {len(data)} bytes, its head alone has {HEAD.size}", REMEDY)
    kind, time = HEAD.unpack_from(data)
    content = data[HEAD.size :]
    known = None if time != time else time  # noqa: PLR0124 - NaN
    if kind == SOUND:
        if len(content) > MOST_SOUND or len(content) % 2:
            raise UserError(
                f"a message has {len(content)} bytes of sound", f"send at most {MOST_SOUND}, an even number"
            )
    elif kind == PICTURE:
        if known is None:
            raise UserError("a picture has no time", "send its second on the clock of the sound")
    else:
        raise UserError(f"a binary message is of the kind {kind}", "send 1 for sound, 2 for a picture")
    return Piece(kind, known, content)
