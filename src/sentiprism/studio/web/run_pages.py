"""Measure, draw and explain a run; its figures as files."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from sentiprism.errors import UserError
from sentiprism.studio.jobs.kinds import KINDS
from sentiprism.studio.run_results import find_picture
from sentiprism.studio.web.data import queue_job
from sentiprism.studio.web.forms import text
from sentiprism.studio.web.pages import existing, show_error
from sentiprism.studio.web.run_views import RUN_JOBS
from sentiprism.studio.web.state import studio_of

router = APIRouter()
TITLES = {
    "calibrate": "Calibrate",
    "robustness": "Measure the robustness of",
    "figure": "Draw figures of",
    "explain": "Attribute predictions to modalities:",
}
TYPES = {".png": "image/png", ".pdf": "application/pdf", ".svg": "application/octet-stream"}


@router.post("/runs/{identifier}/measure")
def measure(request: Request, identifier: str) -> Response:
    """Queue a measurement of a run, or its figures."""
    studio = studio_of(request)
    found = existing(studio.folders.run(identifier), "run", "/train")
    kind, folder = text(request, "kind"), found.folder.relative_to(studio.workspace)
    try:
        if kind not in RUN_JOBS:
            raise UserError(f"{kind!r} is not a measurement", "use the buttons of the run's page")
        if not found.finished:
            raise UserError("no seed of the run is finished", "wait for one, or resume it")
        given: dict[str, object] = {"runs": [folder]} if kind == "explain" else {"run": folder}
        if kind == "calibrate" and text(request, "level"):
            given["level"] = float(text(request, "level"))
        elif kind != "calibrate":
            given["split"] = text(request, "split", "test")
        job = KINDS[kind].parse(given, "the measurement")
    except ValueError:
        error = UserError("the level is not a number", "give a share, for example 0.9")
        return show_error(request, error, area="train", back=f"/runs/{identifier}")
    except UserError as error:
        return show_error(request, error, area="train", back=f"/runs/{identifier}")
    return queue_job(request, kind, f"{TITLES[kind]} {found.name}", job)


@router.get("/runs/{identifier}/figures/{name}")
def figure(request: Request, identifier: str, name: str) -> Response:
    """A figure of a run: a picture as such, other formats as downloads."""
    found = existing(studio_of(request).folders.run(identifier), "run", "/train")
    path = existing(find_picture(found.folder, name), "figure", f"/runs/{identifier}")
    way = "inline" if path.suffix == ".png" and "download" not in request.query_params else "attachment"
    return FileResponse(path, media_type=TYPES[path.suffix], filename=path.name, content_disposition_type=way)
