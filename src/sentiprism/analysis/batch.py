"""Many recordings: each into a report of its own, whatever becomes of the others."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from sentiprism import __version__
from sentiprism.analysis.judge import Jury, folder_of
from sentiprism.analysis.options import Options
from sentiprism.analysis.pipeline import TEXTS, Progress, analyze
from sentiprism.errors import UserError, printable
from sentiprism.files import safe_name, sha256
from sentiprism.parallel import run_parallel
from sentiprism.report.analysis import Analysis
from sentiprism.report.files import (
    DOCUMENT,
    INDEX,
    PAGE,
    check_place,
    is_foreign_index,
    is_report,
    read_report,
    write_report,
)

SUFFIXES = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".flv", ".wmv", ".3gp"),
        *(".wav", ".mp3", ".flac", ".m4a", ".aac", ".ogg", ".oga", ".opus"),
    )
)
"""What is taken from a folder; a file that is named is looked into whatever it is called."""


class Task(NamedTuple):
    """One recording and the folder its report goes to."""

    path: Path
    folder: Path
    transcript: Path | None = None


class Outcome(NamedTuple):
    """What became of a task."""

    task: Task
    analysis: Analysis | None
    error: UserError | None = None
    """Why there is none."""
    kept: bool = False
    """The report was there already, made of the same file with the same settings."""
    seconds: Mapping[str, float] = {}
    """That each part took; not in the report, so that the same recording always gives the same files."""

    @property
    def reason(self) -> str | None:
        """The error as one line."""
        return None if self.error is None else " ".join(str(self.error).split())


def tasks(inputs: Sequence[Path], out: Path, transcript: Path | None = None) -> list[Task]:
    """Recordings that are named or lie in named folders; one alone has its report in ``out`` itself.

    Args:
        inputs: files and folders.
        out: where reports go.
        transcript: of the one recording, or a folder of transcripts that have the recordings' names.

    Raises:
        UserError: nothing there, a folder without recordings or that cannot be read, one transcript for many, none that
            fits, or a place that is taken.
    """
    for path in (*inputs, *([] if transcript is None else [transcript])):
        if not path.exists():
            raise UserError(f"there is no {path}", "check the name")
    found = list(dict.fromkeys(one for path in inputs for one in (_recordings(path) if path.is_dir() else [path])))
    if len(found) == 1 and not inputs[0].is_dir():
        if out.resolve() == Path.cwd():
            raise UserError("a report is a folder of its own, and --out is the one you are in", "give it a name")
        made = [Task(found[0], out, _transcript(found[0], transcript))]
    else:
        if transcript is not None and not transcript.is_dir():
            cause = f"{transcript} is one transcript for {len(found)} recordings"
            raise UserError(cause, "give a folder of transcripts")
        if is_foreign_index(out):
            raise UserError(f"{out / INDEX} is not a page of this program", "choose another --out")
        names: dict[str, Path] = {}
        for path in found:
            name = "".join(c if c.isalnum() or c in "-_" else "-" for c in path.stem)[:60].strip("-") or "recording"
            if name in names:
                name = f"{name[:48]}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"
            names[safe_name(name, "report")] = path
        made = [Task(path, out / name, _transcript(path, transcript)) for name, path in names.items()]
    if transcript is not None and not any(task.transcript for task in made):
        cause = f"no transcript in {transcript} has the name of a recording"
        raise UserError(cause, "call the one of talk.mp4 talk.srt, .vtt, .json or .txt")
    return made


def analyze_all(
    todo: Sequence[Task], options: Options, *, jobs: int = 1, replace: bool = False, on: Progress | None = None
) -> Iterator[Outcome]:
    """Outcomes as they come; a file that cannot be analysed is an outcome too.

    Args:
        todo: see `tasks`.
        options: of each analysis.
        jobs: processes at a time; a native crash in one of them costs its own file alone.
        replace: reports that are of another file or other settings.
        on: told the progress of a single recording.

    Raises:
        UserError: the model cannot be used.
    """
    _jury(options.model)  # what is wrong with the model is said once, before anything is decoded
    work = partial(run, options=options, replace=replace, on=on if jobs <= 1 else None)
    for task, result in run_parallel(work, todo, jobs):
        yield Outcome(task, None, result) if isinstance(result, UserError) else result


def run(task: Task, options: Options, *, replace: bool = False, on: Progress | None = None) -> Outcome:
    """Analyse one recording and write its report.

    Raises:
        UserError: the recording or the place of its report cannot be used.
    """
    key = _key(task, options)
    kept = _kept(task.folder, key)
    if kept is not None:
        return Outcome(task, kept, kept=True)
    if task.folder.exists() and not (task.folder.is_dir() and not any(task.folder.iterdir())):
        if not is_report(task.folder):  # whatever it is, it may be dear to somebody
            raise UserError(f"{task.folder} holds something else than a report", "choose another --out")
        if not replace:
            cause = f"{task.folder} holds another report: of another file, model or settings"
            raise UserError(cause, "choose another --out, or give --replace")
    check_place(task.folder)
    seconds: dict[str, float] = {}
    made = analyze(
        task.path,
        transcript=task.transcript,
        options=options,
        jury=_jury(options.model),
        on=on,
        on_time=seconds.__setitem__,
    )
    made = made.model_copy(update={"details": {**made.details, "key": key}})
    write_report(made, task.folder, media=task.path, replace=True)
    return Outcome(task, made, seconds=seconds)


def _jury(model: str) -> Jury:
    return _load_jury(model, _state(model))


@lru_cache(maxsize=1)
def _load_jury(model: str, state: tuple[Any, ...]) -> Jury:  # noqa: ARG001 - part of the cache's key
    return Jury(model)


def _state(model: str) -> tuple[Any, ...]:
    """What changes when a saved model is trained again in its place: a process that lives on must see it."""
    paths = (folder_of(model) / name for name in ("config.json", "weights.safetensors"))
    found = (path.stat() if path.is_file() else None for path in paths)
    return tuple(one and (one.st_ino, one.st_size, one.st_mtime_ns) for one in found)


def _key(task: Task, options: Options) -> str:
    """What a report depends on."""
    if not task.path.is_file():
        raise UserError(f"{task.path} is no file", "give a recording or a folder of recordings")
    parts: Mapping[str, str | None] = {
        "name": printable(task.path.name),
        "recording": sha256(task.path),
        "transcript": sha256(task.transcript) if task.transcript else None,
        "options": options.model_dump_json(),
        "model": _content(options.model, _state(options.model)),
        "version": __version__,
    }
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@lru_cache(maxsize=1)
def _content(model: str, state: tuple[Any, ...]) -> str:  # noqa: ARG001 - part of the cache's key
    """SHA-256 of a saved model's description (its intervals and notes too) and of its weights."""
    return " ".join(sha256(folder_of(model) / name) for name in ("config.json", "weights.safetensors"))


def _kept(folder: Path, key: str) -> Analysis | None:
    """The report that is there, where it is of the same file with the same settings."""
    try:
        found = read_report(folder)
    except UserError:
        return None
    return found if found.details.get("key") == key else None


def _recordings(folder: Path) -> list[Path]:
    """Those in a folder and below it, but for what is hidden and what reports hold."""

    def unreadable(error: OSError) -> NoReturn:
        cause = f"the folder {error.filename} cannot be read ({error.strerror})"
        raise UserError(cause, "get the right to read it, or name the recordings instead")

    found: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=unreadable):
        if {PAGE, DOCUMENT} <= set(names):
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(place, name) for name in names if not name.startswith("."))
        found += (path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        few = ", ".join(sorted(SUFFIXES)[:5])
        raise UserError(f"no recordings in {folder}", f"it should hold files of {few} ...")
    return sorted(found)


def _transcript(path: Path, given: Path | None) -> Path | None:
    if given is None or not given.is_dir():
        return given
    return next((one for suffix in TEXTS for one in [given / f"{path.stem}{suffix}"] if one.is_file()), None)
