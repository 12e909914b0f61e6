"""Pages: the way in, Home."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sentiprism.studio.folders import summarise_report
from sentiprism.studio.store.tables import ACTIVE
from sentiprism.studio.web.guard import CLOSED, OPEN
from sentiprism.studio.web.job_views import list_jobs
from sentiprism.studio.web.pages import show
from sentiprism.studio.web.state import studio_of
from sentiprism.studio.web.tokens import SESSION_LIFE

router = APIRouter()
NEWEST = 5


@router.get(OPEN)
def open_studio(request: Request, token: str = "") -> Response:
    """Change a one-time link for a session."""
    studio = studio_of(request)
    session = studio.tokens.redeem(token)
    if session is None:
        return Response(CLOSED, 401, media_type="text/plain")
    answer = RedirectResponse("/", 303)
    life = int(SESSION_LIFE.total_seconds())
    answer.set_cookie(studio.cookie, session, max_age=life, httponly=True, samesite="strict", path="/")
    return answer


@router.get("/")
def home(request: Request) -> Response:
    """What runs, what is new, first steps, what is missing."""
    studio = studio_of(request)
    jobs = list_jobs(studio, most=30)
    reports, runs = studio.folders.reports(), studio.folders.runs()
    _, recordings = studio.recordings.page("", 0, 1)
    shown = [(one, summarise_report(one)) for one in reports[:NEWEST]]
    return show(
        request,
        "home.html.j2",
        area="home",
        active=[one for one in jobs if one.row.state in {"queued", *ACTIVE}],
        ended=[one for one in jobs if one.row.state not in {"queued", *ACTIVE}][:NEWEST],
        reports=[(one, entry) for one, entry in shown if entry is not None],
        runs=runs[:NEWEST],
        steps={"recordings": recordings, "reports": len(reports), "runs": len(runs)},
        findings=studio.health.findings,
        workspace=studio.workspace,
    )
