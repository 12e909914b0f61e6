"""Reports as the studio shows them: rendered anew from their document, so that no foreign page runs here."""

import html
import os
import re
from base64 import b64decode
from binascii import Error as Base64Error
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from sentiprism.analysis.inputs import SUFFIXES
from sentiprism.errors import UserError
from sentiprism.files import atomic_file, make_folder
from sentiprism.reading import MB, check_regular, read_text
from sentiprism.report.files import COPY, PAGE
from sentiprism.report.page.recording import render
from sentiprism.studio.folders import ReportFolder, open_report

_EMBEDDED = re.compile(r'<(?:video|audio)\b[^>]*? src="data:[a-z0-9/-]+;base64,([A-Za-z0-9+/=]+)"')
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')
LARGEST = 128 * MB
"""Bytes of a page with a recording inside."""
BACK = '<p class="brand"><a href="/recordings">← Back to the studio</a></p>'


class Page(NamedTuple):
    """A report's page, and the policy that its own scripts and style are allowed by."""

    text: str
    policy: str


def find_media(report: ReportFolder, folder: Path) -> Path | None:
    """The recording of a report that is not among the studio's: beside its page, or inside of it.

    Args:
        report: whose.
        folder: for a recording that is taken out of a page.
    """
    beside = (report.folder / f"{COPY}{suffix}" for suffix in SUFFIXES)
    for path in beside:
        if path.is_file() and not path.is_symlink():
            return path
    taken = folder / f"{report.id}-{int(report.changed.timestamp() * 1e6)}"
    if taken.is_file():
        return taken
    try:
        found = _EMBEDDED.search(read_text(report.folder / PAGE, LARGEST, "page"))
        if found is None:
            return None
        content = b64decode(found[1], validate=True)
    except (UserError, Base64Error):
        return None
    make_folder(folder)
    for old in folder.glob(f"{report.id}-*"):
        old.unlink(missing_ok=True)
    with atomic_file(taken) as temporary:
        temporary.write_bytes(content)
    return taken


def render_report(report: ReportFolder, media: Path | None) -> Page | None:
    """The page of a report; its player reads ``/reports/ID/media``. None where its document is damaged."""
    stamp = (report.folder / "analysis.json").stat().st_mtime_ns
    return _render(report, media, stamp)


@lru_cache(maxsize=8)
def _render(report: ReportFolder, media: Path | None, stamp: int) -> Page | None:  # noqa: ARG001 - part of the key
    analysis = open_report(report)
    if analysis is None:
        return None
    if media is not None:
        try:
            check_regular(media, what="recording")
        except UserError:
            media = None
    text = render(analysis, media, name=f"/reports/{report.id}/media", limit=0)
    policy = _POLICY.search(text)
    assert policy is not None  # noqa: S101 - `render` has written it
    text = text.replace('<header class="page">', f'<header class="page">\n{BACK}', 1)
    return Page(text, html.unescape(policy[1]))


def file_name(name: str) -> str:
    """A name for a file that a browser saves: letters and digits alone."""
    stem = "".join(c if (c.isalnum() and c.isascii()) or c == "_" else "-" for c in os.path.splitext(name)[0])
    return re.sub("-+", "-", stem).strip("-")[:80] or "recording"
