"""Pages: disagreements, decisions, and what becomes of the labels."""

from collections.abc import Callable
from hashlib import sha256
from secrets import token_hex

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sentiprism.cli.options import AUDIO, VISION
from sentiprism.data.store import check_store
from sentiprism.errors import UserError, shorten, suggest
from sentiprism.files import make_folder, write_text
from sentiprism.report.page.playable import media_type
from sentiprism.studio.jobs.label_kinds import AdaptJob, ExtractLabelsJob
from sentiprism.studio.labelling.export import Row, label_rows, rating_rows, utterance_names, write_rows
from sentiprism.studio.labelling.results import RULES, Results, decide, decide_rest, read_results
from sentiprism.studio.labelling.scales import PASSES
from sentiprism.studio.reports import file_name
from sentiprism.studio.store.label_tables import LabelRecordingRow
from sentiprism.studio.web.forms import once, text
from sentiprism.studio.web.label import AREA, get_task
from sentiprism.studio.web.pages import existing, show, show_error
from sentiprism.studio.web.state import Studio, studio_of

router = APIRouter()
MOST = 200
"""Utterances in the list of disagreements."""
NONE = "none"
LONGEST = 40
"""Characters of a task's name in the name of its model."""
FILES = ("labels.csv", "ratings.csv", "history.csv")


@router.get("/label/{identifier}/disagreements")
def disagreements(request: Request, identifier: str) -> Response:
    """Utterances by how far their ratings are apart."""
    results = _closed(studio_of(request), identifier)
    known = {one.id: one for one in results.task.segments}
    keys = results.disagreements()
    lines = [(key, known[key[1]], results.values(key), results.spread(key), results.label(key)) for key in keys[:MOST]]
    return show(
        request,
        "label_disagreements.html.j2",
        area=AREA,
        task=results.task,
        lines=lines,
        count=len(keys),
        names=utterance_names(results),
        passes=PASSES,
        rules={
            name: words for name, words in RULES.items() if (name == "majority") == bool(results.task.scale.classes)
        },
    )


@router.post("/label/{identifier}/rest")
def rest(request: Request, identifier: str) -> Response:
    """Set all labels that no person has set, by a rule."""
    studio = studio_of(request)
    back = f"/label/{identifier}/disagreements"
    try:
        given = text(request, "once") or token_hex(16)
        results = read_results(studio.tasks, get_task(studio, identifier))
        decide_rest(studio.tasks, results, text(request, "rule"), text(request, "who"), given)
    except UserError as error:
        return show_error(request, error, area=AREA, back=back)
    return RedirectResponse(back, 303)


@router.get("/label/{identifier}/decide/{seen}/{segment}")
def item(request: Request, identifier: str, seen: str, segment: str) -> Response:
    """One utterance with all its ratings, and the form of its label."""
    studio = studio_of(request)
    results = _closed(studio, identifier)
    task, key = results.task, (seen, segment)
    back = f"/label/{identifier}"
    found = existing(next((one for one in task.segments if one.id == segment), None), "utterance", back)
    existing(seen if seen in task.row.passes else None, "pass", back)
    row = studio.recordings.get(found.recording)
    keys = results.disagreements()
    place = keys.index(key) if key in keys else -1
    return show(
        request,
        "label_decide.html.j2",
        area=AREA,
        task=task,
        seen=seen,
        segment=found,
        row=row,
        playable=row is not None and media_type(studio.recordings.path(row)) is not None,
        name=utterance_names(results)[segment],
        given=[(one, results.ratings.get(key, {}).get(one.id)) for one in results.raters],
        label=results.label(key),
        following=keys[place + 1] if 0 <= place < len(keys) - 1 else None,
        before=keys[place - 1] if place > 0 else None,
        place=place + 1,
        count=len(keys),
        passes=PASSES,
        rules=RULES,
        none_value=NONE,
    )


