"""Page: utterances that two runs predict differently, and why."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sentiprism.data.dataset import SPLITS
from sentiprism.errors import UserError
from sentiprism.studio.datasets import identify_dataset, open_stored
from sentiprism.studio.differences import Differing, find_differing
from sentiprism.studio.folders import RunFolder
from sentiprism.studio.jobs.run_kinds import ExplainJob
from sentiprism.studio.web.data import queue_job
from sentiprism.studio.web.forms import text
from sentiprism.studio.web.pages import existing, show, show_error
from sentiprism.studio.web.state import Studio, studio_of

router = APIRouter()
AREA, LIST = "compare", "/compare"
PAGE_SIZE = 30


@router.get("/compare/utterances")
def utterances(request: Request, a: str = "", b: str = "", split: str = "valid", page: int = 0) -> Response:
    """Utterances by how far the predictions of two runs are apart."""
    studio = studio_of(request)
    runs = _runs(studio, a, b)
    fault, found, classes = None, list[Differing](), tuple[str, ...]()
    try:
        split = split if split in SPLITS else "valid"
        dataset = open_stored(runs[0].dataset)
        classes = dataset.card.target.classes
        found = find_differing((runs[0].folder, runs[1].folder), dataset, split)
    except UserError as error:
        fault = error
    pages = max(-(-len(found) // PAGE_SIZE), 1)
    page = min(max(page, 0), pages - 1)
    return show(
        request,
        "differences.html.j2",
        area=AREA,
        runs=runs,
        split=split,
        dataset=identify_dataset(runs[0].dataset),
        fault=fault,
        found=found[page * PAGE_SIZE : (page + 1) * PAGE_SIZE],
        count=sum(one.apart > 0 for one in found),
        total=len(found),
        classes=classes,
        page=page,
        pages=pages,
    )


@router.post("/compare/why")
def why(request: Request) -> Response:
    """Queue the attributions of one utterance by both runs."""
    studio = studio_of(request)
    runs = _runs(studio, text(request, "a"), text(request, "b"))
    back = f"/compare/utterances?a={runs[0].id}&b={runs[1].id}"
    try:
        rows = open_stored(runs[0].dataset).split(text(request, "split"))
        wanted = text(request, "utterance")
        if wanted not in set(map(str, rows.ids)):
            raise UserError("the utterance is not there any more", "choose another one")
        folders = [run.folder.relative_to(studio.workspace) for run in runs]
        job = ExplainJob.parse({"runs": folders, "split": rows.name, "utterance": wanted}, "the explanation")
    except UserError as error:
        return show_error(request, error, area=AREA, back=back)
    return queue_job(request, "explain", f"Explain {wanted}: {runs[0].name} and {runs[1].name}", job)


def _runs(studio: Studio, a: str, b: str) -> tuple[RunFolder, RunFolder]:
    """Two finished runs of one dataset."""
    found = [existing(studio.folders.run(one), "run", LIST) for one in (a, b)]
    if found[0].dataset != found[1].dataset or a == b or not all(one.finished for one in found):
        raise UserError("these are not two finished runs of one dataset", "choose others")
    return found[0], found[1]
