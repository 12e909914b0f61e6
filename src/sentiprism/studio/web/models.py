"""Page: a saved model that is not a run's, for example one that was adapted to labels."""

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sentiprism.models.artifact import describe_model
from sentiprism.report.page.index import Entry
from sentiprism.studio.effects import read_effects
from sentiprism.studio.folders import ModelFolder, ReportFolder, open_report, summarise_report
from sentiprism.studio.store.tables import ACTIVE, RecordingRow
from sentiprism.studio.web.job_views import JobView, list_jobs
from sentiprism.studio.web.pages import existing, show
from sentiprism.studio.web.recordings import option_fields
from sentiprism.studio.web.state import Studio, studio_of

router = APIRouter()


class Report(NamedTuple):
    """A report, with what a list says of it."""

    id: str
    entry: Entry


class Beside(NamedTuple):
    """Reports of a recording by a model before and after it was adapted."""

    row: RecordingRow
    before: Report | None
    after: Report | None

    @property
    def change(self) -> float | None:
        """By how much its mean sentiment has changed; None where one is not known."""
        means = [None if one is None else one.entry.mean for one in (self.after, self.before)]
        return None if means[0] is None or means[1] is None else means[0] - means[1]


@router.get("/models/{identifier}")
def model(request: Request, identifier: str) -> Response:
    """A model: whether adapting it helped, and its reports beside those of the model before."""
    studio = studio_of(request)
    found = existing(studio.folders.model(identifier), "model", "/train")
    described = describe_model(found.folder)
    lines = compare_reports(studio, found)
    options = next((_options_of(one.before.id, studio) for one in lines if one.before is not None), {})
    return show(
        request,
        "model.html.j2",
        area="train",
        model=found,
        target=described.target,
        notes=_notes(described.metadata),
        effects=read_effects(described.metadata.get("adapted")),
        lines=lines,
        fields=option_fields(),
        given={key: str(value) for key, value in options.items() if value is not None},
        jobs=_jobs_with(studio, found),
    )


def compare_reports(studio: Studio, model: ModelFolder) -> list[Beside]:
    """Reports of the recordings that a model was adapted to: the newest of each by it, and by the model before.

    Args:
        studio: whose job has adapted it; another model has no such recordings.
        model: the adapted one.
    """
    rows = studio.recordings.find(_recordings_of(studio, model))
    contents = {row.content for row in rows}
    newest: dict[tuple[str, str], ReportFolder] = {}
    for report in reversed(studio.folders.reports()):
        if report.content in contents:
            newest[report.content, str(_settings(report, report.changed).get("model"))] = report

    def find(row: RecordingRow, by: str) -> Report | None:
        report = newest.get((row.content, by))
        entry = None if report is None else summarise_report(report)
        return None if report is None or entry is None else Report(report.id, entry)

    return [Beside(row, find(row, model.base), find(row, str(model.folder))) for row in rows]


def _recordings_of(studio: Studio, model: ModelFolder) -> list[str]:
    for job in list_jobs(studio, "done", kind="adapt", most=1000):
        out = job.row.parameters.get("out")
        if out is not None and Path(job.row.workspace) / str(out) == model.folder:
            return [str(one) for one in job.row.parameters.get("recordings", [])]
    return []


@lru_cache(maxsize=4096)
def _settings(report: ReportFolder, changed: object) -> dict[str, Any]:  # noqa: ARG001 - part of the cache's key
    """Options that the studio has analysed a recording with; of the command line's reports the model alone."""
    analysis = open_report(report)
    if analysis is None:
        return {}
    made = analysis.details.get("studio")
    options = made.get("options") if isinstance(made, dict) else None
    return options if isinstance(options, dict) else {"model": analysis.model.name}


def _options_of(identifier: str, studio: Studio) -> dict[str, Any]:
    report = studio.folders.report(identifier)
    return {} if report is None else _settings(report, report.changed)


def _notes(metadata: dict[str, Any]) -> list[str]:
    known = [metadata.get(key) for key in ("selection", "licence")]
    return [str(one) for one in known if one]


def _jobs_with(studio: Studio, model: ModelFolder) -> list[JobView]:
    """Analyses by a model that wait or run."""
    jobs = list_jobs(studio, "queued", *ACTIVE, kind="analyze")
    return [job for job in jobs if job.row.parameters.get("options", {}).get("model") == str(model.folder)]
