"""Pages: Collections, one collection, its table of attributes."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sentiprism.errors import UserError
from sentiprism.studio.collections import MOST_ATTRIBUTES
from sentiprism.studio.store.tables import ACTIVE
from sentiprism.studio.web.collection_views import LIST, CollectionView, compare_collection, view_collection
from sentiprism.studio.web.forms import MOST_FIELDS, once, text, texts
from sentiprism.studio.web.job_views import list_jobs
from sentiprism.studio.web.pages import existing, show, show_error
from sentiprism.studio.web.recordings import list_models_of, option_fields, queue_analysis
from sentiprism.studio.web.state import studio_of
from sentiprism.study.attribute_table import MOST_TOLD, AttributeTable, read_table
from sentiprism.study.charts import Small, draw_small, group_colours
from sentiprism.study.study import Study

router = APIRouter()
AREA = "collections"
SMALLS = 48
"""Small curves on a page."""
ROWS = 50
"""Rows of the table of attributes on a page; fewer where there are many attributes."""
CELL = "cell"
"""Beginning of a cell's name in the form."""


@router.get(LIST)
def collections(request: Request) -> Response:
    """All collections, and a form for a new one."""
    return show(request, "collections.html.j2", area=AREA, collections=studio_of(request).collections.every())


@router.post(f"{LIST}/add")
def add(request: Request) -> Response:
    """Put recordings into a collection, which is made where none is chosen."""
    studio = studio_of(request)
    chosen, name, search = text(request, "collection"), text(request, "name"), text(request, "q")
    try:
        if not chosen:
            asked = once(request, ("collection", name)) if text(request, "once") else None
            chosen = studio.collections.create(name, once=asked)
        existing(studio.collections.get(chosen), "collection", LIST)
        if "q" in request.state.form:
            studio.collections.add_matching(chosen, search[:200])
        studio.collections.add(chosen, texts(request, "recording"))
    except UserError as error:
        return show_error(request, error, area=AREA, back=LIST)
    return RedirectResponse(f"{LIST}/{chosen}", 303)


