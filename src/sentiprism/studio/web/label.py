"""Pages: Label, a new task, one task."""

from hashlib import sha256
from itertools import islice
from typing import Any, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sentiprism.analysis.options import Options
from sentiprism.cli.options import AUDIO, VISION
from sentiprism.config import override
from sentiprism.errors import UserError
from sentiprism.metrics.raters import RaterAgreement
from sentiprism.studio.charts import Scatter, draw_scatter
from sentiprism.studio.fields import Field, assignments, fields_of, refuse_path
from sentiprism.studio.jobs.label_kinds import CutItem, CutJob
from sentiprism.studio.labelling.cuts import count_set_aside
from sentiprism.studio.labelling.rating import join_task, queue, read_own
from sentiprism.studio.labelling.results import Results, read_results
from sentiprism.studio.labelling.scales import PASSES, STEPS, Scale, parse_passes
from sentiprism.studio.labelling.tasks import MOST_RECORDINGS, Task, tidy
from sentiprism.studio.store.tables import ID, RecordingRow
from sentiprism.studio.web.forms import once, text, texts
from sentiprism.studio.web.job_views import get_job, view
from sentiprism.studio.web.pages import existing, show, show_error
from sentiprism.studio.web.state import Studio, studio_of
from sentiprism.web.uploads import clean_name

router = APIRouter()
AREA, LIST = "label", "/label"
SHOWN = ("asr", "language", "longest", "pause")
"""Options of speech detection that the form has."""
LEAST_SHARED = 5
"""Utterances that two raters share at least before their differences are shown: fewer would tell a rating."""
MOST_PAIRS = 6
"""Pairs of raters whose differences are drawn."""
NEWEST = 200


class Agreed(NamedTuple):
    """Agreement in a pass, as the page of a task shows it."""

    seen: str
    found: RaterAgreement
    pairs: tuple[tuple[str, str, int, float, float, float, Scatter], ...]
    """Names of two raters, utterances, bias, limits, figure."""


@router.get("/label")
def label(request: Request) -> Response:
    """Tasks, and those that were deleted."""
    studio = studio_of(request)
    for row, _, _ in studio.tasks.list():
        _take_in(studio, row.id)
    rows = [(row, Scale.parse(row.scale), *counts) for row, *counts in studio.tasks.list()]
    return show(request, "label.html.j2", area=AREA, rows=rows, deleted=studio.tasks.deleted(), passes=PASSES)


@router.get("/label/new")
def new(request: Request, q: str = "") -> Response:
    """The form of a new task."""
    return _form(request, q=q[:200])


@router.post("/label/new")
def make(request: Request) -> Response:
    """Make a task, and queue the job that cuts its recordings; from the list of recordings, only show the form."""
    studio = studio_of(request)
    if "scale" not in request.state.form:
        return _form(request, chosen=texts(request, "recording"))
    try:
        rows = [row for row in studio.recordings.find(texts(request, "recording")) if row.kind != "text"]
        if not 1 <= len(rows) <= MOST_RECORDINGS:
            count = len(rows) or "no"
            raise UserError(f"{count} videos or sounds are chosen", f"tick 1 to {MOST_RECORDINGS}")
        passes = parse_passes(texts(request, "pass"))
        if len(passes) > 1 and "full" not in passes:
            cause = f"none of several passes shows everything: {', '.join(PASSES[name] for name in passes)}"
            raise UserError(cause, f"tick “{PASSES['full']}” too: its label is the one that models are trained on")
        chosen = text(request, "scale")
        scale = Scale.of_classes(text(request, "classes")[:2000]) if chosen == "classes" else Scale.of_steps(chosen)
        given = {name: text(request, name) for name in SHOWN if name in request.state.form}
        options = Options.parse(override({}, assignments(_fields(), given)), "the options of speech detection")
        refuse_path(options.asr, "the speech recognition")
        how = "whole" if text(request, "how") == "whole" else "speech"
        name = tidy(text(request, "name"), 200) or f"{rows[0].name}{f' and {len(rows) - 1} more' * (len(rows) > 1)}"
        asked = once(request, (name, [row.id for row in rows], scale, passes, options, how))
        identifier = sha256(f"task {asked}".encode()).hexdigest()[:ID]
        said = studio.recordings.transcripts_of(rows)
        items = tuple(_item(studio, row, said.get(row.id)) for row in rows)
        job = CutJob.parse(
            {"items": items, "out": studio.tasks.folder(identifier), "how": how, "options": options}, "the task"
        )
    except UserError as error:
        return _form(request, chosen=texts(request, "recording"), error=error)
    speakers = {row.id: text(request, f"speaker-{row.id}") for row in rows}
    studio.tasks.add(identifier, name, scale, passes, rows, speakers)
    parameters = job.model_dump(mode="json")
    queued = studio.runner.add("cut", f"Cut into utterances: {name}", parameters, studio.workspace, once=asked)
    studio.tasks.set_job(identifier, queued)
    return RedirectResponse(f"/label/{identifier}", 303)


@router.get("/label/{identifier}")
def task(request: Request, identifier: str) -> Response:
    """A task: who rates, how far they are, how far they agree, what can be done."""
    return _show(request, identifier, "label_task.html.j2")


@router.get("/label/{identifier}/live")
def live(request: Request, identifier: str) -> Response:
    """The part of a task's page that changes while people rate."""
    return _show(request, identifier, "label_live.html.j2")


