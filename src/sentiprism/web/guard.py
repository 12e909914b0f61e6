"""Checks before every request of a web application, and headers of every response."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from contextlib import suppress
from itertools import chain
from time import monotonic
from typing import Any, NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.websockets import WebSocket

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LONGEST_URL = 4096
MOST_HEADERS = 100
LONGEST_HEAD = 32 * 1024
"""Bytes of all headers."""
TOO_LARGE, TOO_SLOW = 413, 408
LINGER = 2**20
"""Largest body in bytes that is read to its end after a refusal."""
LINGER_SECONDS = 1.0
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Pace(NamedTuple):
    """How slowly a body may come."""

    silence: float = 10.0
    """Most seconds without a byte."""
    start: float = 30.0
    """Seconds before `rate` counts."""
    rate: float = 10_000.0
    """Least bytes per second of the body so far."""


class Guard:
    """Refuses requests before the application, and cuts bodies that are too large or too slow.

    Args:
        app: the guarded application.
        hosts: accepted values of the header ``Host``, in lower case; None = any single one.
        methods: accepted methods.
        headers: of every response, unless the application sets them itself.
        most: bytes of a body, see `most`.
        pace: of bodies; None = the application watches them.
    """

    def __init__(
        self,
        app: App,
        *,
        hosts: Collection[str] | None,
        methods: Collection[str],
        headers: Mapping[str, str],
        most: int,
        pace: Pace | None = None,
    ) -> None:
        self._app, self._hosts, self._methods = app, hosts, methods
        self._headers, self._most, self._pace = headers, most, pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return await self.socket(scope, receive, send)
        begun = False
        body = _Body(receive, scope, self.most(scope), self._pace)

        async def answer(message: Message) -> None:
            nonlocal begun
            if body.fault is not None and not begun:
                return  # the application answers to a body that was cut
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(raw=message["headers"])
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if message["status"] >= 400 and not await body.drain():
                    headers["Connection"] = "close"  # nobody reads the rest
                message["headers"] = headers.raw
                self.sent(scope, message["status"])
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            return await refusal(scope, receive, answer)
        with suppress(ClientDisconnect):
            await self._app(scope, body.receive, answer)
        if body.fault is not None and not begun:
            fault, body.fault = body.fault, None
            texts = {TOO_LARGE: "The body is too large.", TOO_SLOW: "The body comes too slowly."}
            await self.refuse(fault, texts[fault])(scope, receive, answer)
        return None

    async def socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a web socket as a request; a refusal is a response instead of the upgrade."""
        headers = Headers(raw=scope["headers"])
        refusal = self.check_head(scope, headers) or self.stranger(scope, headers) or self.admit(scope, headers)
        if refusal is None:
            return await self._app(scope, receive, send)
        if "websocket.http.response" in scope.get("extensions", {}):
            return await WebSocket(scope, receive, send).send_denial_response(refusal)
        await send({"type": "websocket.close", "code": 1008})
        return None

    def most(self, scope: Scope) -> int | None:
        """Most bytes of a request's body; None = the application counts them."""
        del scope
        return self._most

    def stranger(self, scope: Scope, headers: Headers) -> Response | None:
        """Refuse requests of other origins; a subclass says which."""
        del scope, headers
        return None

    def admit(self, scope: Scope, headers: Headers) -> Response | None:
        """Refuse requests of somebody who may not come in; a subclass says who."""
        del scope, headers
        return None

    def sent(self, scope: Scope, status: int) -> None:
        """Note the status of a response, for a subclass that counts them."""

    def refuse(self, status: int, text: str) -> Response:
        """Make the response of a refusal."""
        return PlainTextResponse(text, status)

    def check_head(self, scope: Scope, headers: Headers) -> Response | None:
        """Check the host, and the lengths of the address and the headers."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or (self._hosts is not None and hosts[0].lower() not in self._hosts):
            return self.refuse(421, "The header Host does not name this server.")
        if len(scope["headers"]) > MOST_HEADERS or sum(map(len, chain(*scope["headers"]))) > LONGEST_HEAD:
            return self.refuse(431, "The headers are too large.")
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_URL:
            return self.refuse(414, "The address is too long.")
        return None

    def _refusal(self, scope: Scope) -> Response | None:
        headers, most = Headers(raw=scope["headers"]), self.most(scope)
        if (refusal := self.check_head(scope, headers)) is not None:
            return refusal
        if scope["method"] not in self._methods:
            refusal = self.refuse(405, "This method is not supported.")
            refusal.headers["Allow"] = ", ".join(sorted(self._methods))
            return refusal
        if (refusal := self.stranger(scope, headers)) is not None:
            return refusal
        length = 0 if most is None else content_length(headers.get("content-length", "0"))
        if length is None or (most is not None and length > most):
            return self.refuse(TOO_LARGE, "The body is too large.")
        return self.admit(scope, headers)


def content_length(given: str) -> int | None:
    """Parse the length of a body; None if it is not a number of reasonable size."""
    return int(given) if given.isascii() and given.isdigit() and len(given) < 20 else None


class _Body:
    """A body that is cut where it exceeds its limits: the application sees a client that has gone."""

    def __init__(self, receive: Receive, scope: Scope, most: int | None, pace: Pace | None) -> None:
        self._receive, self._most, self._pace = receive, most, pace
        self._count, self._begun = 0, monotonic()
        headers = Headers(raw=scope["headers"])
        self._length = content_length(headers.get("content-length", "0")) or 0
        self._pending = self._length > 0 or "transfer-encoding" in headers
        self._drained = self._length <= LINGER and not {"expect", "transfer-encoding"} & set(headers)
        self.fault: int | None = None
        """Status of the response, if the body was cut."""

    async def receive(self) -> Message:
        if self.fault is not None:
            return {"type": "http.disconnect"}
        try:
            async with asyncio.timeout(self._patience()):
                message = await self._receive()
        except TimeoutError:
            self.fault = TOO_SLOW
            return {"type": "http.disconnect"}
        self._count += len(message.get("body", b""))
        self._pending = message.get("more_body", False)
        if self._most is not None and self._count > self._most:
            self.fault = TOO_LARGE
            return {"type": "http.disconnect"}
        return message

    async def drain(self) -> bool:
        """Read the rest of a small body, so that its client reads the response; returns whether nothing is left."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while self._pending and self._drained and self.fault is None:
                    await self.receive()
        return not self._pending

    def _patience(self) -> float | None:
        """Seconds to wait for the next part; after the last one, the application waits for the client to go."""
        if self._pace is None or not self._pending:
            return None
        rest = self._begun + self._pace.start + self._count / self._pace.rate - monotonic()
        return max(min(self._pace.silence, rest), 0.001)
