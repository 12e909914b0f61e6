"""Write a report as a folder, and an index of many."""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from sentiprism.config import wording
from sentiprism.errors import UserError, shorten
from sentiprism.files import atomic_folder, check_writable, write_text
from sentiprism.reading import MB, open_regular, read_bytes
from sentiprism.report.analysis import Analysis
from sentiprism.report.page.index import TITLE, Entry, render_index
from sentiprism.report.page.playable import EMBEDDED, media_type
from sentiprism.report.page.recording import render

PAGE, DOCUMENT, TABLE, INDEX = "report.html", "analysis.json", "utterances.csv", "index.html"
LARGEST = 256 * MB
"""Bytes of a document: ten times that of the longest recording."""
COPY = "recording"
"""Of a recording that lies beside its page, the name without the suffix."""


def write_report(
    analysis: Analysis, folder: Path, media: Path | None = None, *, replace: bool = False, limit: int = EMBEDDED
) -> Path:
    """Write the page, the JSON document and the CSV table; the folder appears whole or not at all.

    A recording that browsers play goes into the page; one of more than ``limit`` bytes lies beside it, as a hard link
    where the file system has them and as a copy else, so that the folder can be moved and the original too.

    Args:
        analysis: what is written.
        folder: the report's own.
        media: the recording, for the player.
        replace: take the place of a folder that was there.
        limit: bytes of a recording that goes into the page.

    Returns:
        Path of the page.

    Raises:
        UserError: the folder exists, or cannot be written; the recording cannot be read; jinja2 is not installed.
    """
    try:
        with atomic_folder(folder, replace=replace) as new:
            name = None
            if media is not None and media.stat().st_size > limit and media_type(media):
                name = f"{COPY}{media.suffix.lower()}"
                _lay_beside(media.resolve(), new / name)
            page = render(analysis, media, name=name, limit=limit)
            (new / PAGE).write_text(page, encoding="utf-8")
            (new / DOCUMENT).write_text(analysis.to_json(), encoding="utf-8")
            # with the mark that tells Excel the encoding; readers of CSV skip it
            (new / TABLE).write_text(analysis.to_csv() + "\n", encoding="utf-8-sig")
    except OSError as error:
        raise _unwritable(f"the report {folder}", error) from None
    return folder / PAGE


def check_place(folder: Path) -> None:
    """Find out before the work, not after it, whether a report can be written.

    Raises:
        UserError: it cannot.
    """
    try:
        check_writable(folder)
    except OSError as error:
        raise _unwritable(f"the report {folder}", error) from None


def _unwritable(what: str, error: OSError) -> UserError:
    cause = f"{what} cannot be written: {error.strerror or error}"
    return UserError(cause, "choose a place that you may write to, with room for it")


def _lay_beside(media: Path, name: Path) -> None:
    try:
        os.link(media, name)
    except OSError:  # another file system, or one without links
        shutil.copyfile(media, name)


def is_report(folder: Path) -> bool:
    """Whether a folder is a report and holds nothing else, so that it may be replaced."""
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()}
    return {PAGE, DOCUMENT} <= names and all(n in {PAGE, DOCUMENT, TABLE} or n.startswith(f"{COPY}.") for n in names)


def is_foreign_index(folder: Path) -> bool:
    """Whether a page stands where `write_index` would write, and is not one that it wrote."""
    if not os.path.lexists(folder / INDEX):
        return False
    try:
        with open_regular(folder / INDEX, what="page") as fd:
            return TITLE.encode() not in os.read(fd, 10_000)
    except UserError:  # an empty file, or not one
        return True


def read_report(folder: Path) -> Analysis:
    """The document of a report that was written before.

    Raises:
        UserError: there is none, or it is not one of this program.
    """
    path = folder / DOCUMENT
    if not os.path.lexists(path):
        raise UserError(f"{folder} holds no report", f"a report's folder has a file {DOCUMENT}")
    content = read_bytes(path, LARGEST, "report")
    try:
        return Analysis.model_validate_json(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"])) or "it"
        raise UserError(f"{path}: {shorten(where, 60)}{wording(fault)}", "analyse the recording again") from None


def write_index(
    folder: Path,
    entries: Iterable[Entry],
    failures: Mapping[str, str] = MappingProxyType({}),
    skipped: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Write the page over the reports of a folder, atomically.

    Args:
        folder: links are relative to it.
        entries: one a recording, in any order.
        failures: reason by name of a file that could not be analysed.
        skipped: reason by name of a file that was passed over.

    Raises:
        UserError: it cannot be written; jinja2 is not installed.
    """
    page = render_index(entries, failures, skipped)
    try:
        write_text(folder / INDEX, page)
    except OSError as error:
        raise _unwritable(str(folder / INDEX), error) from None
    return folder / INDEX
