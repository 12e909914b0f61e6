"""Command: analyze."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import (
    Address,
    Blur,
    ExecutorName,
    Exports,
    Face,
    Jobs,
    Language,
    LanguageMismatch,
    Longest,
    Recogniser,
    ReportFolder,
    SavedModel,
    Speakers,
    Strict,
    Without,
    option,
)
from sentiprism.cli.sources import pairs
from sentiprism.cli.terminal_summary import FolderRow, count_files, display_names, show_folder, show_recording
from sentiprism.errors import UserError, printable

if TYPE_CHECKING:
    from sentiprism.analysis.inputs import AnalysisTask

PREDICTING = 0.15
"""Estimated share of the time for prediction, for the progress bar; the rest is processing faces and speech."""


@followed_by("open {result}")
def analyze(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Videos, sounds, texts, tables of texts (.csv); or folders.")
    ],
    out: ReportFolder = Path("report"),
    model: SavedModel = "starter",
    transcript: Annotated[
        Path | None,
        option("FILE", "Transcript: .srt, .vtt, .txt or .json; a folder for many recordings."),
    ] = None,
    asr: Recogniser = "base",
    language: Language = None,
    language_mismatch: LanguageMismatch = "drop",
    face: Face = "speaking",
    speakers: Speakers = "off",
    longest: Longest = 15.0,
    streaming: Annotated[bool, typer.Option("--streaming", help="As a live stream: no look-ahead.")] = False,
    column: Annotated[
        list[str] | None,
        option("NAME=THEIRS", "Column of a .csv: text, id, start, end; repeatable."),
    ] = None,
    exports: Exports = None,
    blur: Blur = None,
    without: Without = None,
    executor: ExecutorName = "local",
    address: Address = None,
    jobs: Jobs = None,
    strict: Strict = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace reports of other settings.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the analysis as JSON for programs.")] = False,
) -> Path:
    """Estimate the sentiment along your recordings, and explain it.

    Makes report.html (one self-contained page), analysis.json and utterances.csv.

    A folder gives a report for each video, sound and text (.txt, .srt, .vtt) in it; a transcript with the same name as
    a recording in its folder is used for it. A .csv is one report with one utterance per row, from its columns text
    and, if given, id, start and end (seconds). --export adds analysis.eaf (ELAN), analysis.TextGrid (Praat),
    analysis.srt, measurements.csv or measurements.parquet. --blur faces --without voices makes a report to share.
    Both take an existing report, without analysing it again.

    Examples:
        sentiprism analyze talk.mp4 --out report

        sentiprism analyze talk.mp4 --transcript talk.srt

        sentiprism analyze videos/ --out reports --jobs 2

        sentiprism analyze videos/ --out reports --executor ray --address 10.0.0.1:6379

        sentiprism analyze review.txt

        sentiprism analyze reviews.csv --column text=Review --column id=Number

        sentiprism analyze talk.mp4 --export elan --export textgrid

        sentiprism analyze talk.mp4 --blur faces --without voices

        sentiprism analyze interview.mp4 --speakers 2

        sentiprism analyze talk.mp4 --model runs/mine/seed-1111/model

        sentiprism analyze talk.mp4 --model hf://owner/name
    """
    from sentiprism.analysis.inputs import ROWS, find_inputs, find_left_out, skip_reason
    from sentiprism.analysis.options import Options
    from sentiprism.report.files import INDEX, PAGE, write_index
    from sentiprism.report.options import ReportOptions

    columns = pairs(column or [], "NAME=THEIRS")
    chosen = {
        "columns": columns,
        "model": model,
        "asr": asr,
        "language": language,
        "language_mismatch": language_mismatch,
        "face": face,
        "speakers": speakers,
        "longest": longest,
        "streaming": streaming,
    }
    options = Options.parse(chosen, "the options of analyze")
    report = ReportOptions.parse(
        {"exports": exports or (), "blur": blur or (), "without": without or ()}, "the options of analyze"
    )
    todo = find_inputs(inputs, out, transcript)
    if columns and not any(task.path.suffix.lower() == ROWS for task in todo):
        raise UserError("--column goes with a table of texts", "name a .csv, or leave it out")
    from sentiprism.analysis.batch import Outcome, analyze_all, whole
    from sentiprism.executors.choose import choose_executor

    what = printable(todo[0].path.name) if len(todo) == 1 else count_files(todo)
    alone = todo[0].folder == out
    take: Callable[[Outcome], Outcome | FolderRow] = whole if alone else FolderRow.of
    found: dict[AnalysisTask, Outcome | FolderRow] = {}
    with recordings_bar(f"analysing {what}", len(todo)) as (on, ended):
        chosen_executor = choose_executor(executor, jobs, address)
        more: dict[str, Any] = {"executor": chosen_executor, "replace": replace, "report": report, "on": on}
        for one in analyze_all(todo, options, take=take, **more):
            found[one.task] = one
            ended()
    if isinstance(outcome := found[todo[0]], Outcome):
        if outcome.error is not None:
            raise outcome.error
        show_recording(outcome, as_json=as_json)
        return out / PAGE
    rows = [row for task in todo if isinstance(row := found[task], FolderRow)]
    names = display_names([row.task.path for row in rows])
    failures = {name: row.reason for name, row in zip(names, rows, strict=True) if row.reason is not None}
    others = find_left_out(inputs)
    skipped = dict(zip(display_names(others), map(skip_reason, others), strict=True))
    write_index(out, [row.entry for row in rows if row.entry is not None], failures, skipped)
    show_folder(rows, {path: skip_reason(path) for path in others}, str(out / INDEX), as_json=as_json)
    failed = sum(row.entry is None for row in rows)
    if failed and (strict or failed == len(rows)):
        raise UserError(f"{failed} of {count_files(todo)} failed", "see the reasons above")
    return out / INDEX


@contextmanager
def recordings_bar(message: str, count: int) -> Iterator[tuple[Callable[[str, float], None], Callable[[], None]]]:
    """Progress bar; yields ``on_progress(part, fraction)`` and ``on_finished()``."""
    from sentiprism.progress import progress

    done: dict[str, float] = {}
    reached, lock = 0.0, Lock()  # two threads report progress
    with progress(message, count) as advance:

        def on(part: str, share: float) -> None:
            nonlocal reached
            with lock:
                done[part] = share
                perceived = min(done.get("faces", 0.0), done.get("speech", 0.0))  # the slower one counts
                step = (1 - PREDICTING) * perceived + PREDICTING * done.get("predicting", 0.0) - reached
                if step > 0:
                    reached += step
                    advance(step)

        def ended() -> None:
            nonlocal reached
            advance(1 - reached)
            done.clear()
            reached = 0.0

        yield on, ended
