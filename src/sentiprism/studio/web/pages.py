"""Fill templates; every text is escaped."""

from datetime import datetime
from functools import cache
from importlib.resources import files
from math import isfinite
from secrets import token_hex
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sentiprism.data.dataset import Card
from sentiprism.errors import UserError, few
from sentiprism.report.page.template import make_environment
from sentiprism.studio.store.tables import now
from sentiprism.studio.web.static_files import REPORT, static_address
from sentiprism.studio.web.tokens import form_token
from sentiprism.tables import duration, size

if TYPE_CHECKING:
    import jinja2

T = TypeVar("T")
TEMPLATES = "sentiprism.studio.templates"
SHARED = ("brand.html.j2", "study_parts.html.j2")
"""Templates of the report's pages that the studio's pages have too."""
AREAS = {
    "home": ("Home", "/"),
    "recordings": ("Recordings", "/recordings"),
    "collections": ("Collections", "/collections"),
    "data": ("Data", "/data"),
    "label": ("Label", "/label"),
    "features": ("Features", "/features"),
    "train": ("Train", "/train"),
    "compare": ("Compare", "/compare"),
    "live": ("Live", "/live"),
}
"""Name and address by key, as the navigation shows them."""


def show(request: Request, template: str, *, area: str = "", status: int = 200, **values: Any) -> HTMLResponse:
    """A page.

    Args:
        request: that it answers.
        template: its file.
        area: of the navigation that it belongs to.
        status: of the answer.
        values: that the template names.
    """
    session = request.scope.get("session_token", "")
    shared = {"areas": AREAS, "area": area, "form_token": form_token(session), "once": token_hex(16)}
    return HTMLResponse(environment().get_template(template).render(**shared, **values), status)


def show_error(request: Request, error: UserError, *, area: str = "", status: int = 422, back: str = "/") -> Response:
    """A page that says what is wrong and what to do."""
    return show(request, "error.html.j2", area=area, status=status, cause=error.cause, remedy=error.remedy, back=back)


class MissingError(Exception):
    """What a browser asks for is not there, or not there any more.

    Args:
        what: it is.
        back: address of the page that lists what is there.
    """

    def __init__(self, what: str, back: str) -> None:
        super().__init__(what)
        self.what, self.back = what, back


def existing(found: T | None, what: str, back: str) -> T:
    """What was found.

    Raises:
        MissingError: nothing was.
    """
    if found is None:
        raise MissingError(what, back)
    return found


def not_found(request: Request, what: str = "page", back: str = "/") -> Response:
    """A page for what is not there, or not there any more."""
    error = UserError(f"There is no such {what} (any more)", "go back, and choose one of those that are listed")
    return show_error(request, error, status=404, back=back)


@cache
def environment() -> "jinja2.Environment":
    """Templates of the studio, and those that it shares with reports."""

    def load(name: str) -> str:
        return files(REPORT if name in SHARED else TEMPLATES).joinpath(name).read_text(encoding="utf-8")

    made = make_environment(load)
    made.filters.update(size=size, duration=duration, ago=ago, metric=metric)
    made.globals.update(label_range=describe_labels, static_address=static_address)
    del made.globals["trusted"]  # there is no text here that is not escaped
    return made


def describe_labels(card: Card) -> str:
    """Range or classes of a dataset's labels."""
    if card.target.kind == "classes":
        return few(card.target.classes)
    return f"{card.target.low:g} to {card.target.high:g}".replace("-", "−")


def ago(moment: datetime | None) -> str:
    """How long ago something was, in words."""
    if moment is None:
        return ""
    seconds = max((now() - moment).total_seconds(), 0.0)
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' * (count > 1)} ago"
    return "just now"


def metric(value: float | None, scale: int = 1) -> str:
    """A metric as tables show it; a dash where it is not defined."""
    if value is None or not isfinite(value):
        return "–"
    return f"{value * scale:.{3 if scale == 1 else 1}f}".replace("-", "−")
