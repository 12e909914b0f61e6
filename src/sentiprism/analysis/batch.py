"""Many recordings: each into a report of its own, whatever becomes of the others."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

from sentiprism import __version__
from sentiprism.analysis.judge import Jury
from sentiprism.analysis.options import Options
from sentiprism.analysis.parallel import side_by_side
from sentiprism.analysis.pipeline import TEXTS, Progress, analyze
from sentiprism.errors import UserError
from sentiprism.files import safe_name, sha256
from sentiprism.report.analysis import Analysis
from sentiprism.report.files import read_report, write_report

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
        UserError: nothing there, a folder without recordings, two of one name, or one transcript for many.
    """
    found: list[Path] = []
    for path in inputs:
        if not path.exists():
            raise UserError(f"there is no {path}", "check the name")
        own = sorted(one for one in path.rglob("*") if _taken(one)) if path.is_dir() else [path]
        if not own:
            raise UserError(
                f"no recordings in {path}", f"it should hold files of {', '.join(sorted(SUFFIXES)[:5])} ..."
            )
        found += own
    if len(found) == 1 and not inputs[0].is_dir():
        return [Task(found[0], out, _transcript(found[0], transcript))]
    if transcript is not None and not transcript.is_dir():
        raise UserError(f"{transcript} is one transcript for {len(found)} recordings", "give a folder of transcripts")
    names: dict[str, Path] = {}
    for path in found:
        name = "".join(c if c.isalnum() or c in "-_" else "-" for c in path.stem)[:60].strip("-") or "recording"
        if name in names:
            name = f"{name[:48]}-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        names[safe_name(name, "report")] = path
    return [Task(path, out / name, _transcript(path, transcript)) for name, path in names.items()]


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
    Jury(options.model)  # what is wrong with the model is said once, before anything is decoded
    work = partial(run, options=options, replace=replace, on=on if jobs <= 1 else None)
    for task, result in side_by_side(work, todo, jobs):
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
    if task.folder.exists() and not replace and (not task.folder.is_dir() or any(task.folder.iterdir())):
        raise UserError(f"{task.folder} holds something else", "choose another --out, or give --replace")
    made = analyze(task.path, transcript=task.transcript, options=options, jury=_jury(options.model), on=on)
    made = made.model_copy(update={"details": {**made.details, "key": key}})
    write_report(made, task.folder, media=task.path, replace=True)
    return Outcome(task, made)


@lru_cache(maxsize=1)
def _jury(model: str) -> Jury:
    return Jury(model)


def _key(task: Task, options: Options) -> str:
    """What a report depends on."""
    if not task.path.is_file():
        raise UserError(f"{task.path} is no file", "give a recording or a folder of recordings")
    folder = Path(options.model)
    parts: Mapping[str, str | None] = {
        "recording": sha256(task.path),
        "transcript": sha256(task.transcript) if task.transcript else None,
        "options": options.model_dump_json(),
        "model": sha256(folder / "weights.safetensors") if folder.is_dir() else options.model,
        "version": __version__,
    }
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _kept(folder: Path, key: str) -> Analysis | None:
    """The report that is there, where it is of the same file with the same settings."""
    try:
        found = read_report(folder)
    except UserError:
        return None
    return found if found.details.get("key") == key else None


def _taken(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _transcript(path: Path, given: Path | None) -> Path | None:
    if given is None or not given.is_dir():
        return given
    return next((one for suffix in TEXTS for one in [given / f"{path.stem}{suffix}"] if one.is_file()), None)
