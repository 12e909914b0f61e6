"""The application: routes behind the guard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sentiprism.errors import UserError
from sentiprism.files import temporary_folder
from sentiprism.studio.live import FOLDER, Live
from sentiprism.studio.web import (
    collection_downloads,
    collections,
    compare,
    data,
    dataset_bin,
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
    live,
    models,
    recordings,
    report_pages,
    run_pages,
    static_files,
    train,
    tutorial,
    upload,
    utterances,
)
from sentiprism.studio.web.forms import check_form
from sentiprism.studio.web.guard import UPLOAD, StudioGuard
from sentiprism.studio.web.pages import MissingError, not_found, show_error
from sentiprism.studio.web.state import Studio
from sentiprism.web.guard import App
from sentiprism.web.server import make_application
from sentiprism.web.uploads import Limits

ROUTERS = (
    home.router,
    tutorial.router,
    upload.router,
    recordings.router,
    report_pages.router,
    collections.router,
    collection_downloads.router,
    jobs.router,
    models.router,
    import_data.router,
    dataset_bin.router,
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
    live.router,
    events.router,
    static_files.router,
)
"""Of every area; a test asks each route that changes something for a form's token."""


def create_app(studio: Studio, port: int, limits: Limits | None = None) -> App:
    """The guarded application.

    Args:
        studio: its parts.
        port: that it is served at.
        limits: of uploads.
    """

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        del app
        with temporary_folder(FOLDER) as folder:
            studio.live = Live(folder)
            studio.live.start()
            yield
            await studio.live.close()

    app = make_application(dependencies=[Depends(check_form)], lifespan=running)
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
