"""Compare a paper's table with measurements."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from sentiprism.config import merge
from sentiprism.data.known import describe, family
from sentiprism.errors import UserError, suggest
from sentiprism.evaluation.compare import difference
from sentiprism.evaluation.constant import NAME, Constant
from sentiprism.evaluation.differences import Difference
from sentiprism.evaluation.evaluate import load_evaluation
from sentiprism.evaluation.footnotes import footnotes
from sentiprism.evaluation.measurement import Evaluation
from sentiprism.metrics import Metric, Protocol, protocol
from sentiprism.models import MODELS
from sentiprism.tables import markdown
from sentiprism.training.experiments import (
    OURS,
    Experiment,
    Row,
    Table,
    dataset_of,
    list_experiments,
    load_experiment,
    load_paper,
)
from sentiprism.training.run import Run
from sentiprism.training.train import resolve

DOUBTFUL = "?"
"""Mark of a published value that the same paper contradicts."""
ABSENT = "–"

Cells = list[tuple[str, ...]]


class Line(NamedTuple):
    """A row of a published table with its measurement."""

    row: Row
    evaluation: Evaluation | None = None
    difference: dict[str, Difference] | None = None
    """Differences from the full model; None for the full model itself, or if one of the two was not measured."""
    note: str = ""
    """Why nothing was measured, or how the measured run differs from the paper."""


class PublishedTable(NamedTuple):
    """A table of a paper, with measurements if there are any."""

    experiment: str
    """Name of the experiment file."""
    source: Experiment
    key: str
    """``table_2``."""
    dataset: str
    """Dataset of the measurements."""
    lines: tuple[Line, ...]
    reference: str = "full"
    """Reference of differences: the full model, or its name if the table has other models."""

    @property
    def table(self) -> Table:
        """The published table."""
        return self.source.published[self.key]

    @property
    def protocol(self) -> Protocol:
        """Protocol of the measured dataset; without measurements, that of the paper's dataset."""
        measured = next((line.evaluation.protocol for line in self.lines if line.evaluation), None)
        known = describe(str(self.source.run["dataset"]))
        return measured or protocol(known.protocol if known else "intensity")

    @property
    def constant(self) -> Constant | None:
        """The constant predictor on the measured dataset; None if unknown."""
        return next((line.evaluation.constant for line in self.lines if line.evaluation), None)

    def names(self) -> list[str]:
        """Names of rows: the constant predictor, if known, and the table's rows."""
        own = [line.row.name + (line.evaluation.mark if line.evaluation else "") for line in self.lines]
        return [NAME, *own] if self.constant else own

    def columns(self) -> dict[str, Cells]:
        """Cells of every column by heading: for each metric published, measured and difference."""
        metrics, found = self.protocol.known, dict[str, Cells]()
        constant = self.constant
        first: Cells = [(ABSENT,)] if constant else []
        for index, name in enumerate(self.table.columns):
            metric = metrics.get(name)
            title = f"{metric.label} {'↑' if metric.higher_is_better else '↓'}" if metric else name
            measured = any(line.evaluation for line in self.lines)
            published = [_published(line.row, index, name) for line in self.lines]
            found[f"{title} published" if measured else title] = first + published
            if measured and metric:
                same: Cells = [constant.metrics[name].cells(metric.scale)] if constant else []
                found[f"{title} measured"] = same + [_measured(line, name, metric) for line in self.lines]
            if any(line.difference and name in line.difference for line in self.lines) and metric:
                found[f"{title} less {self.reference}"] = first + [
                    _difference(line, name, metric) for line in self.lines
                ]
        return found

    def remarks(self) -> list[str]:
        """Table footnotes."""
        found = [f"published: {self.source.source}; selection: {self.source.selection}"]
        if measured := next((line.evaluation for line in self.lines if line.evaluation), None):
            rules = _grouped((one.evaluation.selection, one.row.name) for one in self.lines if one.evaluation)
            rule = next(iter(rules)) if len(rules) == 1 else "selection below"
            found.append(
                f"measured: {self.dataset}, {measured.split}; {rule}; mean ± standard deviation over "
                f"seeds, 95% bootstrap interval over {measured.drawn_over}"
            )
            found += [f"selection of {names}: {rule}" for rule, names in rules.items() if len(rules) > 1]
            if self.dataset != self.source.run["dataset"]:
                found.append(f"published on {self.source.run['dataset']}, measured on {self.dataset}")
            if any(line.difference for line in self.lines):
                found.append(
                    f"less {self.reference}: paired bootstrap over the same {measured.drawn_over}; intervals, "
                    "not corrected for the number of rows"
                )
        if any(line.row.doubtful for line in self.lines):
            found.append(f"{DOUBTFUL} the paper contradicts this value")
        if evaluations := [line.evaluation for line in self.lines if line.evaluation]:
            found += footnotes(evaluations, [name for name in self.table.columns if name in self.protocol.known])
        else:
            found += self.protocol.footnotes(name for name in self.table.columns if name in self.protocol.known)
        notes = _grouped((note, line.row.name) for line in self.lines if line.note for note in line.note.split("; "))
        return [*found, *(f"{names}: {note}" for note, names in notes.items()), *self.source.notes]

    def to_dict(self) -> dict[str, Any]:
        """As a dictionary for JSON; measured metrics are unrounded fractions, published ones as printed."""
        return {
            "experiment": self.experiment,
            "table": self.key,
            "caption": self.table.caption,
            "source": self.source.source,
            "selection": self.source.selection,
            "notes": list(self.source.notes),
            "dataset": self.dataset,
            "reference": self.reference,
            "rows": [
                {
                    "name": line.row.name,
                    "settings": line.row.settings,
                    "published": dict(zip(self.table.columns, line.row.values, strict=True)),
                    "doubtful": list(line.row.doubtful),
                    "measured": line.evaluation.to_dict() if line.evaluation else None,
                    "difference": {k: d._asdict() for k, d in line.difference.items()} if line.difference else None,
                    "note": line.note,
                }
                for line in self.lines
            ],
        }

    def to_markdown(self) -> str:
        """A section of a page as Markdown."""
        columns = self.columns()
        rows = [
            [name, *(" ".join(cells[index]) for cells in columns.values())] for index, name in enumerate(self.names())
        ]
        title = f"### {self.source.title}: {self.table.caption} ({self.key})"
        return "\n\n".join([title, markdown(("", *columns), rows), "\n".join(f"- {text}" for text in self.remarks())])


