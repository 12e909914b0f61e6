"""The application: routes behind the guard."""

import asyncio
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Depends
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sentiprism.errors import UserError
from sentiprism.studio.web import (
    collection_downloads,
    collections,
    compare,
    data,
    differences,
    events,
    features,
    home,
    import_data,
    jobs,
    label,
    label_cuts,
    label_rate,
    label_results,
    recordings,
    report_pages,
    run_pages,
    train,
    tutorial,
    upload,
    utterances,
)
from sentiprism.studio.web.forms import check_form
from sentiprism.studio.web.guard import UPLOAD, StudioGuard
from sentiprism.studio.web.pages import REPORT, MissingError, not_found, show_error
from sentiprism.studio.web.state import Studio
from sentiprism.web.guard import App
from sentiprism.web.server import make_application
from sentiprism.web.uploads import Limits

STATIC = {
    "base.css": (REPORT, "style.css", "text/css"),
    "studio.css": ("sentiprism.studio.static", "studio.css", "text/css"),
    "live.js": ("sentiprism.studio.static", "live.js", "text/javascript"),
    "upload.js": ("sentiprism.studio.static", "upload.js", "text/javascript"),
    "study.css": (REPORT, "study.css", "text/css"),
    "cells.js": ("sentiprism.studio.static", "cells.js", "text/javascript"),
    "forms.js": ("sentiprism.studio.static", "forms.js", "text/javascript"),
    "data.css": ("sentiprism.studio.static", "data.css", "text/css"),
    "utterance.js": ("sentiprism.studio.static", "utterance.js", "text/javascript"),
    "label.css": ("sentiprism.studio.static", "label.css", "text/css"),
    "label_player.js": ("sentiprism.studio.static", "label_player.js", "text/javascript"),
    "label_rate.js": ("sentiprism.studio.static", "label_rate.js", "text/javascript"),
    "label_cuts.js": ("sentiprism.studio.static", "label_cuts.js", "text/javascript"),
    "label_live.js": ("sentiprism.studio.static", "label_live.js", "text/javascript"),
}
"""Package, file and type of what pages load, by its name in the address; nothing else is served."""
static = APIRouter()
ROUTERS = (
    home.router,
    tutorial.router,
    upload.router,
    recordings.router,
    report_pages.router,
    collections.router,
    collection_downloads.router,
    jobs.router,
    import_data.router,
    data.router,
    utterances.router,
    features.router,
    train.router,
    run_pages.router,
    differences.router,
    compare.router,
    label.router,
    label_rate.router,
    label_cuts.router,
    label_results.router,
    events.router,
    static,
)
"""Of every area; a test asks each route that changes something for a form's token."""


def create_app(studio: Studio, port: int, limits: Limits | None = None) -> App:
    """The guarded application.

    Args:
        studio: its parts.
        port: that it is served at.
        limits: of uploads.
    """
    app = make_application(dependencies=[Depends(check_form)])
    app.state.studio = studio
    app.state.limits = limits or Limits()
    app.state.uploads = asyncio.Semaphore(upload.AT_ONCE)
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(UserError, _on_user_error)
    app.add_exception_handler(MissingError, _on_missing)
    app.add_exception_handler(Exception, _on_fault)
    return StudioGuard(app, port=port, tokens=studio.tokens, cookie=studio.cookie)


@static.get("/static/{name}")
def static_file(name: str) -> Response:
    """A style sheet or script."""
    if name not in STATIC:
        return Response("There is no such file.", 404, media_type="text/plain")
    package, file, kind = STATIC[name]
    return Response(_content(package, file), media_type=kind, headers={"Cache-Control": "no-cache"})


@static.get("/favicon.ico")
def favicon() -> Response:
    """Nothing: browsers ask for it."""
    return Response(status_code=204)


@cache
def _content(package: str, file: str) -> bytes:
    return files(package).joinpath(file).read_bytes()


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for that
    if error.status_code == 404:
        return not_found(request)
    if request.url.path == UPLOAD:
        return JSONResponse({"cause": error.detail, "remedy": "try again"}, error.status_code)
    return show_error(request, UserError(str(error.detail), "go back"), status=error.status_code)


async def _on_invalid(request: Request, error: Exception) -> Response:
    del error
    return show_error(request, UserError("The address is not one of this program", "go back"), status=400)


async def _on_fault(request: Request, error: Exception) -> Response:
    """A fault of this program; the traceback goes to the terminal afterwards."""
    said = UserError(f"An unexpected error ({type(error).__name__})", "report it with what the terminal shows")
    return show_error(request, said, status=500)


async def _on_missing(request: Request, error: Exception) -> Response:
    assert isinstance(error, MissingError)  # noqa: S101 - it is registered for that
    return not_found(request, error.what, error.back)


async def _on_user_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, UserError)  # noqa: S101 - it is registered for that
    return show_error(request, error)
