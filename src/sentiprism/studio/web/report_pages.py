"""Pages: reports."""

from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sentiprism.studio.folders import ReportFolder
from sentiprism.studio.reports import find_media, render_report
from sentiprism.studio.web.pages import existing
from sentiprism.studio.web.recordings import LIST, send_media
from sentiprism.studio.web.state import Studio, studio_of

router = APIRouter()


@router.get("/reports/{identifier}")
def report(request: Request, identifier: str) -> Response:
    """A report, rendered from its document."""
    studio = studio_of(request)
    found = existing(studio.folders.report(identifier), "report", LIST)
    page = existing(render_report(found, _media(studio, found)), "report", LIST)
    policy = f"{page.policy.replace(' file:', '')}; frame-ancestors 'none'"
    return HTMLResponse(page.text, headers={"Content-Security-Policy": policy})


@router.get("/reports/{identifier}/media")
def media(request: Request, identifier: str) -> Response:
    """The recording of a report, for its player."""
    studio = studio_of(request)
    found = existing(studio.folders.report(identifier), "report", LIST)
    return send_media(existing(_media(studio, found), "recording", LIST), found.folder.name)


def _media(studio: Studio, report: ReportFolder) -> Path | None:
    own = studio.recordings.with_content(report.content)
    if own is not None:
        return studio.recordings.path(own)
    return find_media(report, studio.database.folder / "media")
