"""Route: a stream of sound and pictures over a web socket."""

from fastapi import APIRouter
from starlette.websockets import WebSocket

from sentiprism.serving.problems import ProblemError
from sentiprism.serving.service import caller_of, service_of
from sentiprism.serving.stream_connections import StreamModel, connect, refuse

router = APIRouter()


@router.websocket("/v1/stream")
async def stream(websocket: WebSocket) -> None:
    """Analyse a stream; see ``/asyncapi.json``."""
    await websocket.accept()
    service = service_of(websocket)
    card = service.card
    if not card.recordings:
        cause = "the model has no features that are made from recordings"
        await refuse(websocket, ProblemError(400, cause, "use /v1/predict"))
        return
    model = StreamModel(card.name, card.target, card.modalities)
    await connect(websocket, service.streams, caller_of(websocket), model)
