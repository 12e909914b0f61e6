"""Analyse many recordings; each gets a report, and failures are listed."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeVar

from sentiprism import __version__
from sentiprism.analysis.analyze import analyze
from sentiprism.analysis.inputs import AnalysisTask
from sentiprism.analysis.options import Options
from sentiprism.analysis.parts import Progress
from sentiprism.analysis.predictor import FILES, check_model, load_predictor, state_of
from sentiprism.analysis.speakers import check_speakers
from sentiprism.analysis.texts import read_words
from sentiprism.errors import UserError
from sentiprism.executors.base import THIS_PROCESS, Executor
from sentiprism.files import sha256
from sentiprism.machine import JOB, RECORDING
from sentiprism.media.limits import Limits
from sentiprism.media.transcripts import read_transcript
from sentiprism.media.whisper_models import check_whisper
from sentiprism.models.artifact import folder_of
from sentiprism.reading import check_regular
from sentiprism.report.analysis import Analysis
from sentiprism.report.exports import exports_in, write_exports
from sentiprism.report.files import PICTURE, check_place, is_report, read_report, write_report
from sentiprism.report.options import PLAIN, Format, ReportOptions

R = TypeVar("R")


class Outcome(NamedTuple):
    """Result of a task."""

    task: AnalysisTask
    analysis: Analysis | None
    error: UserError | None = None
    """Why there is no analysis."""
    kept: bool = False
    """Whether the report already existed, for the same file with the same settings."""
    seconds: Mapping[str, float] = {}
    """Seconds per part; not in the report, so that the same recording always gives the same files."""

    @property
    def reason(self) -> str | None:
        """The error as one line."""
        return None if self.error is None else " ".join(str(self.error).split())


def whole(outcome: Outcome) -> Outcome:
    """Keep an outcome as it is, with its analysis."""
    return outcome


def analyze_all(
    todo: Sequence[AnalysisTask],
    options: Options,
    *,
    executor: Executor = THIS_PROCESS,
    replace: bool = False,
    report: ReportOptions = PLAIN,
    on: Progress | None = None,
    take: Callable[[Outcome], R] = whole,  # type: ignore[assignment] # R is Outcome then
) -> Iterator[R]:
    """Yield outcomes in order of completion, including failures.

    Args:
        todo: see `tasks`.
        options: options of each analysis.
        executor: where the analyses are made.
        replace: replace reports of other files or settings.
        report: what is written for each.
        on: called with the progress of a single recording, if the executor is this process.
        take: what to yield of each outcome; a function of a module. Only its result comes back from other processes
            and is held in memory; the reports are in their folders.

    Raises:
        UserError: the model or the executor cannot be used.
    """
    options = options.pinned()
    memory = JOB if all(task.is_text for task in todo) else RECORDING
    executor.check(memory)
    extractors = check_model(options.model)  # raise errors of the model once, before decoding
    if options.asr != "none":
        check_whisper(options.asr)
    left = []
    for task in todo:
        try:
            kept = find_finished(task, options, replace=replace)
        except UserError as error:
            yield take(Outcome(task, None, error))
        else:
            if kept is None or not _shows(task, kept, report) or _lacking(task, report):
                left.append(task)
            else:
                yield take(Outcome(task, kept, kept=True))
    if any(not task.is_text for task in left):
        for made in extractors.values():
            made.check()
        check_speakers(options.speakers)
    if len(left) > 1:
        load_predictor(options.model)
    on = on if executor.in_process else None
    work = partial(_analyze_and_take, take, options=options, replace=replace, report=report, on=on)
    with closing(executor.run(work, left, memory)) as results:
        for task, result in results:
            yield take(Outcome(task, None, result)) if isinstance(result, UserError) else result


def find_finished(task: AnalysisTask, options: Options, *, replace: bool = False) -> Analysis | None:
    """Load an existing report of the same file with the same settings, if any, without computing anything.

    Raises:
        UserError: the file cannot be read, or the report's folder has other contents.
    """
    check_regular(task.path, what="text" if task.is_text else "recording")
    if task.transcript is not None:
        read_transcript(task.transcript)
    if task.is_text:
        read_words(task.path, options, Limits())
    if (kept := _kept(task, options)) is not None:
        return kept
    if task.folder.exists() and not (task.folder.is_dir() and not any(task.folder.iterdir())):
        if not is_report(task.folder):  # never delete unknown files
            raise UserError(f"{task.folder} has other contents than a report", "choose another `out`")
        if not replace:
            cause = f"{task.folder} has another report: of another file, model or settings"
            raise UserError(cause, "choose another `out`, or give `replace`")
    check_place(task.folder)
    return None


def _shows(task: AnalysisTask, kept: Analysis, report: ReportOptions) -> bool:
    """Whether the page of an existing report hides what it should, and has its picture."""
    picture = (task.folder / PICTURE).is_file() or not report.picture or kept.recording.codec is None
    return picture and kept.details.get("report", {}) == report.hides


def _lacking(task: AnalysisTask, report: ReportOptions) -> list[Format]:
    """Further formats that an existing report does not have yet."""
    there = exports_in(task.folder)
    return [name for name in report.exports if name not in there]


def _complete(task: AnalysisTask, kept: Analysis, report: ReportOptions) -> Analysis:
    """Write what an existing report lacks, from its analysis."""
    if _shows(task, kept, report):
        write_exports(kept, task.folder, _lacking(task, report))
        return kept
    exports = dict.fromkeys((*exports_in(task.folder), *report.exports))
    return _write(task, kept, report.model_copy(update={"exports": tuple(exports)}))


def _write(task: AnalysisTask, made: Analysis, report: ReportOptions) -> Analysis:
    """Write a report; what it hides is in its document."""
    details = {name: value for name, value in made.details.items() if name != "report"}
    made = made.model_copy(update={"details": {**details, **({"report": report.hides} if report.hides else {})}})
    write_report(made, task.folder, media=task.path, replace=True, options=report)
    return made


def _analyze_and_take(take: Callable[[Outcome], R], task: AnalysisTask, **more: Any) -> R:
    return take(analyze_one(task, **more))


def analyze_one(
    task: AnalysisTask,
    options: Options,
    *,
    replace: bool = False,
    report: ReportOptions = PLAIN,
    on: Progress | None = None,
) -> Outcome:
    """Analyse one recording and write its report.

    Raises:
        UserError: the recording or the folder of its report cannot be used.
    """
    kept = find_finished(task, options, replace=replace)
    if kept is not None:
        return Outcome(task, _complete(task, kept, report), kept=True)
    seconds: dict[str, float] = {}
    made = make_document(task, options, on=on, on_time=seconds.__setitem__)
    return Outcome(task, _write(task, made, report), seconds=seconds)


def make_document(
    task: AnalysisTask,
    options: Options,
    *,
    limits: Limits | None = None,
    on: Progress | None = None,
    on_time: Callable[[str, float], Any] | None = None,
) -> Analysis:
    """Analyse one recording; the document is that of its report.

    Args:
        task: the recording; its folder is not used.
        options: options of the analysis.
        limits: limits of the file and of its decoding.
        on: called with progress.
        on_time: called with the name of each part and its duration in seconds.

    Raises:
        UserError: the recording cannot be used.
    """
    made = analyze(
        task.path, transcript=task.transcript, options=options, limits=limits, name=task.name, on=on, on_time=on_time
    )
    return made.model_copy(update={"details": {**made.details, "key": _key(task, options)}})


def _key(task: AnalysisTask, options: Options) -> str:
    """Key of everything that a report depends on."""
    parts: Mapping[str, str | None] = {
        "name": task.name,
        "recording": sha256(task.path),
        "transcript": sha256(task.transcript) if task.transcript else None,
        "options": options.model_dump_json(),
        "model": _content(options.model, state_of(options.model)),
        "version": __version__,
    }
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@lru_cache(maxsize=1)
def _content(model: str, state: tuple[Any, ...]) -> str:  # noqa: ARG001 - part of the cache's key
    """SHA-256 of a saved model's description (including intervals and notes) and weights."""
    return " ".join(sha256(folder_of(model) / name) for name in FILES)


def _kept(task: AnalysisTask, options: Options) -> Analysis | None:
    try:
        found = read_report(task.folder)
    except UserError:
        return None
    return found if found.details.get("key") == _key(task, options) else None
