"""Page: Compare."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sentiprism.errors import UserError
from sentiprism.studio.jobs.kinds import CompareJob
from sentiprism.studio.web.forms import once, text, texts
from sentiprism.studio.web.job_views import list_jobs
from sentiprism.studio.web.pages import show, show_error
from sentiprism.studio.web.state import studio_of

router = APIRouter()
AREA = "compare"
MOST = 20
"""Runs side by side."""


@router.get("/compare")
def compare(request: Request) -> Response:
    """Finished runs to choose from, by dataset, and earlier comparisons."""
    studio = studio_of(request)
    by_dataset: dict[str, list[object]] = {}
    for run in studio.folders.runs():
        if run.finished:
            by_dataset.setdefault(run.dataset, []).append(run)
    earlier = list_jobs(studio, kind="compare", most=10)
    return show(request, "compare.html.j2", area=AREA, by_dataset=by_dataset, jobs=earlier)


@router.post("/compare")
def start(request: Request) -> Response:
    """Queue a comparison."""
    studio = studio_of(request)
    chosen = dict.fromkeys(texts(request, "run"))
    reference = text(request, "reference")
    found = [run for run in studio.folders.runs() if run.id in chosen]
    found.sort(key=lambda run: (run.id != reference, list(chosen).index(run.id)))
    try:
        if not 2 <= len(found) <= MOST:
            raise UserError(f"{len(found) or 'no'} runs are chosen", f"tick 2 to {MOST} of one dataset")
        if len({run.dataset for run in found}) > 1:
            raise UserError("the runs are of different datasets", "compare runs of one dataset")
        folders = [run.folder.relative_to(studio.workspace) for run in found]
        job = CompareJob.parse({"runs": folders, "split": text(request, "split", "test")}, "the comparison")
    except UserError as error:
        return show_error(request, error, area=AREA, back="/compare")
    title = f"Compare {len(found)} runs on {found[0].dataset}"
    parameters = job.model_dump(mode="json")
    identifier = studio.runner.add("compare", title, parameters, studio.workspace, once=once(request, job))
    return RedirectResponse(f"/jobs/{identifier}", 303)
