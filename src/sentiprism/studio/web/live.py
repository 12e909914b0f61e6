"""Page: Live, and its web socket."""

from importlib.util import find_spec

from anyio.to_thread import run_sync
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from sentiprism.errors import UserError
from sentiprism.extras import install_extra
from sentiprism.languages import NAMES
from sentiprism.models.artifact import STARTER, describe_model, folder_of
from sentiprism.serving.problems import ProblemError
from sentiprism.serving.stream_connections import StreamModel, connect, refuse
from sentiprism.studio.web.guard import PAGES, POLICY
from sentiprism.studio.web.pages import show
from sentiprism.studio.web.recordings import list_models_of
from sentiprism.studio.web.state import Studio, studio_of

router = APIRouter()
PERMISSIONS = PAGES["Permissions-Policy"].replace("camera=(), microphone=()", "camera=(self), microphone=(self)")
"""Of this page alone."""
NEEDED = ("websockets", "faster_whisper", "av")
"""Packages without which there are no streams."""


@router.get("/live")
def live(request: Request) -> Response:
    """The page: choices, the notice, the time line."""
    lacking = [name for name in NEEDED if find_spec(name) is None]
    page = show(
        request,
        "stream.html.j2",
        area="live",
        models=list_models_of(studio_of(request)),
        languages=sorted(NAMES.items(), key=lambda pair: pair[1]),
        lacking=lacking,
        remedy=install_extra("media,studio"),
    )
    page.headers["Permissions-Policy"] = PERMISSIONS
    own = f"connect-src 'self' ws://{request.headers['host']}"  # not in every browser does 'self' include it
    page.headers["Content-Security-Policy"] = POLICY.replace("connect-src 'self'", own)
    return page


@router.websocket("/live/stream")
async def stream(websocket: WebSocket, model: str = STARTER, informed: str = "") -> None:
    """Analyse what the page records, after its notice was confirmed."""
    await websocket.accept()
    studio = studio_of(websocket)
    try:
        if informed != "yes":
            cause = "it was not confirmed that the people who are seen or heard are informed"
            raise ProblemError(403, cause, "confirm the notice on the page Live")
        found = await run_sync(_find_model, studio, model)
    except (UserError, ProblemError) as error:
        await refuse(websocket, error)
        return
    await connect(websocket, studio.live, studio.live.caller_of(websocket.scope["session_token"]), found)


def _find_model(studio: Studio, identifier: str) -> StreamModel:
    known = {STARTER: (STARTER, STARTER)}
    known |= {one: (name, str(folder)) for one, name, folder in list_models_of(studio)}
    if identifier not in known:
        raise ProblemError(404, "the model was not found", "load the page again, and choose one of its models")
    name, source = known[identifier]
    described = describe_model(folder_of(source))
    return StreamModel(name, described.target, described.modalities, source)
