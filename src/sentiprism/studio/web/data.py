"""Pages: Data, one dataset."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from sentiprism.config import Config
from sentiprism.data.dataset import Card
from sentiprism.errors import UserError
from sentiprism.studio.dataset_charts import columns_of, draw_histogram
from sentiprism.studio.datasets import StoredDataset, find_stored, lacks_times, list_stored
from sentiprism.studio.folders import RunFolder
from sentiprism.studio.jobs.kinds import EvaluateJob, ExportJob
from sentiprism.studio.store.tables import ACTIVE
from sentiprism.studio.web.data_results import DATA_JOBS, exported_file
from sentiprism.studio.web.forms import once, text
from sentiprism.studio.web.job_views import get_job, list_jobs
from sentiprism.studio.web.pages import existing, show
from sentiprism.studio.web.state import Studio, studio_of

router = APIRouter()
AREA, LIST = "data", "/data"
MOST_COLUMNS = 200
"""Features of a sequence that are listed by name."""


@router.get("/data")
def data(request: Request) -> Response:
    """The datasets of the store."""
    studio = studio_of(request)
    jobs = [job for kind in DATA_JOBS for job in list_jobs(studio, "queued", *ACTIVE, kind=kind)]
    binned = len(studio.dataset_bin.list())
    return show(request, "data.html.j2", area=AREA, datasets=list_stored(), jobs=jobs, binned=binned)


@router.get("/data/{identifier}")
def dataset(request: Request, identifier: str) -> Response:
    """A dataset's card."""
    found, card = dataset_of(identifier)
    columns = {name: _columns(found, name) for name in card.widths}
    return show(
        request,
        "dataset.html.j2",
        area=AREA,
        found=found,
        card=card,
        columns=columns,
        histogram=draw_histogram(card),
        lacks_times=lacks_times(found.name, card),
    )


@router.post("/data/{identifier}/evaluate")
def evaluate(request: Request, identifier: str) -> Response:
    """Queue the predictions of a run for this dataset."""
    studio = studio_of(request)
    found, _ = dataset_of(identifier)
    chosen = text(request, "run")
    run = existing(next((one for one in finished_runs(studio, found.name) if one.id == chosen), None), "run", LIST)
    job = EvaluateJob(run=run.folder.relative_to(studio.workspace), dataset=found.name)
    return queue_job(request, "evaluate", f"Predict {found.name} with {run.name}", job)


@router.post("/data/{identifier}/export")
def export(request: Request, identifier: str) -> Response:
    """Queue the export of this dataset as a file."""
    found, _ = dataset_of(identifier)
    job = ExportJob.parse({"dataset": found.name, "format": text(request, "format", "table")}, "the export")
    return queue_job(request, "export", f"Export {found.name} as {job.file}", job)


@router.get("/data/exports/{identifier}")
def download(request: Request, identifier: str) -> Response:
    """The file that an export has made."""
    studio = studio_of(request)
    row = existing(get_job(studio, identifier), "job", "/jobs")
    path = existing(exported_file(studio, row), "file", f"/jobs/{row.id}")
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)


def queue_job(request: Request, kind: str, title: str, job: Config) -> Response:
    """Queue a job, and show its page."""
    studio = studio_of(request)
    parameters = job.model_dump(mode="json")
    queued = studio.runner.add(kind, title, parameters, studio.workspace, once=once(request, job))
    return RedirectResponse(f"/jobs/{queued}", 303)


def dataset_of(identifier: str) -> tuple[StoredDataset, Card]:
    """The dataset of an identifier, with its card.

    Raises:
        UserError: its card is damaged.
        MissingError: the store does not have it.
    """
    found = stored_of(identifier)
    if found.card is None:
        raise UserError(found.fault, "delete the dataset in the list under Data, and import it again")
    return found, found.card


def stored_of(identifier: str) -> StoredDataset:
    """The dataset of an identifier, damaged or not.

    Raises:
        MissingError: the store does not have it.
    """
    return existing(find_stored(identifier), "dataset", LIST)


def finished_runs(studio: Studio, name: str) -> list[RunFolder]:
    """Runs with a finished seed, those that were trained on a dataset first."""
    found = [run for run in studio.folders.runs() if run.finished]
    return sorted(found, key=lambda run: run.dataset != name)


def _columns(found: StoredDataset, name: str) -> list[tuple[str, str]]:
    assert found.card is not None  # noqa: S101 - `dataset_of` has checked it
    names, units = columns_of(found.card, name, found.card.widths[name])
    return list(zip(names, units, strict=True))[:MOST_COLUMNS]