@router.post("/label/{identifier}/raters")
def join(request: Request, identifier: str) -> Response:
    """Begin to rate, or continue, under a name."""
    studio = studio_of(request)
    get_task(studio, identifier)
    try:
        rater = join_task(studio.tasks, identifier, text(request, "name"))
    except UserError as error:
        return show_error(request, error, area=AREA, back=f"/label/{identifier}")
    return RedirectResponse(f"/label/{identifier}/rate/{rater}", 303)


@router.post("/label/{identifier}/speakers")
def speakers(request: Request, identifier: str) -> Response:
    """Store who speaks in the recordings."""
    studio = studio_of(request)
    found = get_task(studio, identifier)
    given = {row.recording: text(request, f"speaker-{row.recording}", row.speaker) for row in found.recordings}
    studio.tasks.set_speakers(identifier, given)
    return RedirectResponse(f"/label/{identifier}", 303)


@router.post("/label/{identifier}/state")
def state(request: Request, identifier: str) -> Response:
    """Close or reopen a task, delete it after a second question, or take it back."""
    studio = studio_of(request)
    to = text(request, "to")
    if to == "restore":
        studio.tasks.mark(identifier, deleted=False)
        return RedirectResponse(LIST, 303)
    found = get_task(studio, identifier)
    if to == "closed":
        studio.tasks.close(identifier)
    elif to == "open":
        studio.tasks.reopen(identifier)
    elif to == "deleted" and text(request, "sure") != "yes":
        return show(request, "label_delete.html.j2", area=AREA, task=found, results=read_results(studio.tasks, found))
    elif to == "deleted":
        studio.tasks.mark(identifier, deleted=True)
        return RedirectResponse(LIST, 303)
    return RedirectResponse(f"/label/{identifier}", 303)


def get_task(studio: Studio, identifier: str) -> Task:
    """The task of an identifier, with what its job has cut.

    Raises:
        MissingError: it is not there.
    """
    _take_in(studio, identifier)
    return existing(studio.tasks.get(identifier), "task", LIST)


def agreements(results: Results, *, points: bool) -> list[Agreed]:
    """Agreement in each pass.

    Args:
        results: of a task.
        points: whether single differences are drawn, which tell ratings.
    """
    return [_agreed(results, seen, results.agreement(seen), points=points) for seen in results.task.row.passes]


def _agreed(results: Results, seen: str, found: RaterAgreement, *, points: bool) -> Agreed:
    scale, pairs = results.task.scale, []
    shared = ((key, one) for key, one in found.pairs.items() if len(one.differences) >= LEAST_SHARED)
    for (a, b), one in islice(shared, MOST_PAIRS):
        names = results.raters[a].name, results.raters[b].name
        levels = ((one.high, "+1.96 std", "limit"), (one.bias, "bias", "bias"), (one.low, "−1.96 std", "limit"))
        dots = list(zip(one.means.tolist(), one.differences.tolist(), strict=True)) if points else []
        figure = draw_scatter(dots, levels, (scale.low, scale.high), f"Differences of {names[0]} and {names[1]}")
        pairs.append((*names, len(one.differences), one.bias, one.low, one.high, figure))
    return Agreed(seen, found, tuple(pairs))


def _show(request: Request, identifier: str, template: str) -> Response:
    studio = studio_of(request)
    found = get_task(studio, identifier)
    results = read_results(studio.tasks, found)
    job = get_job(studio, found.row.job or "")
    progress = []
    for rater in results.raters:
        items, own = queue(found, rater), read_own(studio.tasks, identifier, rater.id)
        progress.append((rater, sum((one.seen, one.segment.id) in own for one in items), len(items)))
    return show(
        request,
        template,
        area=AREA,
        task=found,
        raters=progress,
        results=results,
        agreed=agreements(results, points=found.is_closed),
        passes=PASSES,
        job=None if job is None else view(studio, job),
        set_aside=count_set_aside(studio.tasks, identifier),
        disagreements=len(results.disagreements()) if found.is_closed else None,
        least=LEAST_SHARED,
        extractors={"audio": AUDIO, "vision": VISION},
    )


def _take_in(studio: Studio, identifier: str) -> None:
    """Take in what the job of a task has cut, once it is done."""
    row = studio.tasks.get_row(identifier)
    if row is None or row.state != "cutting" or row.job is None:
        return
    job = get_job(studio, row.job)
    if job is not None and job.state == "done" and job.result is not None:
        studio.tasks.open_cut(identifier, job.result)


def _form(
    request: Request, *, q: str = "", chosen: list[str] | None = None, error: UserError | None = None
) -> Response:
    studio, given = studio_of(request), request.state.form
    rows = studio.recordings.find(chosen) if chosen else []
    if len(rows) < 2 or error is not None:
        newest, _ = studio.recordings.page(q, 0, NEWEST)
        rows = [*rows, *(row for row in newest if row.id not in {one.id for one in rows})]
    return show(
        request,
        "label_new.html.j2",
        area=AREA,
        status=200 if error is None else 422,
        rows=[row for row in rows if row.kind != "text"],
        chosen=set(chosen or ()),
        q=q,
        error=error,
        given=given,
        ticked=texts(request, "pass") or ["full"],
        scales={name: Scale.of_steps(name).title for name in STEPS},
        passes=PASSES,
        fields=_fields(),
    )


def _fields() -> list[Field]:
    return [field for field in fields_of(Options()) if field.name in SHOWN]


def _item(studio: Studio, row: RecordingRow, said: RecordingRow | None) -> dict[str, Any]:
    transcript = None if said is None else studio.recordings.path(said)
    item = CutItem(id=row.id, name=clean_name(row.name), file=studio.recordings.path(row), transcript=transcript)
    return item.model_dump()
