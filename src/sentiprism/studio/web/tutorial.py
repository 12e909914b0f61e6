"""Pages: the tutorial of five minutes, and the demo's recordings for it."""

from typing import NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sentiprism.studio.jobs.kinds import FetchJob
from sentiprism.studio.web.forms import once
from sentiprism.studio.web.job_views import list_jobs
from sentiprism.studio.web.pages import show
from sentiprism.studio.web.state import Studio, studio_of

router = APIRouter()
PRACTICE = "synthetic"
"""Dataset that needs no download."""


class Step(NamedTuple):
    """A step of the tutorial."""

    title: str
    todo: str
    shown: str
    """What is to be seen then."""
    links: tuple[tuple[str, str], ...]
    """Address and label."""
    done: bool | None
    """By what the store has; None = nothing is stored of it."""
    fetches: bool = False
    """It offers the demo's recordings."""


@router.get("/tutorial")
def tutorial(request: Request) -> Response:
    """Six steps, those marked that the store shows as done."""
    steps = list_steps(studio_of(request))
    current = next((number for number, step in enumerate(steps) if step.done is False), None)
    return show(request, "tutorial.html.j2", area="home", steps=steps, current=current)


@router.post("/recordings/demo")
def fetch_demo(request: Request) -> Response:
    """Queue the download of the demo's recordings."""
    studio, job = studio_of(request), FetchJob()
    title, parameters = "Get the demo's recordings", job.model_dump(mode="json")
    identifier = studio.runner.add("fetch", title, parameters, studio.workspace, once=once(request, job))
    return RedirectResponse(f"/jobs/{identifier}", 303)


def list_steps(studio: Studio) -> list[Step]:
    """The tutorial's steps.

    Args:
        studio: whose store tells what is done.
    """
    reports, runs = studio.folders.reports(), studio.folders.runs()
    _, recordings = studio.recordings.page("", 0, 1)
    report = ((f"/reports/{reports[0].id}", "Open the newest report"),) if reports else ()
    practised = [run for run in runs if run.dataset == PRACTICE and run.finished]
    return [
        Step(
            "Add a recording",
            "Drop a video of somebody who speaks on the page Recordings. Have none at hand? The demo has two short "
            "recordings: a voice that reads, and a face without sound.",
            "The list shows length and size of each file. The files stay on this machine.",
            (("/recordings", "Add recordings"),),
            recordings > 0,
            fetches=not recordings,
        ),
        Step(
            "Analyze it",
            "Tick the recording in the list and press Analyze.",
            "A bar shows how far the job is. You may close the page: the job continues. Then the list has a verdict.",
            (("/recordings", "Choose a recording"),),
            bool(reports),
        ),
        Step(
            "Open the report",
            "Press the verdict. Click on the curve, or on a word.",
            "The curve is the sentiment of each utterance, its band the interval of the prediction. The player jumps "
            "to where you click; colours show which words and which modality a prediction comes from.",
            report,
            None if reports else False,
        ),
        Step(
            "Label",
            "Choose the recording on the page Label, and rate a few utterances with the keys of the numbers.",
            "Each utterance plays by itself. With a second rater the page shows how well you agree.",
            (("/label", "Label utterances"),),
            bool(studio.tasks.list()),
        ),
        Step(
            "Train on synthetic data",
            "Train MDF on the synthetic dataset, whose correct predictions are known; it takes a minute or two. "
            "Train ridge on it, too: that takes seconds.",
            "Curves of the loss and of the error on valid grow while it runs, one line for each seed.",
            (
                (f"/train/new?model=mdf&dataset={PRACTICE}", "Train MDF"),
                (f"/train/new?model=ridge&dataset={PRACTICE}", "Train ridge"),
            ),
            bool(practised),
        ),
        Step(
            "Compare",
            "Tick both runs on the page Compare.",
            "Every metric has its interval; the difference to the reference has a p-value that is corrected for the "
            "number of tests.",
            (("/compare", "Compare runs"),),
            bool(list_jobs(studio, "done", kind="compare", most=1)),
        ),
    ]
