"""Find the recordings of a study: a table of files with attributes, or a folder with such a table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sentiprism.analysis.inputs import AnalysisTask, find_inputs, is_text, name_folders, transcript_beside
from sentiprism.errors import FEW, UserError, few, suggest
from sentiprism.files import sha256
from sentiprism.reading import read_text
from sentiprism.study.attribute_table import TableRow, parse_table, read_table

TABLE = "attributes.csv"
"""Table of attributes in a folder of recordings."""
REPORTS = "recordings"
"""Folder of the recordings' reports in the folder of a study."""
TRANSCRIPT = "transcript"
SHEETS = (".xlsx", ".xls", ".ods")
COLUMNS = "path,person,group,condition,session"


class StudyRecording(NamedTuple):
    """A recording of a study."""

    task: AnalysisTask
    attributes: Mapping[str, str]


class StudyInputs(NamedTuple):
    """The recordings of a study."""

    recordings: tuple[StudyRecording, ...]
    attributes: tuple[str, ...]
    """Names, in the order of the table."""
    notes: tuple[str, ...] = ()


def read_study(place: Path, out: Path, *, allow_missing: bool = False) -> StudyInputs:
    """Find the recordings of a study with their attributes.

    Args:
        place: a table with a column of files (relative to it) and a column for each attribute; a column ``transcript``
            names transcripts. Or a folder of recordings with ``attributes.csv``, whose rows name them.
        out: folder of the study.
        allow_missing: leave out rows whose recording is missing.

    Raises:
        UserError: the table cannot be read, a recording is missing or is there twice, or there is none.
    """
    if place.is_dir():
        found = _in_folder(place, out, allow_missing=allow_missing)
    elif place.suffix.lower() in SHEETS:
        raise UserError(f"{place} is a spreadsheet, not a text table", "save it as CSV and give that")
    else:
        found = _in_table(place, out, allow_missing=allow_missing)
    if not found.recordings:
        raise UserError(f"{place} names no recording that exists", f"give a table with the columns {COLUMNS}")
    _refuse_copies([one.task.path for one in found.recordings])
    return found


def _in_table(path: Path, out: Path, *, allow_missing: bool) -> StudyInputs:
    text = read_text(path, what="table")
    try:
        table = parse_table(text)
    except UserError as error:
        raise UserError(f"{path}: {error.cause}", f"begin with the columns {COLUMNS}") from None
    base, missing = path.parent, list[tuple[TableRow, str]]()
    rows: list[tuple[TableRow, Path, Path | None]] = []
    for row in table.rows:
        file = base / row.file
        said = row.values.get(TRANSCRIPT)
        if not row.file or not file.is_file():
            missing.append((row, row.file))
            continue
        beside = None if is_text(file) else transcript_beside(file.parent, file.stem)
        transcript = base / said if said else beside
        if said and not (base / said).is_file():
            missing.append((row, said))
            continue
        rows.append((row, file, transcript))
    if missing and not allow_missing:
        told = [f"line {row.line}: {name or '(no name)'}" for row, name in missing]
        for number, (_, name) in enumerate(missing[:FEW]):  # looking for a similar name reads a folder
            told[number] += _nearest(base / name)
        cause = f"{path} names {len(missing)} {_files(len(missing))} not there: {few(told)}"
        raise UserError(cause, "correct the table, or leave these rows out with `allow_missing`")
    lines: dict[Path, int] = {}
    for row, file, _ in rows:
        first = lines.setdefault(file.resolve(), row.line)
        if first != row.line:
            raise UserError(f"{path}: lines {first} and {row.line} name the same recording, {row.file}", "remove one")
    folders = name_folders([file for _, file, _ in rows])
    recordings = tuple(
        StudyRecording(AnalysisTask(file, out / REPORTS / name, transcript), _attributes(row.values))
        for (row, file, transcript), name in zip(rows, folders, strict=True)
    )
    notes = (f"{len(missing)} rows of the table are left out, whose files are missing.",) if missing else ()
    return StudyInputs(recordings, tuple(name for name in table.names if name != TRANSCRIPT), notes)


def _in_folder(folder: Path, out: Path, *, allow_missing: bool) -> StudyInputs:
    table = folder / TABLE
    if not table.is_file():
        raise UserError(f"{folder} has no table {TABLE}", f"write one with the columns {COLUMNS}")
    tasks = find_inputs([folder], out / REPORTS)
    found = read_table(read_text(table, what="table"), [(str(n), task.path.name) for n, task in enumerate(tasks)])
    if found.unmatched and not allow_missing:
        told = (f"line {one.line}: {one.file or '(no name)'} ({one.reason})" for one in found.unmatched)
        cause = f"{len(found.unmatched)} rows of {table} match no recording: {few(told)}"
        raise UserError(cause, "correct the table, or leave these rows out with `allow_missing`")
    recordings = tuple(
        StudyRecording(_with_transcript(task, values.get(TRANSCRIPT), table), _attributes(values))
        for task, values in ((task, found.values.get(str(n), {})) for n, task in enumerate(tasks))
    )
    without = len(tasks) - len(found.values)
    notes = [f"{len(found.unmatched)} rows of {TABLE} match no recording."] if found.unmatched else []
    notes += [f"{without} recordings have no row in {TABLE}: they are in no group."] if without else []
    return StudyInputs(recordings, tuple(name for name in found.names if name != TRANSCRIPT), tuple(notes))


def _with_transcript(task: AnalysisTask, said: str | None, table: Path) -> AnalysisTask:
    """The task with the transcript that a table names, else as it is."""
    if not said:
        return task
    transcript = table.parent / said
    if not transcript.is_file():
        raise UserError(f"{table} names a transcript that is not there: {said}{_nearest(transcript)}", "correct it")
    return task._replace(transcript=transcript)


def _attributes(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name != TRANSCRIPT}


def _files(count: int) -> str:
    return "file that is" if count == 1 else "files that are"


def _nearest(path: Path) -> str:
    """The most similar name in its folder, if any."""
    if not path.parent.is_dir():
        return ""
    found = suggest(path.name, [one.name for one in path.parent.iterdir()][:10_000], otherwise="")
    return f" ({found})" if found.startswith("did you mean") else ""


def _refuse_copies(paths: Sequence[Path]) -> None:
    """Refuse equal recordings under several names: they would count as independent."""
    seen: dict[str, Path] = {}
    sizes = Counter(path.stat().st_size for path in paths)
    for path in (path for path in paths if sizes[path.stat().st_size] > 1):
        first = seen.setdefault(sha256(path), path)
        if first != path:
            raise UserError(f"{first} and {path} are the same recording, with equal content", "leave one of them out")
