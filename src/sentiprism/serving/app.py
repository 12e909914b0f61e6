"""The application: routes behind the guard."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from sentiprism import __version__
from sentiprism.serving import about_routes, analyze_routes, predict_routes, stream_routes
from sentiprism.serving.analyze_routes import TRANSCRIPT
from sentiprism.serving.guard import ServeGuard
from sentiprism.serving.keys import Keys
from sentiprism.serving.problems import Problem, handle_errors
from sentiprism.serving.service import Service
from sentiprism.web.guard import Pace
from sentiprism.web.server import make_application

FORM = 2**20
"""Bytes of a form beside its files."""
ROUTERS = (about_routes.router, predict_routes.router, analyze_routes.router, stream_routes.router)


def create_app(
    service: Service,
    *,
    hosts: frozenset[str] | None,
    keys: Keys | None,
    pace: Pace | None = None,
) -> ServeGuard:
    """The guarded application.

    Args:
        service: its parts.
        hosts: accepted values of the header ``Host``; None = any.
        keys: who may use it; None = everybody who reaches it.
        pace: how slowly a body may come.
    """

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        del app
        service.batcher.start()
        service.jobs.start()
        service.streams.start()
        yield
        service.closing = True
        await service.streams.close()
        await service.jobs.close()
        await service.batcher.close()

    app = make_application(title="sentiprism serve", version=__version__, lifespan=running, openapi_url="/openapi.json")
    app.state.service = service
    for router in ROUTERS:
        app.include_router(router)
    handle_errors(app)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    most = service.upload + TRANSCRIPT + FORM
    return ServeGuard(
        app,
        hosts=hosts,
        keys=keys,
        upload=most,
        closing=lambda: service.closing,
        count=service.metrics.count,
        pace=pace,
    )


def _document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document with the schema of errors and the keys."""
    if not app.openapi_schema:
        made = get_openapi(
            title=app.title,
            version=app.version,
            summary="Sentiment of recordings, texts and features.",
            routes=app.routes,
        )
        parts = made.setdefault("components", {})
        parts.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
        for unused in ("HTTPValidationError", "ValidationError"):
            parts["schemas"].pop(unused, None)
        parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        made["security"] = [{"key": []}, {}]
        app.openapi_schema = made
    return app.openapi_schema
