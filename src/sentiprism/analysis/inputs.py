"""Find the recordings and texts to analyse, and each report's folder."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from sentiprism.errors import UserError, printable
from sentiprism.files import safe_name
from sentiprism.report.files import DOCUMENT, INDEX, PAGE, is_foreign_index

SUFFIXES = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".flv", ".wmv", ".3gp"),
        *(".wav", ".mp3", ".flac", ".m4a", ".aac", ".ogg", ".oga", ".opus"),
    )
)
"""File types of recordings in folders; files that are given directly may have any name."""
TEXTS = (".srt", ".vtt", ".json", ".txt")
"""File types of transcripts; if a recording has several, the first type is used, since it has times."""
ALONE = frozenset((".srt", ".vtt", ".txt"))
"""File types of texts in folders without a recording of the same name; not JSON, which may be anything."""
ROWS = ".csv"
"""File type of tables of texts; skipped in folders, since it may be a table of labels."""


def is_text(path: Path) -> bool:
    """Whether a file is a text, or a table of texts, by its name."""
    return path.suffix.lower() in {*TEXTS, ROWS}


class AnalysisTask(NamedTuple):
    """One recording or text, and the folder of its report."""

    path: Path
    folder: Path
    transcript: Path | None = None
    title: str | None = None
    """Name of the file in the report; by default its own."""

    @property
    def name(self) -> str:
        """Name of the file in the report."""
        return printable(self.title or self.path.name)

    @property
    def is_text(self) -> bool:
        """Whether it is a text without a recording."""
        return self.transcript is None and is_text(self.path)


class _Found(NamedTuple):
    path: Path
    transcript: Path | None = None


def find_inputs(inputs: Sequence[Path], out: Path, transcript: Path | None = None) -> list[AnalysisTask]:
    """Find the inputs in files and folders; for a single file, the report is ``out`` itself.

    In a folder, a transcript with the name of a recording belongs to it and is not a separate text.

    Args:
        inputs: files and folders.
        out: folder for reports.
        transcript: transcript of a single recording, or a folder of transcripts with the recordings' names.

    Raises:
        UserError: an input does not exist, a folder has no inputs or cannot be read, one transcript is given for
            several recordings, no transcript matches, or ``out`` is in use.
    """
    for path in (*inputs, *([] if transcript is None else [transcript])):
        if not path.exists():
            raise UserError(f"there is no {path}", "check the name")
    listed = (one for path in inputs for one in (_in_folder(path) if path.is_dir() else [_Found(path)]))
    found = list({one.path: one for one in listed}.values())
    if len(found) == 1 and not inputs[0].is_dir():
        if out.resolve() == Path.cwd():
            raise UserError("a report is a folder of its own, and `out` is the one you are in", "give it a name")
        made = [AnalysisTask(found[0].path, out, _transcript(found[0], transcript))]
    else:
        if transcript is not None and not transcript.is_dir():
            cause = f"{transcript} is one transcript for {len(found)} recordings"
            raise UserError(cause, "give a folder of transcripts")
        if is_foreign_index(out):
            raise UserError(f"{out / INDEX} is not a page of this program", "choose another `out`")
        names = name_folders([one.path for one in found])
        made = [
            AnalysisTask(one.path, out / name, _transcript(one, transcript))
            for one, name in zip(found, names, strict=True)
        ]
    if transcript is not None and not any(task.transcript for task in made):
        cause = f"no transcript in {transcript} has the name of a recording"
        raise UserError(cause, "call the one of talk.mp4 talk.srt, .vtt, .json or .txt")
    return made


def name_folders(paths: Sequence[Path]) -> list[str]:
    """Name a folder for each recording, after the recording; if names repeat, with a hash of its path."""
    names: dict[str, None] = {}
    for path in paths:
        name = "".join(c if c.isalnum() or c in "-_" else "-" for c in path.stem)[:60].strip("-") or "recording"
        if name in names:
            name = f"{name[:48]}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"
        names[safe_name(name, "report")] = None
    return list(names)


def _in_folder(folder: Path) -> list[_Found]:
    """Find the inputs in a folder and its subfolders, except hidden files and reports."""
    found = sorted(one for place, names in _walk(folder) for one in _among(place, names))
    if not found:
        kinds = ", ".join(sorted(SUFFIXES)[:5])
        remedy = f"it should have files of .txt, {kinds} ..."
        if tables := [path for path in find_left_out([folder]) if path.suffix.lower() == ROWS]:
            remedy = f"name the table to analyse its rows: {tables[0]}"
        raise UserError(f"no recordings or texts in {folder}", remedy)
    return found


def find_left_out(inputs: Sequence[Path]) -> list[Path]:
    """List the files in folders that are neither analysed, nor a transcript, nor given directly."""
    found = []
    for place, names in (walked for path in inputs if path.is_dir() for walked in _walk(path)):
        used = {one.path.name for one in _among(place, names)}
        recorded = {Path(name).stem for name in used if Path(name).suffix.lower() in SUFFIXES}
        for name in names:
            spoken = Path(name).suffix.lower() in TEXTS and Path(name).stem in recorded
            own = name == INDEX and not is_foreign_index(place)
            if name not in used and not spoken and not own and place / name not in inputs:
                found.append(place / name)
    return sorted(set(found))


def skip_reason(path: Path) -> str:
    """Why a file in a folder is not analysed, and how to analyse it."""
    suffix = path.suffix.lower()
    if suffix == ROWS:
        return "a table; name it to analyse its rows"
    if suffix in TEXTS:
        return "JSON may be anything; name it to analyse its words"
    return "neither a recording nor a text by its name"


def _walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield folders with the names of their files."""

    def unreadable(error: OSError) -> NoReturn:
        cause = f"the folder {error.filename} cannot be read ({error.strerror})"
        raise UserError(cause, "get the right to read it, or name the recordings instead")

    for place, folders, names in os.walk(folder, onerror=unreadable):
        if {PAGE, DOCUMENT} <= set(names):
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield Path(place), [name for name in names if not name.startswith(".") and Path(place, name).is_file()]


def _among(place: Path, names: list[str]) -> Iterator[_Found]:
    """Yield recordings with their transcripts, and texts, of one folder."""
    recorded = {Path(name).stem for name in names if Path(name).suffix.lower() in SUFFIXES}
    for name in names:
        stem, suffix = Path(name).stem, Path(name).suffix.lower()
        if suffix in SUFFIXES:
            yield _Found(place / name, transcript_beside(place, stem))
        elif suffix in ALONE and stem not in recorded:
            yield _Found(place / name)


def _transcript(found: _Found, given: Path | None) -> Path | None:
    if given is None or not given.is_dir():
        return given or found.transcript
    return transcript_beside(given, found.path.stem) or found.transcript


def transcript_beside(place: Path, stem: str) -> Path | None:
    """Transcript of a recording by its name."""
    return next((one for suffix in TEXTS if (one := place / f"{stem}{suffix}").is_file()), None)
