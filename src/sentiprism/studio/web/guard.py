"""Checks before every route (Host, Origin, session, sizes), and the headers of every response."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, Response

from sentiprism.studio.web.tokens import Tokens

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN, UPLOAD, STATIC = "/open", "/recordings/files", "/static/"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # without any, browsers call the origin of our own forms null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
FORM = 256 * 1024
"""Bytes of a form; the longest has some hundred short fields."""
LONGEST_URL = 4096
CLOSED = (
    "The studio opens with the link that it shows in the terminal. A link opens it once: for another one, run "
    "'sentiprism studio' again.\n"
)


class Guard:
    """Refuses whatever a page of another origin, or somebody without the link, can send.

    Args:
        app: what is guarded.
        port: that the server listens at.
        tokens: who may come in.
        cookie: name of the session's cookie.
    """

    def __init__(self, app: App, *, port: int, tokens: Tokens, cookie: str) -> None:
        self._app, self._tokens, self._cookie = app, tokens, cookie
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":  # there are no web sockets
            return await send({"type": "websocket.close", "code": 1008})

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "private, no-cache")  # the back button finds a form as it was
                message["headers"] = headers.raw
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            return await refusal(scope, receive, answer)
        return await self._app(scope, receive if scope["path"] == UPLOAD else _limited(receive), answer)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, path, method = Headers(raw=scope["headers"]), scope["path"], scope["method"]
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        address = len(scope.get("raw_path") or b"") + len(scope["query_string"])
        length = 0 if path == UPLOAD else _length(headers.get("content-length", "0"))
        faults = (
            (len(hosts) != 1 or hosts[0].lower() not in self._hosts, 421, "This server does not answer to that name."),
            (method not in {"GET", "HEAD", "POST"}, 405, "There is no such method here."),
            (address > LONGEST_URL, 414, "The address is too long."),
            (
                (origins or method == "POST") and origins != [f"http://{''.join(hosts)}"],
                403,
                "Requests of another origin are refused.",
            ),
            (
                headers.get("sec-fetch-site", "none") not in {"same-origin", "none"} and path != OPEN,
                403,
                "Requests of another site are refused.",
            ),
            (length is None or length > FORM, 413, "The form is too large."),
        )
        for is_fault, status, text in faults:
            if is_fault:
                return _refuse(status, text)
        if path == OPEN or path.startswith(STATIC):
            return None
        session = cookie_parser(headers.get("cookie", "")).get(self._cookie, "")
        if not session or not self._tokens.is_session(session):
            return _refuse(401, CLOSED)
        scope["session_token"] = session
        return None


def _length(given: str) -> int | None:
    """Length of a body; None where it is not a number of reasonable size."""
    return int(given) if given.isascii() and given.isdigit() and len(given) < 20 else None


def _refuse(status: int, text: str) -> Response:
    return PlainTextResponse(text, status, headers={"Connection": "close"})


def _limited(receive: Receive) -> Receive:
    """A body that was sent without its length is counted."""
    count = 0

    async def read() -> Message:
        nonlocal count
        message = await receive()
        count += len(message.get("body", b""))
        if count > FORM:
            return {"type": "http.disconnect"}
        return message

    return read
