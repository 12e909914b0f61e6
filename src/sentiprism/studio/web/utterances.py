"""Pages: utterances of a dataset, one utterance, its recording."""

from collections.abc import Mapping
from math import ceil, isfinite
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sentiprism.data.dataset import Card, Dataset, Utterance
from sentiprism.data.find import Place, UtteranceFilter, count_words, find_utterances
from sentiprism.errors import UserError
from sentiprism.reading import parse_number
from sentiprism.report.page.playable import media_type
from sentiprism.studio.dataset_charts import MOST_CURVES, draw_curves
from sentiprism.studio.datasets import StoredDataset, find_recording, lacks_times, open_stored
from sentiprism.studio.folders import RunFolder
from sentiprism.studio.web.data import AREA, dataset_of, finished_runs
from sentiprism.studio.web.pages import existing, show
from sentiprism.studio.web.recordings import send_media
from sentiprism.studio.web.state import Studio, studio_of

router = APIRouter()
PAGE_SIZE = 50
MOST_TEXT = 400
"""Characters of a text in the list; the page of an utterance has all of it."""


class Line(NamedTuple):
    """An utterance in the list."""

    place: Place
    id: str
    text: str
    label: str
    lengths: tuple[int, ...]
    """Words of the text, then steps of each sequence; 0 = missing."""
    prediction: str
    difference: float | None


class Chosen(NamedTuple):
    """A run whose predictions are shown."""

    run: RunFolder
    prediction: Mapping[str, Any]
    difference: Mapping[str, Any] | None
    """None where the run has not predicted this dataset."""


class Selection(NamedTuple):
    """What the address asks for."""

    wanted: UtteranceFilter
    given: dict[str, str]
    """As the form shows it."""
    chosen: Chosen | None
    places: list[Place]

    @property
    def query(self) -> str:
        """For links that keep it."""
        return urlencode(self.given)


@router.get("/data/{identifier}/utterances")
def utterances(request: Request, identifier: str, page: int = 0) -> Response:
    """Utterances that fit a filter."""
    studio = studio_of(request)
    found, card = dataset_of(identifier)
    opened = open_stored(found.name)
    error = None
    try:
        selection = _select(studio, request, found, opened)
    except UserError as fault:
        error = fault
        selection = Selection(UtteranceFilter(), _given(request), None, [])
    pages = max(ceil(len(selection.places) / PAGE_SIZE), 1)
    page = min(max(page, 0), pages - 1)
    shown = selection.places[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]
    return show(
        request,
        "utterances.html.j2",
        area=AREA,
        status=200 if error is None else 422,
        found=found,
        card=card,
        selection=selection,
        error=error,
        lines=[_line(opened, found, place, selection.chosen) for place in shown],
        runs=finished_runs(studio, found.name),
        page=page,
        pages=pages,
    )


@router.get("/data/{identifier}/utterances/{split}/{number}")
def utterance(request: Request, identifier: str, split: str, number: int, first: int = 0) -> Response:
    """One utterance: text, features over time, recording."""
    studio = studio_of(request)
    found, card = dataset_of(identifier)
    opened = open_stored(found.name)
    one = _utterance(opened, split, number)
    selection = _select(studio, request, found, opened)
    media = find_recording(found.name, one, studio.recordings)
    kind = media_type(media.path) if media is not None else None
    place = Place(split, number)
    at = selection.places.index(place) if place in selection.places else None
    first = max(first, 0)
    features = [
        draw_curves(name, steps, card, first=first - first % MOST_CURVES)
        for name, steps in one.sequences.items()
        if name in card.widths
    ]
    return show(
        request,
        "utterance.html.j2",
        area=AREA,
        found=found,
        card=card,
        utterance=one,
        place=place,
        line=_line(opened, found, place, selection.chosen),
        labels={name: _label(card, value) for name, value in one.labels.items()},
        media=media if kind is not None else None,
        lacks_times=lacks_times(found.name, card),
        kind="video" if kind is not None and kind.startswith("video") else "audio",
        features=features,
        selection=selection,
        at=at,
        before=selection.places[at - 1] if at else None,
        after=selection.places[at + 1] if at is not None and at + 1 < len(selection.places) else None,
        first=first,
        step=MOST_CURVES,
    )


@router.get("/data/{identifier}/utterances/{split}/{number}/media")
def media(request: Request, identifier: str, split: str, number: int) -> Response:
    """The recording of an utterance, in parts where the player asks for them."""
    found, _ = dataset_of(identifier)
    one = _utterance(open_stored(found.name), split, number)
    place = existing(find_recording(found.name, one, studio_of(request).recordings), "recording", _list(found))
    return send_media(place.path, place.name)


def _utterance(opened: Dataset, split: str, number: int) -> Utterance:
    """The utterance of an address."""
    try:
        return opened.split(split).utterance(number)
    except UserError:
        return existing(None, "utterance", "/data")


def _list(found: StoredDataset) -> str:
    return f"/data/{found.id}/utterances"


def _given(request: Request) -> dict[str, str]:
    """Fields of the filter that are filled in."""
    names = [*UtteranceFilter.model_fields, "run"]
    return {name: value[:200] for name in names if (value := request.query_params.get(name, "").strip())}


def _select(studio: Studio, request: Request, found: StoredDataset, opened: Dataset) -> Selection:
    given = _given(request)
    values: dict[str, Any] = {name: value for name, value in given.items() if name != "run"}
    for name in ("low", "high", "difference", "shortest", "longest"):
        if name in values:
            values[name] = _number(name, values[name], whole=name in {"shortest", "longest"})
    chosen = _chosen(studio, given.get("run", ""), found, opened)
    if chosen is None or chosen.difference is None:
        values.pop("difference", None)
    wanted = UtteranceFilter.parse(values, "the filter")
    return Selection(wanted, given, chosen, find_utterances(opened, wanted, chosen and chosen.difference))


def _number(name: str, value: str, *, whole: bool) -> float | int:
    try:
        found = parse_number(value)
        return int(found) if whole else found
    except (ValueError, OverflowError):
        raise UserError(f"{name} is {value!r}", "write a number, or leave it empty") from None


def _chosen(studio: Studio, identifier: str, found: StoredDataset, opened: Dataset) -> Chosen | None:
    from sentiprism.evaluation.disagreement import read_disagreement

    run = next((one for one in finished_runs(studio, found.name) if one.id == identifier), None)
    if run is None:
        return None
    made = read_disagreement(run.folder, opened)
    return Chosen(run, {}, None) if made is None else Chosen(run, made.prediction, made.difference)


def _line(opened: Dataset, found: StoredDataset, place: Place, chosen: Chosen | None) -> Line:
    split, n = opened.split(place.split), place.number
    text = (split.texts[n] if split.texts is not None else None) or ""
    steps = [int(split.sequences[name].lengths[n]) if name in split.sequences else 0 for name in found.sequences]
    prediction, difference = "", None
    if chosen is not None and chosen.difference is not None:
        value = float(chosen.prediction[place.split][n])
        if isfinite(value):  # the run has predicted it
            prediction, difference = _label(opened.card, value), float(chosen.difference[place.split][n])
    shown = text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"
    label = _label(opened.card, split.labels["M"][n].item())
    return Line(place, str(split.ids[n]), shown, label, (count_words(text), *steps), prediction, difference)


def _label(card: Card, value: float) -> str:
    """A label or prediction in the words of the dataset."""
    if card.target.kind == "classes":
        return card.target.classes[int(value)]
    return f"{value:.3g}".replace("-", "−")
