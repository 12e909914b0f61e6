"""The server of a web application: its socket, its settings, its limits on slow clients."""

import asyncio
import socket
import threading
from collections.abc import Sequence
from typing import Any

import h11
import uvicorn
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from uvicorn.protocols.http.h11_impl import H11Protocol

from sentiprism.errors import UserError
from sentiprism.web.guard import LONGEST_HEAD, App

PATIENCE = 15.0
"""Seconds that a client may take from connecting to the end of its headers."""
KEEP_ALIVE = 10
"""Seconds that a connection stays open without a request."""
NO_TELEMETRY: TelemetryConfig = {
    "auto_configure": False,
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
}
"""FastAPI would send traces wherever the environment says."""


class _Protocol(H11Protocol):
    """HTTP that closes a connection on which no complete head of a request comes."""

    patience = PATIENCE
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def _watch(self) -> None:
        """Wait for the rest of a head, from its first byte on; the pauses between requests have a limit already."""
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._waiting is None and not self.timeout_keep_alive_task:
            self._waiting = self.loop.call_later(self.patience, self.transport.close)

    def _stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


def make_application(**settings: Any) -> FastAPI:
    """An application without pages of documentation, redirects or telemetry."""
    plain: dict[str, Any] = {"docs_url": None, "redoc_url": None, "openapi_url": None, "redirect_slashes": False}
    return FastAPI(**(plain | settings), telemetry=NO_TELEMETRY)


def make_server(app: App, closing: float, most: int | None = None, *, message: int = 0) -> uvicorn.Server:
    """A server of an application, which tells nothing of itself and writes no log of requests.

    Args:
        app: the guarded application.
        closing: seconds that open connections may take when it ends.
        most: connections at a time; further ones get the status 503.
        message: most bytes of a message of web sockets; 0 = no web sockets.
    """
    if message:
        from sentiprism.web.sockets import SocketProtocol  # websockets is an extra
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws=SocketProtocol if message else "none",
        ws_max_size=message,
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=max(int(closing), 1),
        timeout_keep_alive=KEEP_ALIVE,
        h11_max_incomplete_event_size=LONGEST_HEAD,
        limit_concurrency=most,
    )
    return uvicorn.Server(config)


def start_server(server: uvicorn.Server, listening: socket.socket) -> threading.Event:
    """Run a server in a thread.

    Returns:
        Event that is set when the server has ended. A thread whose `join` was interrupted looks ended while it still
        runs (bpo-45274); an event does not.
    """
    ended = threading.Event()

    def run() -> None:
        try:
            server.run([listening])
        finally:
            ended.set()

    threading.Thread(target=run, name="server", daemon=True).start()
    return ended


def listen(host: str, ports: Sequence[int]) -> socket.socket:
    """Listen at the first of several ports that is free.

    Args:
        host: address to listen at.
        ports: in the order to try; 0 = any free one.

    Raises:
        UserError: none can be used.
    """
    failed: OSError | None = None
    for wanted in ports:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host, wanted), family=family, backlog=1024)
        except OSError as error:
            failed = error
    reason = (failed.strerror or str(failed)) if failed is not None else "none was given"
    raise UserError(f"port {ports[0]} at {host} cannot be used: {reason}", "choose another `port`, or leave it out")
