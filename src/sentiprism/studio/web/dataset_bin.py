"""Pages: delete a dataset or an exported file, and the bin of datasets."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sentiprism.errors import UserError
from sentiprism.studio.web.data import AREA, LIST, stored_of
from sentiprism.studio.web.data_results import exported_file
from sentiprism.studio.web.forms import text
from sentiprism.studio.web.job_views import get_job
from sentiprism.studio.web.pages import existing, show, show_error
from sentiprism.studio.web.state import studio_of

router = APIRouter()
BIN = f"{LIST}/bin"


@router.get(BIN)
def show_bin(request: Request) -> Response:
    """Deleted datasets."""
    return _show(request, sure=False)


@router.post(f"{BIN}/restore")
def restore(request: Request) -> Response:
    """Move a dataset back into the store."""
    try:
        studio_of(request).dataset_bin.restore(text(request, "dataset"))
    except UserError as error:
        return show_error(request, error, area=AREA, back=BIN)
    return RedirectResponse(BIN, 303)


@router.post(f"{BIN}/empty")
def empty(request: Request) -> Response:
    """Delete for good, after the second question alone."""
    if text(request, "sure") != "yes":
        return _show(request, sure=True)
    studio_of(request).dataset_bin.empty()
    return RedirectResponse(LIST, 303)


@router.post(f"{LIST}/exports/{{identifier}}/delete")
def delete_export(request: Request, identifier: str) -> Response:
    """Remove the file of an export, after the second question alone."""
    studio = studio_of(request)
    row = existing(get_job(studio, identifier), "job", "/jobs")
    path = existing(exported_file(studio, row), "file", f"/jobs/{row.id}")
    if text(request, "sure") != "yes":
        about = f"{path.name} is removed from this disk. It can be exported again."
        return _ask(request, f"Remove {path.name}?", about, "Remove it", f"/jobs/{row.id}")
    path.unlink(missing_ok=True)
    return RedirectResponse(f"/jobs/{row.id}", 303)


@router.post(f"{LIST}/{{identifier}}/delete")
def delete(request: Request, identifier: str) -> Response:
    """Move a dataset to the bin, after the second question alone."""
    found = stored_of(identifier)
    if text(request, "sure") != "yes":
        about = "It can be taken back until the bin is emptied. Runs on it stay, but cannot be resumed without it."
        return _ask(request, f"Delete the dataset {found.name}?", about, "Move it to the bin", f"{LIST}/{found.id}")
    try:
        studio_of(request).dataset_bin.put(found.name)
    except UserError as error:
        return show_error(request, error, area=AREA, back=LIST)
    return RedirectResponse(LIST, 303)


def _show(request: Request, *, sure: bool) -> Response:
    return show(request, "data_bin.html.j2", area=AREA, rows=studio_of(request).dataset_bin.list(), sure=sure)


def _ask(request: Request, title: str, about: str, label: str, back: str) -> Response:
    """Ask whether what the form has asked for is to be done."""
    return show(
        request,
        "confirm.html.j2",
        area=AREA,
        title=title,
        about=about,
        label=label,
        back=back,
        action=request.url.path,
    )
