"""Errors as responses: RFC 9457 problem details with cause and remedy."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from sentiprism.config import describe_error
from sentiprism.errors import UserError, printable, shorten

MEDIA_TYPE = "application/problem+json"
REMEDIES = {
    400: "correct the request, see /openapi.json",
    401: "send the header 'Authorization: Bearer KEY' with a key of this server",
    403: "call the server from a program, not from a page of another site",
    404: "check the address, see /openapi.json",
    405: "use the method of /openapi.json",
    408: "send the body faster, or in smaller parts",
    413: "send less in one request",
    414: "shorten the address",
    415: "send the body without Content-Encoding, in a type of /openapi.json",
    421: "use the address that the server prints when it starts",
    431: "send fewer and shorter headers",
    500: "report it with what the server prints",
}
"""What to do, by status, where the error does not say it."""
EVERYWHERE = (400, 401, 403, 408, 413, 414, 415, 421, 429, 431, 500, 503)
"""Statuses that any request may get."""


class Problem(BaseModel):
    """An error as problem details (RFC 9457)."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Unprocessable Content",
                    "status": 422,
                    "detail": "samples.0.audio.3 has 61 features, not 62",
                    "remedy": "send the columns of /v1/model in their order",
                }
            ]
        },
    )

    type: str = "about:blank"
    title: str
    """Phrase of the status."""
    status: int = Field(ge=400, le=599)
    detail: str
    """Cause of the error."""
    remedy: str
    """What to do about it."""


class ProblemError(Exception):
    """An error with its status.

    Args:
        status: of the response.
        cause: what is wrong.
        remedy: what to do about it; by default that of the status.
        retry: seconds after which the request may be repeated; None = not at all.
    """

    def __init__(self, status: int, cause: str, remedy: str | None = None, retry: float | None = None) -> None:
        self.status, self.cause, self.remedy, self.retry = status, cause, remedy or REMEDIES[status], retry
        super().__init__(f"{status}: {cause}; {self.remedy}")


def respond(
    status: int, cause: str, remedy: str | None = None, *, retry: float | None = None, **headers: str
) -> Response:
    """Make the response of an error.

    Args:
        status: of the response.
        cause: what is wrong.
        remedy: what to do about it; by default that of the status.
        retry: seconds for the header ``Retry-After``.
        headers: further headers, with "_" for "-".
    """
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if retry is not None:
        sent["Retry-After"] = str(max(1, round(retry + 0.5)))
    made = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=shorten(printable(cause)),
        remedy=remedy or REMEDIES.get(status, REMEDIES[400]),
    )
    return JSONResponse(made.model_dump(), status, headers=sent, media_type=MEDIA_TYPE)


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors of a route for OpenAPI."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    retry = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": content,
            **({"headers": retry} if status in {429, 503} else {}),
        }
        for status in sorted({*statuses, *EVERYWHERE})
    }


def handle_errors(app: FastAPI) -> None:
    """Answer every error of an application with a problem."""
    for kind in (HTTPException, RequestValidationError, UserError, ProblemError, ClientDisconnect, Exception):
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    del request
    match error:
        case HTTPException():
            cause = "this address is not known" if error.status_code == 404 else str(error.detail)
            response = respond(error.status_code, cause)
            response.headers.update({name: text for name, text in (error.headers or {}).items() if name == "Allow"})
            return response
        case RequestValidationError():
            return _invalid(error)
        case UserError():
            return respond(422, error.cause, error.remedy)
        case ProblemError():
            return respond(error.status, error.cause, error.remedy, retry=error.retry)
        case ClientDisconnect():  # the guard says why, if it was the guard
            return respond(400, "the body is incomplete", "send the whole body")
    return respond(500, f"an unexpected error occurred ({type(error).__name__})")


def _invalid(error: RequestValidationError) -> Response:
    first = error.errors()[0]
    place = first["loc"][1:] if first["loc"][:1] == ("body",) else first["loc"]
    if first["type"] == "json_invalid":
        return respond(400, f"the body is not JSON: {first.get('ctx', {}).get('error', 'unknown error')}")
    where = shorten(".".join(map(str, place)) or "the body", 60)
    if first["type"] == "missing":
        return respond(422, f"{where} is missing", "add it, see /openapi.json")
    if first["type"] == "extra_forbidden":
        return respond(422, f"{where} is not a known key", "leave it out, see /openapi.json")
    return respond(422, f"{where}{describe_error(first)}", "correct that value, see /openapi.json")
