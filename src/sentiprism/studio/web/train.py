"""Pages: Train, runs."""

from pathlib import Path
from secrets import token_hex

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sentiprism.cli.options import PRECISIONS
from sentiprism.config import dump
from sentiprism.errors import UserError
from sentiprism.models.artifact import STARTER
from sentiprism.studio.folders import RunFolder, may_be_running, read_config
from sentiprism.studio.jobs.kinds import TrainJob
from sentiprism.studio.store.tables import ACTIVE
from sentiprism.studio.training_form import (
    Form,
    list_dataset_choices,
    list_experiments_of,
    list_model_choices,
    make_form,
    name_fault,
    read_form,
)
from sentiprism.studio.web.curves import curves_of
from sentiprism.studio.web.forms import once, text
from sentiprism.studio.web.job_views import JobView, list_jobs, training_of
from sentiprism.studio.web.pages import existing, show, show_error
from sentiprism.studio.web.run_views import jobs_about, results_of
from sentiprism.studio.web.state import Studio, studio_of
from sentiprism.training.config import RunConfig

router = APIRouter()
AREA = "train"


@router.get("/train")
def train(request: Request) -> Response:
    """Models to train, trainings that run, runs that are there."""
    studio = studio_of(request)
    return show(
        request,
        "train.html.j2",
        area=AREA,
        models=list_model_choices(),
        datasets=list_dataset_choices(),
        jobs=list_jobs(studio, "queued", *ACTIVE, kind="train"),
        runs=studio.folders.runs()[:100],
        adapted=studio.folders.models()[:100],
    )


@router.get("/train/new")
def new(request: Request, model: str = "", dataset: str = "", experiment: str = "", preset: str = "") -> Response:
    """The form of a model on a dataset."""
    try:
        form = make_form(model, dataset, experiment, preset)
    except UserError as error:
        return show_error(request, error, area=AREA, back="/train")
    return _show_form(request, form, {})


@router.post("/train/new")
def start(request: Request) -> Response:
    """Queue the training that a form describes, or show the form again with what is wrong."""
    studio = studio_of(request)
    try:
        form = make_form(*(text(request, name) for name in ("model", "dataset", "experiment", "preset")))
    except UserError as error:
        return show_error(request, error, area=AREA, back="/train")
    given = {field.name: text(request, field.name) for field in form.fields if field.name in request.state.form}
    try:
        run = read_form(form, given)
        run = RunConfig.parse({**run.model_dump(mode="json"), "init": _init(studio, text(request, "init"))})
        job = _job(run, text(request, "device", "auto"), text(request, "precision", "auto"))
    except UserError as error:
        return _show_form(request, form, given, error)
    title = f"Train {run.model} on {run.dataset}"
    asked = once(request, run)
    identifier = studio.runner.add("train", title, job.model_dump(mode="json"), studio.workspace, once=asked)
    return RedirectResponse(f"/jobs/{identifier}", 303)


@router.get("/runs/{identifier}")
def run(request: Request, identifier: str) -> Response:
    """A run, whoever has trained it."""
    studio = studio_of(request)
    found = existing(studio.folders.run(identifier), "run", "/train")
    config = read_config(found)
    return show(
        request,
        "run.html.j2",
        area=AREA,
        run=found,
        curves=curves_of(found.folder, config),
        settings=dump(config),
        jobs=[*_jobs_of(studio, found), *jobs_about(studio, found)],
        busy=may_be_running(found),
        results=results_of(studio, found) if found.finished else None,
        others=[
            one for one in studio.folders.runs() if one.finished and one.dataset == found.dataset and one.id != found.id
        ],
    )


@router.post("/runs/{identifier}/resume")
def resume(request: Request, identifier: str) -> Response:
    """Queue the rest of a run that was stopped, by the studio or on the command line."""
    studio = studio_of(request)
    found = existing(studio.folders.run(identifier), "run", "/train")
    if _jobs_of(studio, found):
        return RedirectResponse(f"/runs/{identifier}", 303)
    job = TrainJob(run=read_config(found), out=found.folder.relative_to(studio.workspace))
    asked, parameters = once(request, found.id), job.model_dump(mode="json")
    queued = studio.runner.add("train", f"Resume {found.name}", parameters, studio.workspace, once=asked)
    return RedirectResponse(f"/jobs/{queued}", 303)


def _jobs_of(studio: Studio, found: RunFolder) -> list[JobView]:
    """Jobs that wait for a run or work on it."""
    active = ((one, training_of(one.row)) for one in list_jobs(studio, "queued", *ACTIVE, kind="train"))
    return [one for one, job in active if job is not None and Path(one.row.workspace) / job.out == found.folder]


def _show_form(request: Request, form: Form, given: dict[str, str], error: UserError | None = None) -> Response:
    return show(
        request,
        "train_form.html.j2",
        area=AREA,
        status=200 if error is None else 422,
        form=form,
        given=given,
        error=error,
        fault=None if error is None else name_fault(form, error),
        datasets=list_dataset_choices(),
        experiments=list_experiments_of(form.model),
        runs=[one for one in studio_of(request).folders.runs() if one.finished and one.model == form.model],
        precisions=PRECISIONS,
    )


def _init(studio: Studio, chosen: str) -> str | None:
    """Whose weights it starts from: a run by its identifier, or the starter."""
    if chosen in {"", STARTER}:
        return chosen or None
    found = studio.folders.run(chosen)
    if found is None:
        raise UserError("the run to start from is not there any more", "choose another one")
    return str(found.folder)


def _job(run: RunConfig, device: str, precision: str) -> TrainJob:
    from sentiprism.training.run import new_folder

    folder = new_folder(run)
    out = folder.with_name(f"{folder.name}-{token_hex(2)}")  # two that are queued in one second are two
    return TrainJob.parse({"run": run, "out": out, "device": device, "precision": precision}, "the training")
