"""Downloads of a collection: tidy tables, and a page to share."""

from collections.abc import Iterator
from itertools import chain

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sentiprism.errors import UserError
from sentiprism.report.analysis import Analysis
from sentiprism.report.measurements import COLUMNS, MARK, csv_parts, rows_of
from sentiprism.studio.collections import Member
from sentiprism.studio.folders import open_report
from sentiprism.studio.reports import file_name
from sentiprism.studio.web.collection_views import LIST, CollectionView, compare_collection, view_collection
from sentiprism.studio.web.pages import show_error
from sentiprism.studio.web.state import studio_of
from sentiprism.study.page import render_study
from sentiprism.study.tables import (
    RECORDING,
    SECOND,
    measurement_columns,
    recording_table,
    second_rows,
    utterance_columns,
    utterance_rows,
)

router = APIRouter()
CSV = "text/csv; charset=utf-8"
NOTHING = UserError("no recording of the collection is analysed", "analyze them first")


@router.get(f"{LIST}/{{identifier}}/recordings.csv")
def recordings(request: Request, identifier: str) -> Response:
    """One row a recording."""
    view = view_collection(studio_of(request), identifier)
    known = {one.recording: one.summary for one in view.observations}
    rows = [(one.row.name, one.attributes, known.get(one.row.id)) for one in view.members]
    columns, body = recording_table(rows, view.row.attributes)
    made = MARK + "".join(csv_parts(columns, [body]))
    return Response(made, media_type=CSV, headers=_download(view, "recordings.csv"))


@router.get(f"{LIST}/{{identifier}}/utterances.csv")
def utterances(request: Request, identifier: str) -> Response:
    """One row an utterance."""
    view = view_collection(studio_of(request), identifier)
    names = view.row.attributes
    columns = next((utterance_columns(analysis) for _, analysis in _analyses(view)), [])
    parts = (
        utterance_rows(one.row.name, one.attributes, names, analysis, columns) for one, analysis in _analyses(view)
    )
    lines = chain([MARK], csv_parts([RECORDING, *names, *columns], parts))
    return StreamingResponse(lines, media_type=CSV, headers=_download(view, "utterances.csv"))


@router.get(f"{LIST}/{{identifier}}/seconds.csv")
def seconds(request: Request, identifier: str) -> Response:
    """One row a second."""
    view = view_collection(studio_of(request), identifier)
    names = view.row.attributes
    parts = (second_rows(one.row.name, one.attributes, names, analysis) for one, analysis in _analyses(view))
    lines = chain([MARK], csv_parts([RECORDING, *names, *SECOND], parts))
    return StreamingResponse(lines, media_type=CSV, headers=_download(view, "seconds.csv"))


@router.get(f"{LIST}/{{identifier}}/measurements.csv")
def measurements(request: Request, identifier: str) -> Response:
    """One row a measurement."""
    view = view_collection(studio_of(request), identifier)
    names = view.row.attributes
    parts = (
        rows_of(analysis, [one.row.name, *(one.attributes.get(name) for name in names)])
        for one, analysis in _analyses(view)
    )
    lines = chain([MARK], csv_parts([*measurement_columns(names), *COLUMNS], parts))
    return StreamingResponse(lines, media_type=CSV, headers=_download(view, "measurements.csv"))


@router.get(f"{LIST}/{{identifier}}/page.html")
def page(request: Request, identifier: str, by: str = "", measure: str = "", names: str = "") -> Response:
    """One page with everything in it, as a download; files are not named unless it is asked for."""
    studio = studio_of(request)
    view = view_collection(studio, identifier)
    compared = compare_collection(studio, view, by, measure)
    if compared.study is None:
        return show_error(request, compared.error or NOTHING, area="collections", back=f"{LIST}/{identifier}")
    known = {one.row.id: one.row.name for one in view.members} if names == "yes" else {}
    made = render_study([compared.study], view.row.name, view.observations, known)
    return Response(made, media_type="text/html; charset=utf-8", headers=_download(view, "study.html"))


def _analyses(view: CollectionView) -> Iterator[tuple[Member, Analysis]]:
    for one in view.members:
        report = view.reports.get(one.row.id)
        analysis = None if report is None else open_report(report)
        if analysis is not None:
            yield one, analysis


def _download(view: CollectionView, name: str) -> dict[str, str]:
    """Headers by which a browser saves the file and never shows it as a page."""
    return {"Content-Disposition": f'attachment; filename="{file_name(view.row.name)}-{name}"'}
