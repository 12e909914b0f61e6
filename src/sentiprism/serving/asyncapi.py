"""The AsyncAPI document of ``/v1/stream``, from the same models that check its messages."""

from functools import lru_cache
from typing import Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from sentiprism.config import Config
from sentiprism.serving.stream_messages import (
    HEAD,
    MOST_BYTES,
    MOST_SOUND,
    Event,
    Finish,
    Finished,
    Ready,
    Start,
    StreamError,
)

SENT: tuple[type[Config], ...] = (Ready, Event, Finished, StreamError)
"""Messages of the server."""
RECEIVED: tuple[type[Config], ...] = (Start, Finish)
"""JSON messages of a client."""
BINARY = {
    "Sound": f"Byte 1, the second of its first sample as a little-endian float64 (NaN: directly after the last piece), "
    f"then samples: s16le, mono, 16 kHz, at most {MOST_SOUND} bytes. Pieces of 100 ms are a good length.",
    "Picture": f"Byte 2, its second on the clock of the sound as a little-endian float64, then one JPEG; at most "
    f"{MOST_BYTES} bytes. A broken one is counted and skipped. It must come before the sound in which its utterance "
    "ends.",
}
"""Binary messages of a client."""
ABOUT = """A stream of sound and pictures, analysed while it arrives.

The client sends "start", waits for "ready", then sends binary messages, and "finish" at the end; the server sends
"event" messages, "finished", and closes with 1000. After an "error" it closes with 1003 (a message is not understood),
1008 (no message in 60 s, or an unknown stream), 1011 (the analysis failed) or 1013 (too many streams, try again later).
A client that does not read its events for 10 s is cut. A client whose connection was lost sends "start" with "resume"
and the last sequence number it has; it continues with the sound after "received". The server sends a ping every
20 s."""


@lru_cache(maxsize=1)
def make_document(version: str) -> dict[str, Any]:
    """Make the document; ``version`` is the program's."""
    mode: JsonSchemaMode = "validation"
    _, made = models_json_schema(
        [(model, mode) for model in (*SENT, *RECEIVED)], ref_template="#/components/schemas/{model}"
    )
    messages: dict[str, Any] = {
        model.__name__: {
            "name": model.__name__,
            "summary": (model.__doc__ or "").splitlines()[0],
            "contentType": "application/json",
            "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        }
        for model in (*SENT, *RECEIVED)
    }
    for name, description in BINARY.items():
        payload = {"type": "string", "format": "binary", "minLength": HEAD.size, "maxLength": MOST_BYTES}
        messages[name] = {
            "name": name,
            "summary": description,
            "contentType": "application/octet-stream",
            "payload": payload,
        }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "sentiprism serve", "version": version, "description": ABOUT},
        "defaultContentType": "application/json",
        "channels": {
            "stream": {
                "address": "/v1/stream",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {
            "receive": _operation("receive", [*(model.__name__ for model in RECEIVED), *BINARY]),
            "send": _operation("send", [model.__name__ for model in SENT]),
        },
        "components": {
            "schemas": made["$defs"],
            "messages": messages,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(action: str, names: list[str]) -> dict[str, Any]:
    """An operation from the server's side."""
    return {
        "action": action,
        "channel": {"$ref": "#/channels/stream"},
        "messages": [{"$ref": f"#/channels/stream/messages/{name}"} for name in names],
        **({"security": [{"$ref": "#/components/securitySchemes/key"}]} if action == "receive" else {}),
    }