def find_experiment(model: str, dataset: str) -> str:
    """Find the experiment file with the published numbers of a model on a dataset.

    Raises:
        UserError: there is none, or more than one.
    """
    MODELS.check(model)
    wanted = family(dataset)
    files = [name for name in list_experiments() if name.startswith(f"{model}/") and OURS not in name]
    papers = {name: load_experiment(name) for name in files}
    fitting = [name for name, paper in papers.items() if paper.published and dataset_of(name) == wanted]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(fitting or (name for name, paper in papers.items() if paper.published))
    what = f"{len(fitting)} papers published" if fitting else "no paper published"
    raise UserError(
        f"{what} numbers of {model} on {wanted}",
        f"choose with `experiment`: {names}" if names else "choose another model",
    )


def find_table(experiment: Experiment, name: str) -> str:
    """Find the key of a table by key (``table_2``), number (``2``) or alias (``components``).

    Raises:
        UserError: the experiment has no such table.
    """
    aliases = {table.alias: key for key, table in experiment.published.items() if table.alias}
    for key in (name, f"table_{name}", aliases.get(name)):
        if key in experiment.published:
            return key
    raise UserError(f"{experiment.title} has no table {name!r}", suggest(name, [*experiment.published, *aliases]))


def published(
    experiment: str, name: str, runs: Iterable[Run | Path | str] = (), *, device: str = "auto"
) -> PublishedTable:
    """Make a paper's table, with runs in the rows whose settings they have.

    A run belongs to the row with the most settings that it has; a row without settings, the full model, gets runs that
    match no other row.

    Args:
        experiment: name or path of the file.
        name: of the table, see `find_table`.
        runs: of the experiment's model, all on one dataset.
        device: for runs that have not been evaluated yet.

    Raises:
        UserError: unknown names, a run of another model, or one that matches no row or the same row as another.
    """
    paper = load_paper(experiment)
    key = find_table(paper, name)
    rows = paper.published[key].rows
    found: dict[str, Evaluation] = {}
    for given in runs:
        run = given if isinstance(given, Run) else Run(given)
        if run.config.model != paper.run["model"]:
            raise UserError(f"{run.folder} is a run of {run.config.model}", f"give one of {paper.run['model']}")
        row = _row_of(run, rows, key)
        if row.name in found:
            raise UserError(f"{found[row.name].run} and {run.name} both have the settings of {row.name!r}", "give one")
        found[row.name] = load_evaluation(run, device=device)
    whole = full_row(paper.run, rows)
    full = found.get(whole.name) if whole else None
    dataset = next((one.dataset for one in found.values()), str(paper.run["dataset"]))
    return PublishedTable(
        experiment, paper, key, dataset, tuple(make_line(row, found.get(row.name), full) for row in rows)
    )


def full_row(base: dict[str, Any], rows: tuple[Row, ...]) -> Row | None:
    """Find the row whose settings do not change ``base``: the full model, the reference of the others."""
    whole = resolve(base)
    return next((row for row in rows if row.settings is not None and resolve(merge(base, row.settings)) == whole), None)


def make_line(row: Row, evaluation: Evaluation | None, full: Evaluation | None, note: str = "") -> Line:
    """Make a row with its measurement and its difference from the full model."""
    compared = evaluation and full and evaluation is not full
    return Line(row, evaluation, difference(evaluation, full) if compared else None, note)  # type: ignore[arg-type]


def _row_of(run: Run, rows: tuple[Row, ...], key: str) -> Row:
    config = resolve(run.config.model_dump(mode="json")).model_dump(mode="json")
    fitting = [row for row in rows if row.settings is not None and merge(config, row.settings) == config]
    if not fitting:
        raise UserError(f"{run.folder} does not match any row of {key}", "train one with: sentiprism ablate")
    return max(fitting, key=lambda row: _leaves(row.settings))


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Texts without duplicates, each with the names of its rows."""
    found: dict[str, list[str]] = {}
    for text, name in pairs:
        found.setdefault(text, []).append(name)
    return {text: ", ".join(names) for text, names in found.items()}


def _leaves(value: Any) -> int:
    return sum(map(_leaves, value.values())) if isinstance(value, dict) else 1


def _published(row: Row, index: int, name: str) -> tuple[str, ...]:
    value = row.values[index]
    return (ABSENT if value is None else f"{value:g}{DOUBTFUL * (name in row.doubtful)}",)


def _measured(line: Line, name: str, metric: Metric) -> tuple[str, ...]:
    return line.evaluation.metrics[name].cells(metric.scale) if line.evaluation else (ABSENT,)


def _difference(line: Line, name: str, metric: Metric) -> tuple[str, ...]:
    return line.difference[name].cells(metric.scale)[:2] if line.difference else (ABSENT,)
