"""A client of ``/v1/stream``, and of the studio's page Live."""

import json
import struct
from contextlib import ExitStack, suppress
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from makers_processes import PATIENCE

RATE = 16_000
PIECE = RATE // 10


class Port(Protocol):
    """A server of this machine."""

    port: int


class Client:
    """A connection to a stream; messages of the server are collected in the order in which they come.

    Args:
        server: to connect to.
        headers: of the request.
        path: of the stream.
        first: first message as it is; by default ``start``.
        start: keys of the first message.
    """

    def __init__(
        self,
        server: Port,
        headers: dict[str, str] | None = None,
        *,
        path: str = "/v1/stream",
        first: str | bytes | None = None,
        **start: Any,
    ) -> None:
        from websockets.exceptions import ConnectionClosed
        from websockets.sync.client import connect

        address = f"ws://127.0.0.1:{server.port}{path}"
        given = {"additional_headers": headers or {}, "compression": None, "open_timeout": PATIENCE, "close_timeout": 1}
        self._open = ExitStack()
        self.socket = self._open.enter_context(connect(address, **given))
        self.messages: list[dict[str, Any]] = []
        with suppress(ConnectionClosed):  # a server may refuse an address before it reads anything
            self.socket.send(json.dumps({"type": "start", **start}) if first is None else first)
        self.ready = self.next() if first is None else {}

    def say(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def sound(self, samples: npt.NDArray[np.int16], time: float = float("nan")) -> None:
        """Send sound in pieces of 100 ms; the first one has the time."""
        for first in range(0, len(samples), PIECE):
            piece = samples[first : first + PIECE].astype("<i2").tobytes()
            self.socket.send(struct.pack("<Bd", 1, time if first == 0 else float("nan")) + piece)

    def picture(self, jpeg: bytes, time: float) -> None:
        self.socket.send(struct.pack("<Bd", 2, time) + jpeg)

    def next(self) -> dict[str, Any]:
        self.messages.append(json.loads(self.socket.recv(PATIENCE)))
        return self.messages[-1]

    def finish(self) -> list[dict[str, Any]]:
        """End the stream; returns the utterances of all events so far."""
        self.say(type="finish")
        return self.rest()

    def rest(self) -> list[dict[str, Any]]:
        """Read until the server closes the connection; returns the utterances of all events so far."""
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                self.next()
        except ConnectionClosed:
            return ended(self.messages)

    @property
    def code(self) -> int | None:
        """Code with which the connection was closed."""
        return self.socket.protocol.close_code

    def drop(self) -> None:
        """Lose the connection without a word."""
        self.socket.socket.close()


def ended(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Utterances of events."""
    events = [message["event"] for message in messages if message["type"] == "event"]
    return [event["utterance"] for event in events if event["type"] == "utterance.end"]
