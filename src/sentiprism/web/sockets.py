"""Web sockets of a server: bounded, uncompressed, and cut where a client does not read."""

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

BUFFER = 16 * 1024
"""Bytes that may wait in this process for a client to read them."""
CLOSING = 5.0
"""Seconds after the end of a connection's work after which it is cut."""


class SocketProtocol(WebSocketsSansIOProtocol):
    """A web socket that is cut some seconds after its work has ended, whether the client reads or not."""

    def connection_made(self, transport: Any) -> None:
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(BUFFER)

    async def send(self, message: Any) -> None:
        """Send a message of the application."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body":  # else uvicorn reports a refused handshake as a fault
            self.handshake_complete = True

    async def run_asgi(self) -> None:
        """Run the application."""
        await super().run_asgi()
        asyncio.get_running_loop().call_later(CLOSING, self.transport.abort)
