"""Pages: Recordings, one recording, the bin."""

from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from sentiprism.analysis.options import Options
from sentiprism.config import override
from sentiprism.errors import UserError
from sentiprism.models.artifact import STARTER
from sentiprism.report.page.playable import media_type
from sentiprism.studio.fields import Field, assignments, fields_of, refuse_path
from sentiprism.studio.folders import ReportFolder, RunFolder, summarise_report
from sentiprism.studio.jobs.kinds import AnalyzeJob, Item
from sentiprism.studio.reports import file_name
from sentiprism.studio.store.tables import ACTIVE, RecordingRow
from sentiprism.studio.web.forms import once, text, texts
from sentiprism.studio.web.job_views import list_jobs
from sentiprism.studio.web.pages import existing, show, show_error
from sentiprism.studio.web.state import Studio, studio_of
from sentiprism.web.uploads import clean_name

router = APIRouter()
AREA, LIST = "recordings", "/recordings"
PAGE_SIZE = 50
LONGEST = 40
"""Characters of a model's name in the names of its reports."""
SHOWN = ("asr", "language", "language_mismatch", "face", "speakers", "longest", "pause")
"""Options of an analysis that the form has beside the model."""


@router.get("/recordings")
def recordings(request: Request, q: str = "", page: int = 0) -> Response:
    """The list, and what can be done with what is chosen in it."""
    studio = studio_of(request)
    page = min(max(page, 0), 10_000)
    rows, count = studio.recordings.page(q[:200], page, PAGE_SIZE)
    by_content = studio.folders.newest_reports()
    spoken = studio.recordings.recordings_of(rows)
    lines = [(row, _report(by_content.get(row.content)), spoken.get(row.id)) for row in rows]
    return show(
        request,
        "recordings.html.j2",
        area=AREA,
        lines=lines,
        count=count,
        q=q[:200],
        page=page,
        pages=-(-count // PAGE_SIZE),
        fields=option_fields(),
        models=list_models_of(studio),
        jobs=list_jobs(studio, "queued", *ACTIVE, kind="analyze"),
        others=_others(studio, by_content) if not q and page == 0 else [],
        collections=studio.collections.every(),
        binned=studio.recordings.count_bin(),
    )


@router.post("/recordings/analyze")
def analyze(request: Request) -> Response:
    """Queue an analysis of what is chosen."""
    return queue_analysis(request, studio_of(request).recordings.find(texts(request, "recording")), AREA, LIST)


def queue_analysis(request: Request, rows: list[RecordingRow], area: str, back: str) -> Response:
    """Queue an analysis of recordings by the model and options of a form, and show the job.

    Args:
        request: with the form.
        rows: recordings.
        area: of the navigation, for an error's page.
        back: address of the form.
    """
    studio = studio_of(request)
    if not rows:
        return show_error(request, UserError("no recording is chosen", "tick one in the list"), area=area, back=back)
    model, by = STARTER, ""
    if (chosen := text(request, "model", STARTER)) != STARTER:
        found = {identifier: (name, folder) for identifier, name, folder in list_models_of(studio)}
        name, folder = existing(found.get(chosen), "model", back)
        model, by = str(folder), f"-by-{file_name(name.partition(' (')[0])[-LONGEST:]}"
    given = {name: text(request, name) for name in SHOWN if name in request.state.form}
    try:
        changed = override({"model": model}, assignments(option_fields(), given))
        options = Options.parse(changed, "the options of the analysis")
        refuse_path(options.asr, "the speech recognition")
    except UserError as error:
        return show_error(request, error, area=area, back=back)
    items = _items(studio, rows, by)
    job = AnalyzeJob(items=items, options=options)
    title = f"Analyze {items[0].name}" if len(items) == 1 else f"Analyze {len(items)} recordings"
    asked = once(request, ([row.id for row in rows], options))
    identifier = studio.runner.add("analyze", title, job.model_dump(mode="json"), studio.workspace, once=asked)
    return RedirectResponse(f"/jobs/{identifier}", 303)


@router.post("/recordings/delete")
def delete(request: Request) -> Response:
    """Move what is chosen to the bin."""
    studio_of(request).recordings.delete(texts(request, "recording"))
    return RedirectResponse(LIST, 303)


@router.get("/recordings/bin")
def show_bin(request: Request) -> Response:
    """What was deleted."""
    return show(request, "bin.html.j2", area=AREA, rows=studio_of(request).recordings.bin(), sure=False)


@router.post("/recordings/restore")
def restore(request: Request) -> Response:
    """Take what is chosen out of the bin."""
    studio_of(request).recordings.restore(texts(request, "recording"))
    return RedirectResponse("/recordings/bin", 303)


@router.post("/recordings/bin/empty")
def empty_bin(request: Request) -> Response:
    """Delete for good, after the second question alone."""
    studio = studio_of(request)
    if text(request, "sure") != "yes":
        return show(request, "bin.html.j2", area=AREA, rows=studio.recordings.bin(), sure=True)
    studio.recordings.empty_bin()
    return RedirectResponse(LIST, 303)


@router.get("/recordings/{identifier}")
def recording(request: Request, identifier: str) -> Response:
    """One recording: its player, its reports, and what can be done."""
    studio = studio_of(request)
    row = existing(studio.recordings.get(identifier), "recording", LIST)
    found = [one for one in studio.folders.reports() if one.content == row.content]
    reports = [(one, entry) for one in found if (entry := summarise_report(one)) is not None]
    file = studio.recordings.path(row)
    there = file.is_file()  # not where another machine of the team has added it
    return show(
        request,
        "recording.html.j2",
        area=AREA,
        row=row,
        reports=reports,
        there=there,
        playable=there and row.kind != "text" and media_type(file) is not None,
        transcript=studio.recordings.transcripts_of([row]).get(row.id),
        fields=option_fields(),
        models=list_models_of(studio),
    )


@router.get("/recordings/{identifier}/media")
def media(request: Request, identifier: str) -> Response:
    """The file itself, in parts where the player asks for them."""
    studio = studio_of(request)
    row = existing(studio.recordings.get(identifier), "recording", LIST)
    return send_media(studio.recordings.path(row), row.name)


def send_media(path: Path, name: str) -> Response:
    """Send a recording as what its content is; never as a page."""
    kind = media_type(path) if path.is_file() else None
    if kind is None:
        return Response("Browsers do not play this file.", 415, media_type="text/plain")
    return FileResponse(path, media_type=kind, filename=file_name(name), content_disposition_type="inline")


def option_fields() -> list[Field]:
    """Options of an analysis that a form has beside the model."""
    whole = fields_of(Options())
    return [field for field in whole if field.name in SHOWN]


def list_models_of(studio: Studio) -> list[tuple[str, str, Path]]:
    """Models that were saved by themselves, then those of finished runs: identifier, name, folder."""
    saved = [
        (one.id, f"{one.name} (adapted from {one.base})" if one.base else f"{one.name} ({one.model})", one.folder)
        for one in studio.folders.models()
    ]
    return saved + [
        (run.id, f"{run.name} ({run.model} on {run.dataset})", model)
        for run in studio.folders.runs()
        if (model := _model(run))
    ]


def _model(run: RunFolder) -> Path | None:
    return (
        next((path for path in sorted(run.folder.glob("seed-*/model")) if path.is_dir()), None)
        if run.finished
        else None
    )


def _report(found: ReportFolder | None) -> object:
    return None if found is None else (found, summarise_report(found))


def _others(studio: Studio, by_content: Mapping[str, ReportFolder]) -> list[object]:
    """Reports of recordings that are not among the studio's: the command line's."""
    known = studio.recordings.contents()
    found = [one for content, one in by_content.items() if content not in known]
    shown = [(one, summarise_report(one)) for one in found[:PAGE_SIZE]]
    return [(one, entry) for one, entry in shown if entry is not None]


def _items(studio: Studio, rows: list[RecordingRow], by: str) -> tuple[Item, ...]:
    """Recordings with their transcripts, and where their reports by a model go."""
    said = studio.recordings.transcripts_of(rows)
    words = {one.id for one in said.values()}
    known = studio.folders.reports_by_folder()
    taken: set[Path] = set()
    items = []
    for row in rows:
        if row.id in words:  # the words of another one are no text by themselves
            continue
        folder = _report_folder(studio, row, by, known, taken)
        taken.add(folder)
        text_row = said.get(row.id)
        transcript = None if text_row is None else studio.recordings.path(text_row)
        file = studio.recordings.path(row)
        items.append(Item(id=row.id, name=clean_name(row.name), file=file, report=folder, transcript=transcript))
    return tuple(items)


def _report_folder(
    studio: Studio, row: RecordingRow, by: str, known: Mapping[Path, ReportFolder], taken: set[Path]
) -> Path:
    """Below ``reports``, under the names of recording and model, or a longer one where that is another's."""
    stem = f"{file_name(row.name)}{by}"
    for name in (stem, f"{stem}-{row.id[:6]}"):
        folder = Path("reports") / name
        place = studio.workspace / folder
        there = known.get(place)
        if folder not in taken and (not place.exists() or (there is not None and there.content == row.content)):
            return folder
    return Path("reports") / f"{stem}-{row.id}"
