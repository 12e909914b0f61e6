"""Routes: the model's card, health, readiness, metrics."""

from typing import Any, Literal

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sentiprism import __version__
from sentiprism.serving.asyncapi import make_document
from sentiprism.serving.problems import ProblemError, described
from sentiprism.serving.service import ModelCard, service_of

router = APIRouter()


class State(BaseModel):
    """State of the server."""

    status: Literal["ok"] = "ok"


@router.get("/health", tags=["about"], responses=described())
async def health() -> State:
    """Whether the server runs."""
    return State()


@router.get("/ready", tags=["about"], responses=described())
async def ready(request: Request) -> State:
    """Whether the model is loaded and new requests are accepted; else the status is 503."""
    service = service_of(request)
    if service.closing or not service.batcher.worker.ready:
        raise ProblemError(503, "the server is ending" if service.closing else "the model is loading", "wait", retry=2)
    return State()


@router.get("/v1/model", tags=["about"], responses=described())
async def model(request: Request) -> ModelCard:
    """The served model: its modalities, columns, scale, licence and limits."""
    return service_of(request).card


@router.get("/asyncapi.json", tags=["about"], responses=described())
async def asyncapi() -> dict[str, Any]:
    """The AsyncAPI document of the web socket ``/v1/stream``."""
    return make_document(__version__)


@router.get(
    "/metrics",
    tags=["about"],
    response_class=PlainTextResponse,
    responses=described(),
)
async def metrics(request: Request) -> Response:
    """Metrics for Prometheus: requests, times, queues."""
    return Response(service_of(request).metrics.to_text(), media_type=CONTENT_TYPE_LATEST)
