"""Pages of raters: one utterance at a time, blind."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sentiprism.errors import UserError
from sentiprism.report.page.playable import media_type
from sentiprism.studio.labelling.rating import (
    Rating,
    StaleError,
    first_unrated,
    get_rater,
    queue,
    read_own,
    store_rating,
)
from sentiprism.studio.labelling.scales import PASSES
from sentiprism.studio.labelling.tasks import Task
from sentiprism.studio.store.label_tables import LabelRaterRow
from sentiprism.studio.web.forms import text
from sentiprism.studio.web.label import AREA, get_task
from sentiprism.studio.web.pages import existing, show, show_error
from sentiprism.studio.web.state import Studio, studio_of

router = APIRouter()
CANNOT_TELL = "none"
STALE = "This utterance was changed or rated in another window. Your rating was not stored; this is how it is now."


@router.get("/label/{identifier}/rate/{rater}")
def rate(request: Request, identifier: str, rater: str, at: int = -1) -> Response:
    """An utterance to rate: the first unrated one, or any place of the rater's own order."""
    studio = studio_of(request)
    task, own = _find(studio, identifier, rater)
    return _show(request, task, own, at)


@router.post("/label/{identifier}/rate/{rater}")
def store(request: Request, identifier: str, rater: str) -> Response:
    """Store a rating, then show the next utterance."""
    studio = studio_of(request)
    task, who = _find(studio, identifier, rater)
    item = (text(request, "pass"), text(request, "segment"))
    last, given = text(request, "last"), text(request, "value")
    back = f"/label/{identifier}"
    try:
        if not given:
            raise UserError("no rating is chosen", "choose a value, or “cannot tell”")
        value = None if given == CANNOT_TELL else task.scale.parse_rating(given)
        number = int(last) if last.isascii() and last.isdigit() and len(last) < 18 else -1
        rating = Rating(value, text(request, "comment"), text(request, "once"), number)
        store_rating(studio.tasks, identifier, rater, item, rating)
    except UserError as error:
        return show_error(request, error, area=AREA, back=back)
    except StaleError:
        place = _place(task, who, item)
        return _show(request, task, who, -1 if place is None else place, note=STALE, status=409)
    items, own = queue(task, who), read_own(studio.tasks, identifier, rater)
    following = first_unrated(items, own, _place(task, who, item) or 0)
    return RedirectResponse(f"{back}/rate/{rater}" + ("" if following is None else f"?at={following}"), 303)


def _find(studio: Studio, identifier: str, rater: str) -> tuple[Task, LabelRaterRow]:
    task = get_task(studio, identifier)
    return task, existing(get_rater(studio.tasks, identifier, rater), "rater", f"/label/{identifier}")


def _place(task: Task, rater: LabelRaterRow, item: tuple[str, str]) -> int | None:
    return next((n for n, one in enumerate(queue(task, rater)) if (one.seen, one.segment.id) == item), None)


def _show(
    request: Request, task: Task, rater: LabelRaterRow, at: int, *, note: str = "", status: int = 200
) -> Response:
    studio = studio_of(request)
    items, own = queue(task, rater), read_own(studio.tasks, task.row.id, rater.id)
    rated = sum((one.seen, one.segment.id) in own for one in items)
    place = at if 0 <= at < len(items) else first_unrated(items, own)
    item = None if place is None or not task.is_open else items[place]
    row = None if item is None else studio.recordings.get(item.segment.recording)
    playable = row is not None and media_type(studio.recordings.path(row)) is not None
    of_pass = [] if item is None else [one for one in items if one.seen == item.seen]
    return show(
        request,
        "label_rate.html.j2",
        area=AREA,
        status=status,
        task=task,
        rater=rater,
        item=item,
        row=row,
        playable=playable,
        place=place,
        count=len(items),
        rated=rated,
        number=0 if item is None else of_pass.index(item) + 1,
        of=len(of_pass),
        begins=item is not None and len(task.row.passes) > 1 and item == of_pass[0],
        now=None if item is None else own.get((item.seen, item.segment.id)),
        passes=PASSES,
        cannot_tell=CANNOT_TELL,
        note=note,
    )