@router.get(f"{LIST}/{{identifier}}")
def collection(request: Request, identifier: str, by: str = "", measure: str = "", page: int = 0) -> Response:
    """A collection: sentiment by group and over time, comparisons, a small curve for each recording."""
    studio = studio_of(request)
    view = view_collection(studio, identifier)
    if not by and "by" not in request.query_params:
        by = next(iter(view.used_attributes), "")
    compared = compare_collection(studio, view, by, measure)
    study = compared.study
    pages = -(-len(view.members) // SMALLS)
    page = min(max(page, 0), max(pages - 1, 0))
    return show(
        request,
        "collection.html.j2",
        area=AREA,
        view=view,
        compared=compared,
        study=study,
        smalls=_smalls(view, study, page),
        page=page,
        pages=pages,
        models=list_models_of(studio),
        fields=option_fields(),
        jobs=list_jobs(studio, "queued", *ACTIVE, kind="analyze"),
        sure="sure" in request.query_params,
    )


@router.post(f"{LIST}/{{identifier}}/analyze")
def analyze(request: Request, identifier: str) -> Response:
    """Queue an analysis of all recordings that have no report yet."""
    studio = studio_of(request)
    missing = [one.row.id for one in view_collection(studio, identifier).missing]
    return queue_analysis(request, studio.recordings.find(missing), AREA, f"{LIST}/{identifier}")


@router.get(f"{LIST}/{{identifier}}/attributes")
def attributes(request: Request, identifier: str, page: int = 0, q: str = "") -> Response:
    """The table of attributes."""
    return _show_table(request, identifier, page=page, search=q)


@router.post(f"{LIST}/{{identifier}}/attributes")
def save(request: Request, identifier: str) -> Response:
    """Keep the cells of the table that were changed."""
    studio = studio_of(request)
    existing(studio.collections.get(identifier), "collection", LIST)
    changed = studio.collections.set_values(identifier, _cells(request))
    return _show_table(request, identifier, page=_page(request), search=text(request, "q"), saved=changed)


@router.post(f"{LIST}/{{identifier}}/set")
def set_for_chosen(request: Request, identifier: str) -> Response:
    """Give one attribute one value for what is chosen, or take what is chosen out of the collection."""
    studio = studio_of(request)
    existing(studio.collections.get(identifier), "collection", LIST)
    chosen, values = texts(request, "recording"), _cells(request)  # what was typed before is kept
    if text(request, "action") != "remove":
        for one in chosen:
            values.setdefault(one, {})[text(request, "attribute")] = text(request, "value")
    saved = studio.collections.set_values(identifier, values)
    if text(request, "action") == "remove":
        studio.collections.remove(identifier, chosen)
    return _show_table(request, identifier, page=_page(request), search=text(request, "q"), saved=saved)


@router.post(f"{LIST}/{{identifier}}/table")
def take_table(request: Request, identifier: str) -> Response:
    """Take attributes from a table that was pasted, and tell which rows match no recording."""
    studio = studio_of(request)
    existing(studio.collections.get(identifier), "collection", LIST)
    try:
        known = [(one.row.id, one.row.name) for one in studio.collections.members(identifier)]
        table = read_table(text(request, "table"), known)
        kept = {name: studio.collections.add_attribute(identifier, name) for name in table.names}
    except UserError as error:
        return show_error(request, error, area=AREA, back=f"{LIST}/{identifier}/attributes")
    values = {recording: {kept[name]: value for name, value in own.items()} for recording, own in table.values.items()}
    studio.collections.set_values(identifier, values)
    return _show_table(request, identifier, table=table)


@router.post(f"{LIST}/{{identifier}}/settings")
def settings(request: Request, identifier: str) -> Response:
    """Rename a collection, or add or remove an attribute."""
    studio = studio_of(request)
    existing(studio.collections.get(identifier), "collection", LIST)
    try:
        if name := text(request, "name"):
            studio.collections.rename(identifier, name)
        if added := text(request, "add"):
            studio.collections.add_attribute(identifier, added)
        if removed := text(request, "remove"):
            studio.collections.remove_attribute(identifier, removed)
    except UserError as error:
        return show_error(request, error, area=AREA, back=f"{LIST}/{identifier}/attributes")
    return RedirectResponse(f"{LIST}/{identifier}/attributes", 303)


@router.post(f"{LIST}/{{identifier}}/delete")
def delete(request: Request, identifier: str) -> Response:
    """Delete a collection, after the second question alone."""
    studio = studio_of(request)
    existing(studio.collections.get(identifier), "collection", LIST)
    if text(request, "sure") != "yes":
        return RedirectResponse(f"{LIST}/{identifier}?sure=", 303)
    studio.collections.delete(identifier)
    return RedirectResponse(LIST, 303)


def _show_table(
    request: Request,
    identifier: str,
    *,
    page: int = 0,
    search: str = "",
    saved: int | None = None,
    table: AttributeTable | None = None,
) -> Response:
    studio = studio_of(request)
    row = existing(studio.collections.get(identifier), "collection", LIST)
    search = search[:200]
    members = studio.collections.members(identifier)
    found = [one for one in members if search.casefold() in one.row.name.casefold()]
    size = min(ROWS, (MOST_FIELDS - 20) // (len(row.attributes) + 1))
    pages = -(-len(found) // size)
    page = min(max(page, 0), max(pages - 1, 0))
    return show(
        request,
        "attributes.html.j2",
        area=AREA,
        row=row,
        count=len(members),
        found=len(found),
        members=found[page * size : (page + 1) * size],
        page=page,
        pages=pages,
        q=search,
        saved=saved,
        table=table,
        most_told=MOST_TOLD,
        room=len(row.attributes) < MOST_ATTRIBUTES,
        known={name: sorted({one.attributes[name] for one in members if name in one.attributes})[:100]
               for name in row.attributes},
    )  # fmt: skip


def _cells(request: Request) -> dict[str, dict[str, str]]:
    """Cells of the table that were sent, by recording and attribute."""
    found: dict[str, dict[str, str]] = {}
    for key in request.state.form:
        kind, _, rest = key.partition(":")
        recording, _, name = rest.partition(":")
        if kind == CELL:
            found.setdefault(recording, {})[name] = text(request, key)
    return found


def _page(request: Request) -> int:
    given = text(request, "page")
    return int(given[:6]) if given.isascii() and given.isdigit() else 0


def _smalls(view: CollectionView, study: Study | None, page: int) -> list[tuple[Small | None, str, str]]:
    """Of the recordings on a page: small curve, name and address of each."""
    if study is None:
        return []
    known = {one.recording: one for one in view.observations}
    colours = group_colours(study)
    found: list[tuple[Small | None, str, str]] = []
    for member in view.members[page * SMALLS : (page + 1) * SMALLS]:
        one = known.get(member.row.id)
        report = view.reports.get(member.row.id)
        link = f"/recordings/{member.row.id}" if report is None else f"/reports/{report.id}"
        found.append((one and draw_small(one, study, colours), member.row.name, link))
    return found
