"""Checks before every route of the studio (Host, Origin, session, sizes), and the headers of every response."""

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response

from sentiprism.studio.web.tokens import Tokens
from sentiprism.web.guard import HEADERS, App, Guard, Scope

OPEN, UPLOAD, STATIC = "/open", "/recordings/files", "/static/"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGES = {
    **HEADERS,
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",  # without any, browsers call the origin of our own forms null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cache-Control": "private, no-cache",  # the back button finds a form as it was
}
FORM = 256 * 1024
"""Bytes of a form; the longest has some hundred short fields."""
CLOSED = (
    "The studio opens with the link that it shows in the terminal. A link opens it once: for another one, run "
    "'sentiprism studio' again.\n"
)


class StudioGuard(Guard):
    """Refuses whatever a page of another origin, or somebody without the link, can send.

    Args:
        app: what is guarded.
        port: that the server listens at.
        tokens: who may come in.
        cookie: name of the session's cookie.
    """

    def __init__(self, app: App, *, port: int, tokens: Tokens, cookie: str) -> None:
        hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        super().__init__(app, hosts=hosts, methods={"GET", "HEAD", "POST"}, headers=PAGES, most=FORM)
        self._tokens, self._cookie = tokens, cookie

    def most(self, scope: Scope) -> int | None:
        """Forms are small; the route of uploads counts its own bytes."""
        return None if scope["path"] == UPLOAD else super().most(scope)

    def stranger(self, scope: Scope, headers: Headers) -> Response | None:
        """Refuse requests of other origins; a web socket and every request that changes something say their origin."""
        origins, own = headers.getlist("origin"), [f"http://{headers['host']}"]
        if (origins or scope.get("method", "POST") == "POST") and origins != own:
            return self.refuse(403, "Requests of another origin are refused.")
        if headers.get("sec-fetch-site", "none") not in {"same-origin", "none"} and scope["path"] != OPEN:
            return self.refuse(403, "Requests of another site are refused.")
        return None

    def admit(self, scope: Scope, headers: Headers) -> Response | None:
        """Ask for a session, but of the link and of style sheets and scripts."""
        if scope["path"] == OPEN or scope["path"].startswith(STATIC):
            return None
        session = cookie_parser(headers.get("cookie", "")).get(self._cookie, "")
        if not session or not self._tokens.is_session(session):
            return self.refuse(401, CLOSED)
        scope["session_token"] = session
        return None
