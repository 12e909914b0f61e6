"""Pages: boundaries of utterances on a wave form."""

import json

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from sentiprism.errors import UserError
from sentiprism.reading import read_json
from sentiprism.report.page.playable import media_type
from sentiprism.studio.labelling.cuts import SHORTEST, RatedError, parse_cuts, save_cuts, version_of
from sentiprism.studio.labelling.tasks import Task
from sentiprism.studio.store.label_tables import LabelRecordingRow
from sentiprism.studio.web.forms import text
from sentiprism.studio.web.label import AREA, get_task
from sentiprism.studio.web.pages import existing, show
from sentiprism.studio.web.state import studio_of

router = APIRouter()


@router.get("/label/{identifier}/cuts/{recording}")
def cuts(request: Request, identifier: str, recording: str) -> Response:
    """The editor of a recording's boundaries."""
    task, row = _find(request, identifier, recording)
    return _show(request, task, row)


@router.get("/label/{identifier}/peaks/{recording}")
def peaks(request: Request, identifier: str, recording: str) -> Response:
    """The wave form, as the job has computed it."""
    _, row = _find(request, identifier, recording)
    try:
        found = read_json(studio_of(request).tasks.folder(identifier) / f"{row.recording}.json")
    except UserError:
        found = {"duration": row.duration, "peaks": []}
    return JSONResponse(found)


@router.post("/label/{identifier}/cuts/{recording}")
def save(request: Request, identifier: str, recording: str) -> Response:
    """Store boundaries; where ratings would be set aside, after a second question alone."""
    task, row = _find(request, identifier, recording)
    given, version = text(request, "cuts"), text(request, "version")
    try:
        new = parse_cuts(given, row.duration, task.segments_of(recording))
        sure = text(request, "sure") == "yes"
        save_cuts(studio_of(request).tasks, identifier, recording, new, version=version, sure=sure)
    except UserError as error:
        return _show(request, task, row, error=error, given=given, status=422)
    except RatedError as found:
        return _show(request, task, row, rated=found, given=given, status=409)
    return RedirectResponse(f"/label/{identifier}/cuts/{recording}", 303)


def _find(request: Request, identifier: str, recording: str) -> tuple[Task, LabelRecordingRow]:
    task = get_task(studio_of(request), identifier)
    return task, existing(task.recording(recording), "recording", f"/label/{identifier}")


def _show(
    request: Request,
    task: Task,
    row: LabelRecordingRow,
    *,
    given: str = "",
    error: UserError | None = None,
    rated: RatedError | None = None,
    status: int = 200,
) -> Response:
    studio = studio_of(request)
    file = studio.recordings.get(row.recording)
    own = task.segments_of(row.recording)
    stored = [{"id": one.id, "start": one.start, "end": one.end, "text": one.text} for one in own]
    return show(
        request,
        "label_cuts.html.j2",
        area=AREA,
        status=status,
        task=task,
        row=row,
        file=file,
        playable=file is not None and media_type(studio.recordings.path(file)) is not None,
        segments=own,
        stored=json.dumps(stored),
        given=given or json.dumps([one.id for one in own]),
        version=text(request, "version") if given and error is None else version_of(own),
        shortest=SHORTEST,
        error=error,
        rated=rated,
    )
