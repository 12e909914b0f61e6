"""Page: feature extractors, and extracting a dataset from recordings."""

import os
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sentiprism.analysis.cuts import COLUMNS, read_cuts
from sentiprism.analysis.recording import NONE, ExtractOptions
from sentiprism.config import override
from sentiprism.data.clips import load_clips, name_recordings
from sentiprism.data.dataset import Card
from sentiprism.data.importers.columns import read_columns
from sentiprism.data.known import describe
from sentiprism.errors import UserError
from sentiprism.features.cache import usage
from sentiprism.features.learned.create import LEARNED
from sentiprism.features.overview import ExtractorFacts, list_extractors
from sentiprism.studio.datasets import find_clip, find_stored, list_stored
from sentiprism.studio.fields import Field, assignments, fields_of, refuse_path
from sentiprism.studio.jobs.kinds import ExtractJob
from sentiprism.studio.store.tables import ACTIVE
from sentiprism.studio.web.data import queue_job
from sentiprism.studio.web.forms import text
from sentiprism.studio.web.import_data import read_new_dataset
from sentiprism.studio.web.job_views import list_jobs
from sentiprism.studio.web.pages import existing, show
from sentiprism.studio.web.state import Studio, studio_of

router = APIRouter()
AREA, PAGE = "features", "/features"
SHOWN = {
    "per": ("Step", "A frame of the track, the mean over a word, or the mean over the utterance."),
    "relative": ("Relative to rest", "Subtract the person's resting level, the median over a video."),
    "face": ("Face", "If several are visible: the one whose lips move with the sound, or the longest visible one."),
    "text": ("Text", "given: the table's column text; recognised: by Whisper."),
    "asr": ("Speech recognition", "Whisper model by name, for recognition and for the times of words."),
}
"""Label and help of the options beside the extractors."""


@router.get(PAGE)
def page(request: Request) -> Response:
    """Extractors, what is cached, and a form."""
    return _show(request, {})


@router.post(PAGE)
def start(request: Request) -> Response:
    """Queue the extraction that a form describes, or show the form again with what is wrong."""
    studio = studio_of(request)
    given = {name: text(request, name) for name in request.state.form}
    try:
        options = _options(given)
        job = (
            _of_dataset(studio, given, options) if given.get("kind") == "dataset" else _of_table(studio, given, options)
        )
    except UserError as error:
        return _show(request, given, error)
    return queue_job(request, "extract", f"Extract {job.dataset.name}", job)


def _show(request: Request, given: dict[str, str], error: UserError | None = None) -> Response:
    studio = studio_of(request)
    found = list_extractors()
    _, recordings = studio.recordings.page("", 0, 1)
    return show(
        request,
        "features.html.j2",
        area=AREA,
        status=200 if error is None else 422,
        extractors=found,
        learned={kind.modality: (name, kind.example) for name, kind in LEARNED.items()},
        choices={modality: _choices(found, modality) for modality in ("audio", "vision")},
        cache=usage(),
        files=studio.data_files.list(),
        datasets=[one for one in list_stored() if load_clips(one.name)],
        recordings=recordings,
        collections=studio.collections.every(),
        jobs=list_jobs(studio, "queued", *ACTIVE, kind="extract"),
        fields=_fields(),
        given=given,
        error=error,
    )


def _choices(found: list[ExtractorFacts], modality: str) -> list[str]:
    names = [one.name for one in found if one.modality == modality]
    return [*names, *(name for name, kind in LEARNED.items() if kind.modality == modality), NONE]


def _fields() -> list[Field]:
    found = {field.name: field for field in fields_of(ExtractOptions())}
    return [found[name]._replace(label=label, help=words) for name, (label, words) in SHOWN.items()]


def _options(given: dict[str, str]) -> ExtractOptions:
    """Extractors and options of a form."""
    chosen = {modality: _extractor(given, modality) for modality in ("audio", "vision")}
    values = override(chosen, assignments(_fields(), {name: given[name] for name in SHOWN if name in given}))
    options = ExtractOptions.parse(values, "the options")
    refuse_path(options.asr, "the speech recognition")
    if options.audio == options.vision == NONE:
        raise UserError("neither audio nor vision features are chosen", "choose an extractor")
    return options


def _extractor(given: dict[str, str], modality: str) -> str:
    name = given.get(modality, NONE)
    if name not in _choices(list_extractors(), modality):
        raise UserError(f"no {modality} extractor is called {name!r}", "choose one of the list")
    if name in LEARNED:
        network = given.get(f"{modality}_network", "")
        refuse_path(network, f"the {modality} network")
        return f"{name}:{network}"
    return name


def _of_table(studio: Studio, given: dict[str, str], options: ExtractOptions) -> ExtractJob:
    """Recordings that a table of labels names."""
    file = studio.data_files.get(given.get("labels", ""))
    if file is None or file.suffix != ".csv":
        raise UserError("no table of labels is chosen", "add it above, then choose it")
    new = read_new_dataset(studio, given)
    labels = studio.data_files.path(file)
    official = describe(new.name) is not None
    folds = Path(new.folds) if new.folds is not None and os.path.isabs(new.folds) else new.folds
    table = read_columns({"": labels}, new.columns, folds, [], also=COLUMNS, official=official)
    recordings = _named(studio, given.get("collection", ""), set(read_cuts(table, labels, [])))
    if not recordings:
        first = next(iter(table["id"]))
        raise UserError(f"{file.name} names no recording that is here", f"add recordings under names such as {first}")
    return ExtractJob(
        dataset=new, options=options, recordings=recordings, labels=labels, allow_missing=_may_miss(given)
    )


def _may_miss(given: dict[str, str]) -> bool:
    return given.get("allow_missing") == "yes"


def _named(studio: Studio, collection: str, names: set[str]) -> dict[str, Path]:
    """Recordings of the studio, or of a collection, by name, if a table has the name with or without its suffix."""
    rows, _ = studio.recordings.page("", 0, 100_000)  # more than there can be
    if collection:
        existing(studio.collections.get(collection), "collection", PAGE)
        rows = studio.recordings.find(one.row.id for one in studio.collections.members(collection))
    found: dict[str, Path] = {}
    for row in sorted(rows, key=lambda row: row.added):  # of two with one name, the newer
        path = studio.recordings.path(row)
        if {row.name, os.path.splitext(row.name)[0]} & names and row.kind != "text" and path.is_file():
            found[row.name] = path
    return found


def _of_dataset(studio: Studio, given: dict[str, str], options: ExtractOptions) -> ExtractJob:
    """The recordings of a dataset that was extracted from them, with its labels."""
    source = existing(find_stored(given.get("source", "")), "dataset", PAGE)
    clips = load_clips(source.name)
    if not clips or source.card is None:
        raise UserError(f"{source.name} was not extracted from recordings", "choose another dataset")
    new = read_new_dataset(studio, {**_scale(source.card), **{name: value for name, value in given.items() if value}})
    recordings: dict[str, Path] = {}
    by_file = {clip.file: clip for clip in clips.values()}
    for file, name in name_recordings(clips).items():
        path = find_clip(by_file[file], studio.recordings)
        if path is not None:
            recordings[name] = path
    return ExtractJob(
        dataset=new, options=options, recordings=recordings, source=source.name, allow_missing=_may_miss(given)
    )


def _scale(card: Card) -> dict[str, str]:
    """Labels and language of a dataset, as a form has them."""
    if card.target.kind == "classes":
        return {"classes": ",".join(card.target.classes), "language": card.language}
    return {"low": repr(card.target.low), "high": repr(card.target.high), "language": card.language}
