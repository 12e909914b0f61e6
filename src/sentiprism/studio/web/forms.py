"""Read forms: each must have the session's token."""

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException, WebSocketException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, HTTPConnection, Request

from sentiprism.studio.web.guard import FORM, UPLOAD
from sentiprism.studio.web.tokens import is_form_token

FIELD, HEADER = "form_token", "x-form-token"
MOST_FIELDS = 400
REFUSED = 1008
"""Code of a web socket that is refused."""
STALE = "This form does not belong to your session. Go back, load the page again, and send it once more."


async def check_form(connection: HTTPConnection) -> None:
    """Refuse a request that changes something without the token of a form of ours; and any web socket without one.

    The form's fields are in ``request.state.form`` afterwards; the token of a web socket is in its address.

    Raises:
        HTTPException: the token is missing or wrong, or it is no form.
        WebSocketException: the token is missing or wrong.
    """
    if not isinstance(connection, Request):
        if not is_form_token(connection.query_params.get(FIELD), connection.scope.get("session_token", "")):
            raise WebSocketException(REFUSED, STALE)
        return
    request = connection
    request.state.form = FormData()
    if request.method != "POST":
        return
    given: object = request.headers.get(HEADER)
    if given is None and request.url.path == UPLOAD:  # its body is a file
        raise HTTPException(403, STALE)
    if given is None:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in {"application/x-www-form-urlencoded", "multipart/form-data"}:
            raise HTTPException(415, "Send a form.")
        try:
            request.state.form = await request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=FORM)
        except ClientDisconnect:  # it was cut off, or is longer than the guard lets it be
            raise HTTPException(413, "The form is cut short, or too large.") from None
        except (MultiPartException, ValueError) as error:
            raise HTTPException(400, f"The form cannot be read: {error}") from None
        given = request.state.form.get(FIELD)
    if not is_form_token(given, request.scope.get("session_token", "")):
        raise HTTPException(403, STALE)


def texts(request: Request, name: str) -> list[str]:
    """All values of a field."""
    return [value for value in request.state.form.getlist(name) if isinstance(value, str)]


def text(request: Request, name: str, default: str = "") -> str:
    """The value of a field; of several, the last."""
    found = texts(request, name)
    return found[-1].strip() if found else default


def once(request: Request, about: object) -> str:
    """What two submissions of one form with one content share, and no other two.

    Args:
        request: with the form.
        about: what was asked for.
    """
    return f"{request.scope.get('session_token')} {text(request, 'once')} {about!r}"
