"""Run a study: analyse what is not analysed yet, compare, and write the report."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from sentiprism import __version__
from sentiprism.analysis.batch import Outcome, analyze_all
from sentiprism.analysis.options import Options
from sentiprism.analysis.parts import Progress
from sentiprism.config import Config
from sentiprism.errors import UserError, suggest
from sentiprism.executors.base import THIS_PROCESS, Executor
from sentiprism.files import make_folder, write_text
from sentiprism.report.files import PAGE as REPORT
from sentiprism.report.files import PICTURE
from sentiprism.report.options import ReportOptions
from sentiprism.study.design import PERSON, Observation, measures_of
from sentiprism.study.methods import Analysed, write_methods
from sentiprism.study.outputs import (
    DIFFERENCE_COLUMNS,
    GROUP_COLUMNS,
    REPEATED_COLUMNS,
    as_records,
    difference_rows,
    group_rows,
    repeated_rows,
    write_tables,
)
from sentiprism.study.page import render_study
from sentiprism.study.recordings import REPORTS, StudyInputs, StudyRecording
from sentiprism.study.study import MOST_COMPARED, Study, compare_groups
from sentiprism.study.summary import RecordingSummary, summarize
from sentiprism.tables import jsonable

PAGE, METHODS, DOCUMENT = "study.html", "methods.txt", "study.json"


class StudyOptions(Config):
    """Settings of a study."""

    analysis: Options = Options()
    report: ReportOptions = ReportOptions(picture=True)
    """Of the report of each recording; what it hides is hidden on the page of the study, too."""
    by: tuple[str, ...] = ()
    """Attributes to compare; () = each except person that has two to six values."""
    measure: str | None = None
    """What is compared, see `sentiprism.study.design.measures_of`; None = sentiment, or the first class's share."""
    title: str = "Study"
    names: bool = True
    """Name recordings on the page and link their reports; otherwise they are numbered."""


class StudyResult(NamedTuple):
    """A finished study."""

    recordings: tuple[tuple[StudyRecording, RecordingSummary | None], ...]
    studies: tuple[Study, ...]
    """One for each attribute, or one of all recordings together."""
    failures: dict[str, str]
    """Reasons by name of the recordings that could not be analysed."""
    kept: int
    """Analyses that existed already."""
    methods: tuple[str, ...]
    page: Path
    notes: tuple[str, ...]

    def to_record(self) -> dict[str, Any]:
        """Groups, differences and recordings for programs."""
        recordings = [
            {
                "recording": one.task.folder.name,
                "file": one.task.path.name,
                "attributes": dict(one.attributes),
                "summary": summary and summary.model_dump(mode="json"),
                "failure": self.failures.get(one.task.folder.name),
            }
            for one, summary in self.recordings
        ]
        every = self.studies
        return {
            "recordings": recordings,
            "groups": as_records(GROUP_COLUMNS, (row for one in every for row in group_rows(one))),
            "differences": as_records(DIFFERENCE_COLUMNS, (row for one in every for row in difference_rows(one))),
            "repeated_measures": as_records(REPEATED_COLUMNS, (row for one in every for row in repeated_rows(one))),
            "notes": list(self.notes),
            "page": str(self.page),
        }


