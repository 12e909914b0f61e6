"""From recordings to reports."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from sentiprism.cli.dataset import pairs
from sentiprism.cli.hints import followed_by
from sentiprism.cli.tables import emit_json, facts, points, table
from sentiprism.errors import UserError, few, printable
from sentiprism.languages import language_name
from sentiprism.markup import clock, signed

if TYPE_CHECKING:
    from sentiprism.analysis.batch import Outcome
    from sentiprism.analysis.inputs import Task
    from sentiprism.report.document import Estimate, Judge, Recording

JUDGING = 0.15
"""Share of the time that it takes, for the bar alone; the rest is looking and listening, side by side."""


@followed_by("open {result}")
def analyze(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Videos, sounds, texts, tables of texts (.csv); or folders.")
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the report goes.")] = Path("report"),
    model: Annotated[str, typer.Option(metavar="MODEL", help="starter, or the folder of a saved model.")] = "starter",
    transcript: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What is said: .srt, .vtt, .txt or .json; a folder for many recordings."),
    ] = None,
    asr: Annotated[
        str, typer.Option(metavar="NAME", help="Whisper model by name or folder; none = no recognition.")
    ] = "base",
    language: Annotated[str | None, typer.Option(metavar="CODE", help="Of the speech; else recognised.")] = None,
    language_mismatch: Annotated[
        str, typer.Option(metavar="WHAT", help="Of words not in the model's language: drop, note or error.")
    ] = "drop",
    face: Annotated[str, typer.Option(metavar="WHICH", help="largest, or all: an answer for each face.")] = "largest",
    longest: Annotated[float, typer.Option(metavar="S", help="Seconds of an utterance at most.")] = 15.0,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=THEIRS", help="Column of a .csv: text, id, start, end; repeatable."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Recordings at a time.")] = 1,
    strict: Annotated[bool, typer.Option("--strict", help="A recording that fails is an error.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace reports of other settings.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the analysis as JSON for programs.")] = False,
) -> Path:
    """What people in your own recordings feel, moment by moment, and why the program thinks so.

    Makes report.html (one page, nothing is fetched from outside), analysis.json and utterances.csv.

    A folder gives a report for each video, sound and text (.txt, .srt, .vtt) in it; a transcript that has the name of a
    recording beside it is taken for its words. A .csv is one report in which each row is an utterance, by its columns
    text and, where there are any, id, start and end (seconds).

    Examples:
        sentiprism analyze talk.mp4 --out report

        sentiprism analyze talk.mp4 --transcript talk.srt

        sentiprism analyze videos/ --out reports --jobs 2

        sentiprism analyze review.txt

        sentiprism analyze reviews.csv --column text=Review --column id=Number

        sentiprism analyze talk.mp4 --model runs/mine/seed-1111/model
    """
    from sentiprism.analysis.inputs import ROWS, left_out, tasks
    from sentiprism.analysis.options import Options
    from sentiprism.report.files import INDEX, PAGE, write_index
    from sentiprism.report.page.index import Entry

    columns = pairs(column or [], "NAME=THEIRS")
    chosen = {
        "columns": columns,
        "model": model,
        "asr": asr,
        "language": language,
        "language_mismatch": language_mismatch,
        "face": face,
        "longest": longest,
    }
    options = Options.parse(chosen, "the options of analyze")
    todo = tasks(inputs, out, transcript)
    if columns and not any(task.path.suffix.lower() == ROWS for task in todo):
        raise UserError("--column goes with a table of texts", "name a .csv, or leave it out")
    from sentiprism.analysis.batch import analyze_all

    outcomes: list[Outcome] = []
    what = printable(todo[0].path.name) if len(todo) == 1 else _count(todo)
    with _bar(f"analysing {what}", len(todo)) as (on, ended):
        for outcome in analyze_all(todo, options, jobs=jobs, replace=replace, on=on):
            outcomes.append(outcome)
            ended()
    outcomes.sort(key=lambda one: todo.index(one.task))
    if todo[0].folder == out:
        if outcomes[0].error is not None:
            raise outcomes[0].error
        _say(outcomes[0], as_json=as_json)
        return out / PAGE
    done = [(one.analysis, f"{one.task.folder.name}/{PAGE}") for one in outcomes if one.analysis is not None]
    reasons = zip(_names(outcomes), (one.reason for one in outcomes), strict=True)
    failures = {name: reason for name, reason in reasons if reason is not None}
    write_index(out, (Entry.of(analysis, link) for analysis, link in done), failures)
    _say_all(outcomes, str(out / INDEX), as_json=as_json)
    if not as_json and (others := left_out(inputs)):
        tables = "name it to analyse its rows"
        named = (f"{path.name} ({tables})" if path.suffix.lower() == ROWS else path.name for path in others)
        facts(Text(""), [("not analysed", few(named))])
    failed = sum(one.analysis is None for one in outcomes)
    if failed and (strict or failed == len(outcomes)):
        raise UserError(f"{failed} of {_count(todo)} failed", "see the reasons above")
    return out / INDEX


@contextmanager
def _bar(message: str, count: int) -> Iterator[tuple[Callable[[str, float], None], Callable[[], None]]]:
    """Yield what is told of the parts of a recording, and what is told that one has ended."""
    from sentiprism.features.progress import progress

    done: dict[str, float] = {}
    reached, lock = 0.0, Lock()  # it is told by two threads
    with progress(message, count) as advance:

        def on(part: str, share: float) -> None:
            nonlocal reached
            with lock:
                done[part] = share
                perceived = min(done.get("faces", 0.0), done.get("speech", 0.0))  # the slower one is waited for
                step = (1 - JUDGING) * perceived + JUDGING * done.get("judging", 0.0) - reached
                if step > 0:
                    reached += step
                    advance(step)

        def ended() -> None:
            nonlocal reached
            advance(1 - reached)
            done.clear()
            reached = 0.0

        yield on, ended


def _say(outcome: "Outcome", *, as_json: bool) -> None:
    """One recording: the summary, and where the page lies."""
    from sentiprism.report.files import PAGE
    from sentiprism.report.page.wording import moments, noun, spoken
    from sentiprism.report.tally import count_utterances

    analysis = outcome.analysis
    assert analysis is not None  # noqa: S101 - the caller has looked
    if as_json:
        emit_json(analysis.model_dump(mode="json"))
        return
    seen, about = analysis.recording, analysis.summary
    ends = (
        (one.label.lower(), f"{answer(one.part.estimate, analysis.judge)} at {clock(one.part.start)}: {one.quote}")
        for one in moments(analysis)
    )
    counts = count_utterances(analysis.utterances)
    firm = f"{counts.utterances}, of which {counts.firm} firm"
    if counts.faces > 1:
        firm += f"; {len(analysis.utterances)} estimates, one for each face"
    weighed = "weighted by time" if about.timed else "mean of the rows"
    lines = [
        (noun(seen), clock(seen.duration) if seen.kind == "text" else f"{seen.kind}, {clock(seen.duration)}"),
        ("words", seen.transcript),
        ("language", spoken(seen)),
        ("utterances", firm),
        ("mean", None if about.mean is None else f"{signed(about.mean)} on {_range(analysis.judge)}, {weighed}"),
        ("weak", ", ".join(about.caution)),
        *ends,
        ("model", f"{analysis.judge.name} ({analysis.judge.model})"),
        ("seconds", ", ".join(f"{part} {seconds:.1f}" for part, seconds in sorted(outcome.seconds.items()))),
        ("report", f"{outcome.task.folder / PAGE}{' (was there already)' if outcome.kept else ''}"),
    ]
    facts(Text(seen.name, style="bold"), lines)
    if analysis.notes:
        points("Notes", analysis.notes)


def _say_all(outcomes: "list[Outcome]", index: str, *, as_json: bool) -> None:
    """Many recordings: a line each."""
    from sentiprism.report.tally import count_utterances

    if as_json:
        kept = ({"summary": one.analysis.summary.model_dump()} if one.analysis else {} for one in outcomes)
        files = ({"file": str(o.task.path), "report": str(o.task.folder), "reason": o.reason} for o in outcomes)
        emit_json([file | more for file, more in zip(files, kept, strict=True)])
        return
    rows = []
    for name, one in zip(_names(outcomes), outcomes, strict=True):
        parts, mean = (one.analysis.utterances, one.analysis.summary.mean) if one.analysis else ((), None)
        counts = count_utterances(parts)
        found = (*one.analysis.summary.caution, *_foreign(one.analysis.recording)) if one.analysis else ()
        said = one.reason or "; ".join(("done" if parts or not found else "not judged", *found))
        rows.append((name, str(counts.utterances), str(counts.firm), "-" if mean is None else signed(mean), said))
    caption = f"Means are weighted by time, those of rows without times are not. Reports: {index}"
    columns = ("file", "utterances", "firm", "mean", "outcome")
    table(_count([one.task for one in outcomes]), columns, rows, caption, numbers=columns[1:4])


def _count(tasks: "Sequence[Task]") -> str:
    """How many there are, and of what."""
    noun = "file" if any(task.is_text for task in tasks) else "recording"
    return f"{len(tasks)} {noun}{'' if len(tasks) == 1 else 's'}"


def _names(outcomes: "list[Outcome]") -> list[str]:
    """Of the recordings; where two have one name, with their folders."""
    names = [one.task.path.name for one in outcomes]
    return [printable(n if names.count(n) == 1 else one.task.path) for n, one in zip(names, outcomes, strict=True)]


def _foreign(recording: "Recording") -> list[str]:
    """What became of words that are not in the model's language."""
    if recording.language_mismatch is None:
        return []
    named = f" ({language_name(recording.language)})" if recording.language else ""
    return [f"words in another language{named}: {recording.language_mismatch}"]


def answer(estimate: "Estimate", judge: "Judge") -> str:
    """An estimate for people, with its interval or the class's name."""
    weak = f" (weak: {', '.join(estimate.caution)})" if estimate.caution else ""
    if estimate.probabilities:
        name = judge.target.classes[int(estimate.value)]
        return f"{name} ({max(estimate.probabilities):.0%}){weak}"
    if estimate.low is None or estimate.high is None:
        return signed(estimate.value) + weak
    return f"{signed(estimate.value)} [{signed(estimate.low, 1)}, {signed(estimate.high, 1)}]{weak}"


def _range(judge: "Judge") -> str:
    return f"[{judge.target.low:g}, {judge.target.high:g}]"
