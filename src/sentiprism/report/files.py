"""Write a report folder, and an index page of many reports."""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from sentiprism.config import describe_error
from sentiprism.errors import UserError, shorten
from sentiprism.files import atomic_folder, check_writable, write_text
from sentiprism.reading import MB, open_regular, read_bytes
from sentiprism.report.analysis import Analysis
from sentiprism.report.exports import FILES, write_exports
from sentiprism.report.options import PLAIN, ReportOptions
from sentiprism.report.page.index import TITLE, Entry, render_index
from sentiprism.report.page.playable import EMBEDDED, media_type
from sentiprism.report.page.recording import render
from sentiprism.report.stills import take_picture

PAGE, DOCUMENT, TABLE, INDEX = "report.html", "analysis.json", "utterances.csv", "index.html"
PICTURE = "picture.jpg"
LARGEST = 256 * MB
"""Largest document in bytes: ten times that of the longest recording."""
COPY = "recording"
"""Name, without suffix, of a recording's copy in the report folder."""


def write_report(
    analysis: Analysis,
    folder: Path,
    media: Path | None = None,
    *,
    replace: bool = False,
    limit: int = EMBEDDED,
    options: ReportOptions = PLAIN,
) -> Path:
    """Write the page, the JSON document, the CSV table and further formats as an atomic folder.

    A recording that browsers can play is embedded in the page; one of more than ``limit`` bytes is put into the folder,
    as a hard link if possible or else as a copy, so that both the folder and the original can be moved.

    Args:
        analysis: the analysis to write.
        folder: folder of the report.
        media: the recording, for the player.
        replace: replace an existing folder.
        limit: largest size in bytes of an embedded recording.
        options: what is hidden, and further formats.

    Returns:
        Path of the page.

    Raises:
        UserError: the folder exists, or cannot be written; the recording cannot be read; jinja2 is not installed.
    """
    try:
        with atomic_folder(folder, replace=replace) as new:
            name = None
            shown = media is not None and not options.hides_file(analysis.recording.kind)
            if media is not None and shown and media.stat().st_size > limit and media_type(media):
                name = f"{COPY}{media.suffix.lower()}"
                _link_or_copy(media.resolve(), new / name)
            page = render(analysis, media, name=name, limit=limit, options=options)
            (new / PAGE).write_text(page, encoding="utf-8")
            (new / DOCUMENT).write_text(analysis.to_json(), encoding="utf-8")
            # with a byte-order mark, by which Excel detects the encoding
            (new / TABLE).write_text(analysis.to_csv() + "\n", encoding="utf-8-sig")
            write_exports(analysis, new, options.exports)
            if options.picture and media is not None and (picture := _picture(analysis, media, options)):
                (new / PICTURE).write_bytes(picture)
    except OSError as error:
        raise _unwritable(f"the report {folder}", error) from None
    return folder / PAGE


def _picture(analysis: Analysis, media: Path, options: ReportOptions) -> bytes | None:
    """A still of the utterance with the highest estimate, or of the middle of the recording."""
    if analysis.recording.codec is None:
        return None
    highest = next((one for one in analysis.utterances if one.number == analysis.summary.highest), None)
    time = analysis.recording.duration / 2 if highest is None else (highest.start + highest.end) / 2
    return take_picture(media, time, blur=bool(options.blur))


def check_place(folder: Path) -> None:
    """Check before the analysis that a report can be written.

    Raises:
        UserError: it cannot be written.
    """
    try:
        check_writable(folder)
    except OSError as error:
        raise _unwritable(f"the report {folder}", error) from None


def _unwritable(what: str, error: OSError) -> UserError:
    cause = f"{what} cannot be written: {error.strerror or error}"
    return UserError(cause, "choose a writable folder with enough space")


def _link_or_copy(media: Path, name: Path) -> None:
    try:
        os.link(media, name)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(media, name)


def is_report(folder: Path) -> bool:
    """Whether a folder only has a report's files, so that it may be replaced."""
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()}
    known = {PAGE, DOCUMENT, TABLE, PICTURE, *FILES}
    return {PAGE, DOCUMENT} <= names and all(name in known or name.startswith(f"{COPY}.") for name in names)


def is_foreign_index(folder: Path) -> bool:
    """Whether the index page of a folder exists and was not written by `write_index`."""
    if not os.path.lexists(folder / INDEX):
        return False
    try:
        with open_regular(folder / INDEX, what="page") as fd:
            return TITLE.encode() not in os.read(fd, 10_000)
    except UserError:  # empty, or not a regular file
        return True


def read_report(folder: Path) -> Analysis:
    """Read the document of a report.

    Raises:
        UserError: it does not exist, or was not written by this program.
    """
    path = folder / DOCUMENT
    if not os.path.lexists(path):
        raise UserError(f"{folder} is not a report", f"a report folder has a file {DOCUMENT}")
    content = read_bytes(path, LARGEST, "report")
    try:
        return Analysis.model_validate_json(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"])) or "it"
        raise UserError(f"{path}: {shorten(where, 60)}{describe_error(fault)}", "analyse the recording again") from None


def write_index(
    folder: Path,
    entries: Iterable[Entry],
    failures: Mapping[str, str] = MappingProxyType({}),
    skipped: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Write the index page of a folder of reports atomically.

    Args:
        folder: base of relative links.
        entries: one per recording, in any order.
        failures: reasons by name of files that could not be analysed.
        skipped: reasons by name of files that were skipped.

    Raises:
        UserError: it cannot be written; jinja2 is not installed.
    """
    page = render_index(entries, failures, skipped)
    try:
        write_text(folder / INDEX, page)
    except OSError as error:
        raise _unwritable(str(folder / INDEX), error) from None
    return folder / INDEX