def run_study(
    inputs: StudyInputs,
    out: Path,
    options: StudyOptions,
    *,
    executor: Executor = THIS_PROCESS,
    replace: bool = False,
    on: Progress | None = None,
    ended: Callable[[], Any] = lambda: None,
) -> StudyResult:
    """Run a study; analyses that exist already, of the same content with the same settings, are kept.

    Writes into ``out``: ``study.html``, ``methods.txt``, ``study.json``, the tables of `sentiprism.study.outputs`, and
    a report of each recording in the folder ``recordings``. A recording that fails is left out and listed.

    Args:
        inputs: recordings with attributes.
        out: folder of the study.
        options: settings.
        executor: where the analyses are made.
        replace: replace analyses of other files or settings.
        on: called with the progress of a single recording, if the executor is this process.
        ended: called after each recording.

    Raises:
        UserError: an attribute is unknown or has one value, no recording could be analysed, or ``out`` cannot be used.
    """
    chosen = choose_attributes(inputs, options.by)
    options = options.model_copy(update={"analysis": options.analysis.pinned()})
    _claim(out)
    known: dict[Path, _Row] = {}
    tasks = [one.task for one in inputs.recordings]
    more: dict[str, Any] = {"executor": executor, "replace": replace, "report": options.report, "on": on}
    for row in analyze_all(tasks, options.analysis, take=_take_row, **more):
        known[row.folder] = row
        ended()
    analysed, rows = Analysed(), [known[task.folder] for task in tasks]  # in this order: results are deterministic
    for row in rows:
        analysed.join(row.analysed)
    failures = {row.folder.name: row.reason for row in rows if row.reason is not None}
    recordings = tuple((one, row.summary) for one, row in zip(inputs.recordings, rows, strict=True))
    observations = [Observation(one.task.folder.name, one.attributes, made) for one, made in recordings if made]
    if not observations:
        raise UserError(f"none of {len(tasks)} recordings could be analysed: {next(iter(failures.values()))}",
                        "fix the files, or leave them out of the table")  # fmt: skip
    first, *others = _compare(observations, chosen, options.measure)
    studies = (first._replace(notes=(*inputs.notes, *first.notes)), *others)
    methods = write_methods(analysed, options.analysis, studies, len(failures))
    notes = tuple(dict.fromkeys(note for study in studies for note in study.notes))
    result = StudyResult(recordings, studies, failures, sum(row.kept for row in rows), methods, out / PAGE, notes)
    write_tables(out, recordings, inputs.attributes, studies)
    write_text(out / METHODS, "\n\n".join(methods) + "\n")
    _write_page(result, observations, options)
    settings = options.model_dump(mode="json")
    document = {"program": f"sentiprism {__version__}", "settings": settings, **result.to_record()}
    write_text(out / DOCUMENT, json.dumps(jsonable(document), indent=1, ensure_ascii=False) + "\n")
    return result


def choose_attributes(inputs: StudyInputs, by: Sequence[str]) -> list[str]:
    """Attributes to compare: those that are given, else each except person that has two to six values.

    Raises:
        UserError: a given one is unknown, or has one value in all recordings.
    """
    values = {
        name: {one.attributes[name] for one in inputs.recordings if name in one.attributes}
        for name in inputs.attributes
    }
    for name in by:
        if name not in values:
            raise UserError(f"the table has no attribute {name!r}", suggest(name, values))
        if len(values[name]) < 2:
            having = f"one value, {min(values[name])!r}, in all recordings" if values[name] else "no value"
            others = [other for other, found in values.items() if len(found) > 1]
            raise UserError(
                f"{name} has {having}: there is nothing to compare",
                f"choose another `by`: {', '.join(others)}" if others else "leave `by` out to summarise all recordings",
            )
    return list(by) or [name for name, found in values.items() if name != PERSON and 2 <= len(found) <= MOST_COMPARED]


def _claim(out: Path) -> None:
    """Make the folder of the study; a folder with other contents is refused."""
    if out.is_dir() and any(out.iterdir()) and not (out / DOCUMENT).is_file():
        raise UserError(f"{out} has other contents than a study", "choose another `out`")
    make_folder(out)
    if not (out / DOCUMENT).is_file():
        write_text(out / DOCUMENT, json.dumps({"program": f"sentiprism {__version__}"}) + "\n")


class _Row(NamedTuple):
    """The numbers of an analysis; the analysis itself is not held in memory."""

    folder: Path
    summary: RecordingSummary | None
    analysed: Analysed
    reason: str | None
    kept: bool


def _take_row(outcome: Outcome) -> _Row:
    analysed, found = Analysed(), outcome.analysis
    if found is not None:
        analysed.add(found)
    summary = None if found is None else summarize(found)
    return _Row(outcome.task.folder, summary, analysed, outcome.reason, outcome.kept)


def _compare(observations: Sequence[Observation], chosen: Sequence[str], measure: str | None) -> tuple[Study, ...]:
    known = measures_of(observations)
    if measure is not None and measure not in known:
        raise UserError(f"{measure!r} is not a measure of these recordings", suggest(measure, known))
    return tuple(compare_groups(observations, by, measure) for by in chosen) or (
        compare_groups(observations, None, measure),
    )


def _write_page(result: StudyResult, observations: Sequence[Observation], options: StudyOptions) -> None:
    names = {one.recording: one.recording for one in observations if options.names}
    places = {one.task.folder.name: one.task.folder / PICTURE for one, _ in result.recordings}
    page = render_study(
        result.studies,
        options.title,
        observations,
        names,
        links={name: f"{REPORTS}/{quote(name)}/{REPORT}" for name in names},
        pictures={one.recording: places[one.recording] for one in observations if options.report.picture},
        methods=result.methods,
        failures=result.failures if options.names else {},  # reasons may name files
    )
    write_text(result.page, page)
