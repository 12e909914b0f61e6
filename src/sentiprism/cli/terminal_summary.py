"""What `analyze` prints on the terminal; for the report itself see ``report/``."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.text import Text

from sentiprism.cli.flags import with_flags
from sentiprism.cli.tables import emit_json, facts, points, table
from sentiprism.errors import few, printable
from sentiprism.languages import language_name
from sentiprism.tables import clock, signed

if TYPE_CHECKING:
    from sentiprism.analysis.batch import Outcome
    from sentiprism.analysis.inputs import AnalysisTask
    from sentiprism.report.page.index import Entry
    from sentiprism.report.schema import Estimate, ModelFacts, Recording, Summary


def show_recording(outcome: "Outcome", *, as_json: bool) -> None:
    """Print the summary of one recording, and the path of its page."""
    from sentiprism.report.by_speaker import speaker_rows
    from sentiprism.report.files import PAGE
    from sentiprism.report.tally import count_utterances
    from sentiprism.report.wording import moments, noun, spoken, weighting

    analysis = outcome.analysis
    assert analysis is not None  # noqa: S101 - checked by the caller
    if as_json:
        emit_json(analysis.model_dump(mode="json"))
        return
    seen, about = analysis.recording, analysis.summary
    ends = (
        (one.label.lower(), f"{format_estimate(part.estimate, analysis.model)} at {clock(part.start)}: {one.quote}")
        for one in moments(analysis)
        for part in (one.part,)
    )
    counts = count_utterances(analysis.utterances)
    firm = f"{counts.utterances}, of which {counts.firm} firm"
    if counts.faces > 1:
        firm += f"; {len(analysis.utterances)} estimates, one per face"
    scale = f"[{analysis.model.target.low:g}, {analysis.model.target.high:g}]"
    lines = [
        (noun(seen), clock(seen.duration) if seen.kind == "text" else f"{seen.kind}, {clock(seen.duration)}"),
        ("words", seen.transcript),
        ("language", spoken(seen)),
        ("utterances", firm),
        ("mean", None if about.mean is None else f"{signed(about.mean)} on {scale}, {weighting(analysis)}"),
        ("weak", ", ".join(about.caution)),
        *((f"speaker {one.name}", f"{one.mean}, {one.speech} of speech") for one in speaker_rows(analysis)),
        *ends,
        ("model", f"{analysis.model.name} ({analysis.model.model})"),
        ("seconds", ", ".join(f"{part} {seconds:.1f}" for part, seconds in sorted(outcome.seconds.items()))),
        ("report", f"{outcome.task.folder / PAGE}{' (already existed)' if outcome.kept else ''}"),
    ]
    facts(Text(seen.name, style="bold"), lines)
    if analysis.notes:
        points("Notes", analysis.notes)


class FolderRow(NamedTuple):
    """A row of the table of a folder; small, so that thousands can be listed."""

    task: "AnalysisTask"
    reason: str | None
    """Why it could not be analysed, in one line; None if it was."""
    entry: "Entry | None" = None
    """Row of the index page; None if it could not be analysed."""
    recording: "Recording | None" = None
    summary: "Summary | None" = None

    @classmethod
    def of(cls, outcome: "Outcome") -> "FolderRow":
        """Make the row of an outcome."""
        from sentiprism.report.files import PAGE
        from sentiprism.report.page.index import Entry

        reason = None if outcome.reason is None else with_flags(outcome.reason)
        if (made := outcome.analysis) is None:
            return cls(outcome.task, reason)
        entry = Entry.of(made, f"{outcome.task.folder.name}/{PAGE}")
        return cls(outcome.task, reason, entry, made.recording, made.summary)


def show_folder(rows: Sequence[FolderRow], skipped: Mapping[Path, str], index: str, *, as_json: bool) -> None:
    """Print a line for each recording or text, and the files that were not analysed.

    Args:
        rows: of the analyses.
        skipped: reasons by skipped file in folders.
        index: path of the index page of all reports.
        as_json: print JSON for programs.
    """
    if as_json:
        others = ((str(path), reason) for path, reason in skipped.items())
        told = ({"file": file, "report": None, "reason": reason, "status": "skipped"} for file, reason in others)
        emit_json([*map(_row_as_json, rows), *told])
        return
    cells = []
    for name, one in zip(display_names([one.task.path for one in rows]), rows, strict=True):
        count, firm = (one.entry.utterances, one.entry.firm) if one.entry else (0, 0)
        mean = one.summary.mean if one.summary else None
        found = (*one.summary.caution, *_language(one.recording)) if one.summary and one.recording else ()
        said = one.reason or "; ".join(("done" if count or not found else "not analysed", *found))
        cells.append((name, str(count), str(firm), "-" if mean is None else signed(mean), said))
    caption = f"Means are weighted by time; of texts without times by their words, of rows equally. Reports: {index}"
    columns = ("file", "utterances", "firm", "mean", "outcome")
    table(count_files([one.task for one in rows]), columns, cells, caption, numbers=columns[1:4])
    if skipped:
        named = (f"{path.name} ({reason})" for path, reason in skipped.items())
        facts(Text(""), [("not analysed", few(named))])


def _row_as_json(row: FolderRow) -> dict[str, Any]:
    found: dict[str, Any] = {
        "file": str(row.task.path),
        "report": str(row.task.folder),
        "reason": row.reason,
        "status": "failed" if row.entry is None else "analysed",
    }
    if row.recording is not None and row.summary is not None:
        found["recording"] = row.recording.model_dump(mode="json")
        found["summary"] = row.summary.model_dump(mode="json")
    return found


def count_files(tasks: "Sequence[AnalysisTask]") -> str:
    """Count files by kind, as a text."""
    noun = "file" if any(task.is_text for task in tasks) else "recording"
    return f"{len(tasks)} {noun}{'' if len(tasks) == 1 else 's'}"


def display_names(paths: Sequence[Path]) -> list[str]:
    """Names of files for display; with folders if names repeat."""
    counts = Counter(path.name for path in paths)
    return [printable(path.name if counts[path.name] == 1 else path) for path in paths]


def _language(recording: "Recording") -> list[str]:
    """Describe an uncertain language, and the handling of words that are not in the model's."""
    from sentiprism.report.wording import uncertain_language

    found = []
    if recording.language_mismatch is not None:
        named = f" ({language_name(recording.language)})" if recording.language else ""
        found.append(f"words in another language{named}: {recording.language_mismatch}")
    if (doubt := uncertain_language(recording)) is not None:
        found.append(f"language: {doubt}")
    return found


def format_estimate(estimate: "Estimate", model: "ModelFacts") -> str:
    """Format an estimate with its interval or the class's name."""
    weak = f" (weak: {', '.join(estimate.caution)})" if estimate.caution else ""
    if estimate.probabilities:
        name = model.target.classes[int(estimate.value)]
        return f"{name} ({max(estimate.probabilities):.0%}){weak}"
    if estimate.low is None or estimate.high is None:
        return signed(estimate.value) + weak
    return f"{signed(estimate.value)} [{signed(estimate.low, 1)}, {signed(estimate.high, 1)}]{weak}"