@router.post("/label/{identifier}/decide/{seen}/{segment}")
def settle(request: Request, identifier: str, seen: str, segment: str) -> Response:
    """Store a label that a person has set."""
    studio = studio_of(request)
    task = get_task(studio, identifier)
    back = f"/label/{identifier}/decide/{seen}/{segment}"
    try:
        given = text(request, "value")
        if not given:
            raise UserError("no label is given", "give one, or tick “no label”")
        value = None if given == NONE else task.scale.parse_label(given)
        about = {name: text(request, name) for name in ("who", "comment", "once")}
        decide(studio.tasks, identifier, (seen, segment), value, about)
    except UserError as error:
        safe = back if seen in PASSES and segment.isalnum() else f"/label/{identifier}"
        return show_error(request, error, area=AREA, back=safe)
    following = text(request, "following").partition("/")
    if following[0] in task.row.passes and any(one.id == following[2] for one in task.segments):
        return RedirectResponse(f"/label/{identifier}/decide/{following[0]}/{following[2]}", 303)
    return RedirectResponse(f"/label/{identifier}/disagreements", 303)


@router.get("/label/{identifier}/files/{name}")
def table(request: Request, identifier: str, name: str, raters: str = "") -> Response:
    """A table of a closed task to download."""
    studio = studio_of(request)
    existing(name if name in FILES else None, "file", f"/label/{identifier}")
    results = _closed(studio, identifier)
    try:
        content = write_rows(_rows(studio, results, name, named=raters == "named"))
    except UserError as error:
        return show_error(request, error, area=AREA, back=f"/label/{identifier}")
    given = f"{file_name(f'{results.task.row.name}.csv')}-{name}"
    headers = {"Content-Disposition": f'attachment; filename="{given}"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/label/{identifier}/use")
def use(request: Request, identifier: str) -> Response:
    """Queue a job that makes a dataset of the labels, or adapts the starter to them."""
    studio = studio_of(request)
    back = f"/label/{identifier}"
    try:
        results = _closed(studio, identifier)
        what = text(request, "what")
        asked = once(request, (identifier, what, text(request, "dataset")))
        folder = studio.tasks.folder(identifier) / sha256(asked.encode()).hexdigest()[:16]
        labels, scale = folder / "labels.csv", results.task.scale
        given = {"clips": studio.recordings.folder, "labels": labels}
        content = write_rows(label_rows(results, _stored(studio)))
        span = {} if scale.classes else {"low": scale.low, "high": scale.high}
        if what == "adapt":
            if scale.classes:
                cause = "the labels are classes, and the starter predicts intensities"
                raise UserError(cause, "make a dataset, and train a model on it")
            out = f"models/{file_name(results.task.row.name)[:LONGEST]}-{token_hex(2)}"
            kind, title = "adapt", f"Adapt the starter to {results.task.row.name}"
            recordings = tuple(row.recording for row in results.task.recordings)
            adapted = {**given, **span, "out": out, "recordings": recordings}
            job = AdaptJob.parse(adapted, "the adaptation").model_dump(mode="json")
        else:
            name = text(request, "dataset")
            check_store(name)
            kind, title = "extract-labels", f"Make the dataset {name}"
            options = {"audio": _choice(request, "audio", AUDIO), "vision": _choice(request, "vision", VISION)}
            about = {"dataset": name, "classes": scale.classes, "options": options}
            made = ExtractLabelsJob.parse({**given, **span, **about}, "the dataset")
            job = made.model_dump(mode="json")
        make_folder(folder)
        write_text(labels, content)
    except UserError as error:
        return show_error(request, error, area=AREA, back=back)
    queued = studio.runner.add(kind, title, job, studio.workspace, once=asked)
    return RedirectResponse(f"/jobs/{queued}", 303)


def _choice(request: Request, name: str, choices: tuple[str, ...]) -> str:
    """A choice of a form, by default the first."""
    given = text(request, name) or choices[0]
    if given not in choices:
        raise UserError(f"no {name} extractor is called {shorten(given, 40)!r}", suggest(given, choices))
    return given


def _closed(studio: Studio, identifier: str) -> Results:
    """What the raters of a task have said.

    Raises:
        UserError: the task is not closed.
    """
    task = get_task(studio, identifier)
    if not task.is_closed:
        raise UserError("ratings are shown when a task is closed", "close it first: raters must be blind until then")
    return read_results(studio.tasks, task)


def _rows(studio: Studio, results: Results, name: str, *, named: bool) -> list[Row]:
    if name == "labels.csv":
        return label_rows(results, lambda row: row.name)
    return rating_rows(studio.tasks, results, named=named, history=name == "history.csv")


def _stored(studio: Studio) -> Callable[[LabelRecordingRow], str]:
    """Names of the files of recordings, as the studio stores them."""

    def name(row: LabelRecordingRow) -> str:
        found = studio.recordings.get(row.recording)
        return row.name if found is None else found.file

    return name
