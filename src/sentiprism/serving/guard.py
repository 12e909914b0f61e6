"""Checks before every route of the server: host, origin, key, limits by key, sizes."""

from collections import deque
from collections.abc import Callable
from time import monotonic

from starlette.datastructures import Headers
from starlette.responses import Response

from sentiprism.serving.keys import MINUTE, Caller, KeyEntry, Keys
from sentiprism.serving.problems import REMEDIES, respond
from sentiprism.web.guard import HEADERS, App, Guard, Message, Pace, Receive, Scope, Send, content_length

ANALYZE = "/v1/analyze"
OPEN = frozenset({"/health", "/ready", "/openapi.json", "/asyncapi.json"})
"""Addresses that need no key."""
BODY = 8 * 2**20
"""Bytes of a request with features."""
GUESSES = 30
"""Wrong keys in a minute after which the status is 429; right ones are accepted all the same."""
LOCAL = KeyEntry(
    label="local", sha256="0" * 64, requests_per_minute=1_000_000, bytes_per_day=10**15, jobs=64
)  # fmt: skip
"""Limits of a server without keys, which only this machine reaches."""
UNKNOWN = "this request has no valid key"


class ServeGuard(Guard):
    """Refuses requests without a key of this server, beyond its limits, or from pages of other sites.

    Args:
        app: what is guarded.
        hosts: accepted values of the header ``Host``; None = any.
        keys: who may come in; None = everybody who reaches the server.
        upload: bytes of a request with a recording.
        closing: whether the server is ending.
        count: called with the path, the status and the start of each request.
        pace: how slowly a body may come.
    """

    def __init__(
        self,
        app: App,
        *,
        hosts: frozenset[str] | None,
        keys: Keys | None,
        upload: int,
        closing: Callable[[], bool],
        count: Callable[[str, int, float], object],
        pace: Pace | None = None,
    ) -> None:
        super().__init__(
            app,
            hosts=hosts,
            methods={"GET", "HEAD", "POST", "DELETE"},
            headers={**HEADERS, "Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'"},
            most=BODY,
            pace=pace or Pace(),
        )
        self._keys, self._upload, self._closing, self._count = keys, upload, closing, count
        self._local = Caller(LOCAL)
        self._wrong: deque[float] = deque()

    def most(self, scope: Scope) -> int | None:
        """Most bytes of a request's body."""
        return self._upload if scope["path"] == ANALYZE else super().most(scope)

    def refuse(self, status: int, text: str) -> Response:
        """Refuse with a problem."""
        return respond(status, text.rstrip("."), REMEDIES.get(status))

    def sent(self, scope: Scope, status: int) -> None:
        """Count responses."""
        self._count(scope["path"], status, scope["begun"])

    def stranger(self, scope: Scope, headers: Headers) -> Response | None:
        """Refuse what browsers send for other sites, and encodings that hide a body's size."""
        if "origin" in headers or headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            return self.refuse(403, "requests of web pages are refused")
        if headers.get("content-encoding", "identity").lower() != "identity":
            return self.refuse(415, "the body has a Content-Encoding")
        if len(headers.getlist("content-length")) > 1 or len(headers.getlist("content-type")) > 1:
            return self.refuse(400, "a header is given twice")
        del scope
        return None

    def admit(self, scope: Scope, headers: Headers) -> Response | None:
        """Find the caller of a key, and what is left of its limits."""
        if scope["path"] in OPEN:
            return None
        caller = self._caller(headers)
        if caller is None:
            return self._unknown()
        if (wait := caller.count_request()) is not None:
            cause = f"more than {caller.entry.requests_per_minute} requests in a minute"
            return respond(429, cause, "wait, then try again", retry=wait)
        if (wait := caller.has_bytes(content_length(headers.get("content-length", "0")) or 0)) is not None:
            cause = f"more than {caller.entry.bytes_per_day} bytes in a day"
            return respond(429, cause, "try again tomorrow", retry=wait)
        if self._closing():
            return respond(503, "the server is ending", "try again", retry=10)
        scope["caller"] = caller
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its bytes counted, or refuse it."""

        async def counted() -> Message:
            message = await receive()
            if (caller := scope.get("caller")) is not None:
                caller.count_bytes(len(message.get("body", b"") or message.get("bytes") or b""))
            return message

        scope["begun"] = monotonic()
        await super().__call__(scope, counted, send)

    def _caller(self, headers: Headers) -> Caller | None:
        if self._keys is None:
            return self._local
        given = headers.getlist("authorization")
        kind, _, key = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        return self._keys.find(key) if kind.lower() == "bearer" else None

    def _unknown(self) -> Response:
        """Refuse a request without a valid key; many of them are told to wait."""
        now = monotonic()
        while self._wrong and self._wrong[0] <= now - MINUTE:
            self._wrong.popleft()
        if len(self._wrong) >= GUESSES:
            return respond(429, "too many wrong keys", REMEDIES[401], retry=MINUTE)
        self._wrong.append(now)
        return respond(401, UNKNOWN, WWW_Authenticate="Bearer")
