"""Pages: jobs, their progress and logs."""

import os
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from sentiprism.errors import UserError
from sentiprism.reading import open_regular
from sentiprism.screen import clean
from sentiprism.studio.comparisons import Comparison, read_comparison
from sentiprism.studio.folders import ModelFolder, summarise_report
from sentiprism.studio.jobs.process import LOG
from sentiprism.studio.jobs.runner import MOST_AT_ONCE
from sentiprism.studio.store.tables import JobRow
from sentiprism.studio.web.curves import Curves, curves_of
from sentiprism.studio.web.data_results import made_of
from sentiprism.studio.web.forms import text
from sentiprism.studio.web.job_views import get_job, list_jobs, training_of, view
from sentiprism.studio.web.pages import existing, show
from sentiprism.studio.web.run_views import explained_of
from sentiprism.studio.web.state import Studio, studio_of

router = APIRouter()
TAIL = 64 * 1024
"""Bytes of a log's end that are shown."""
AREAS = {
    "analyze": "recordings",
    "train": "train",
    "compare": "compare",
    "evaluate": "data",
    "export": "data",
    "import": "data",
    "extract": "features",
    "fetch": "recordings",
    **dict.fromkeys(("cut", "adapt", "extract-labels"), "label"),
    "calibrate": "train",
    "robustness": "train",
    "figure": "train",
    "explain": "compare",
}


@router.get("/jobs")
def jobs(request: Request) -> Response:
    """All jobs, and how many run at once."""
    studio = studio_of(request)
    return show(
        request,
        "jobs.html.j2",
        area="jobs",
        jobs=list_jobs(studio, most=200),
        at_once=studio.runner.at_once(),
        most=MOST_AT_ONCE,
    )


@router.post("/jobs/settings")
def settings(request: Request) -> Response:
    """Change how many run at once."""
    given = text(request, "at_once")
    if given.isascii() and given.isdigit():
        studio_of(request).runner.set_at_once(int(given[:3]))
    return RedirectResponse("/jobs", 303)


@router.get("/jobs/{identifier}")
def job(request: Request, identifier: str) -> Response:
    """A job: its progress, its result, its log."""
    return _show(request, identifier, "job.html.j2")


@router.get("/jobs/{identifier}/live")
def live(request: Request, identifier: str) -> Response:
    """The part of a job's page that changes."""
    return _show(request, identifier, "job_live.html.j2")


@router.get("/jobs/{identifier}/card")
def card(request: Request, identifier: str) -> Response:
    """A job in a list."""
    return _show(request, identifier, "job_card.html.j2")


@router.get("/jobs/{identifier}/log")
def log(request: Request, identifier: str) -> Response:
    """The log as a text."""
    studio = studio_of(request)
    return PlainTextResponse(_log(studio, existing(get_job(studio, identifier), "job", "/jobs")))


@router.post("/jobs/{identifier}/stop")
def stop(request: Request, identifier: str) -> Response:
    """Stop a job."""
    studio_of(request).runner.stop(identifier)
    return RedirectResponse(_back(request, identifier), 303)


@router.post("/jobs/{identifier}/resume")
def resume(request: Request, identifier: str) -> Response:
    """Resume a job."""
    studio_of(request).runner.resume(identifier)
    return RedirectResponse(_back(request, identifier), 303)


def _back(request: Request, identifier: str) -> str:
    """Where the button was: a list, or the job's own page."""
    return {"home": "/", "jobs": "/jobs"}.get(
        text(request, "back"), f"/jobs/{identifier}" if identifier.isalnum() else "/"
    )


def _show(request: Request, identifier: str, template: str) -> Response:
    studio = studio_of(request)
    row = existing(get_job(studio, identifier), "job", "/jobs")
    return show(
        request,
        template,
        area=AREAS.get(row.kind, ""),
        job=view(studio, row),
        workspace=str(studio.workspace),
        back="job",
        log=_log(studio, row),
        curves=_curves(row),
        run=_run(studio, row),
        reports=_reports(studio, row),
        comparison=_comparison(row),
        compared=[studio.folders.identifier(Path(row.workspace) / str(one)) for one in row.parameters.get("runs", [])],
        made=made_of(studio, row),
        model=_model(studio, row),
        explained=explained_of(studio, row),
    )


def _log(studio: Studio, row: JobRow) -> str:
    """The end of a job's log."""
    try:
        with open_regular(studio.runner.job_folder(row.id) / LOG, what="log") as fd:
            size = os.fstat(fd).st_size
            os.lseek(fd, max(0, size - TAIL), os.SEEK_SET)
            content = os.read(fd, TAIL).decode(errors="replace")
    except (UserError, OSError):
        return ""
    return clean(content if size <= TAIL else content.partition("\n")[2])


def _curves(row: JobRow) -> Curves | None:
    job = training_of(row)
    return None if job is None else curves_of(Path(row.workspace) / job.out, job.run)


def _run(studio: Studio, row: JobRow) -> str | None:
    """Identifier of the run that a job makes or is about, once it is there."""
    job = training_of(row)
    folder = row.parameters.get("run") if job is None else job.out
    if not isinstance(folder, str | Path) or row.kind == "evaluate":
        return None
    identifier = studio.folders.identifier(Path(row.workspace) / folder)
    return identifier if studio.folders.run(identifier) is not None else None


def _model(studio: Studio, row: JobRow) -> ModelFolder | None:
    """The model that a job has adapted, once it is there."""
    if row.kind != "adapt" or row.state != "done":
        return None
    return studio.folders.model(studio.folders.identifier(Path(row.workspace) / str(row.parameters["out"])))


def _reports(studio: Studio, row: JobRow) -> list[object]:
    """Of an analysis: name, report and summary, or why there is none, of each recording."""
    if row.kind != "analyze":
        return []
    result = row.result or {}
    failed = result.get("failed", {})
    known = studio.folders.reports_by_folder()
    lines: list[object] = []
    for item in row.parameters.get("items", []):
        report = known.get(Path(row.workspace) / str(item["report"]))
        entry = summarise_report(report) if report is not None else None
        lines.append((str(item["name"]), report if entry is not None else None, entry, failed.get(item["id"])))
    return lines


def _comparison(row: JobRow) -> Comparison | None:
    return read_comparison(row.result) if row.kind == "compare" and row.result is not None else None
