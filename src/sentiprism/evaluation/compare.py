"""Compare runs on the same utterances."""

from collections.abc import Iterable, Mapping
from math import isnan, nan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sentiprism.errors import UserError, suggest
from sentiprism.evaluation.bootstrap import Interval
from sentiprism.evaluation.constant import NAME, Constant
from sentiprism.evaluation.differences import Difference, corrected, paired
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.evaluation.footnotes import footnotes
from sentiprism.evaluation.measurement import Evaluation
from sentiprism.evaluation.oracle import ORACLE, selected_on_test
from sentiprism.evaluation.predictions import training_seconds
from sentiprism.models.artifact import count_parameters
from sentiprism.tables import TABLES, Row, comma_separated, duration, probability
from sentiprism.training.run import Run

ABSENT = "–"


class Entry(NamedTuple):
    """A run in a comparison."""

    name: str
    """Name of its folder, or the path if names repeat."""
    evaluation: Evaluation
    difference: dict[str, Difference] | None
    """Every metric minus the reference's, by paired bootstrap; None for the reference."""
    parameters: int
    seconds: float
    """Training time per seed without validation, mean over seeds."""
    oracle: dict[str, Interval] | None = None
    """Metrics if its epochs had been selected on test; None if not requested."""

    def cells(self, metric: str) -> tuple[str, ...]:
        """Mean with standard deviation and interval, and below them the difference from the reference."""
        scale = self.evaluation.protocol.metrics[metric].scale
        own = self.evaluation.metrics[metric].cells(scale)
        if self.difference is None:
            return own
        apart, within, p = self.difference[metric].cells(scale)
        return (*own, f"Δ {apart} {within}", p, probability("Holm", self.difference[metric].holm))


class Comparison(NamedTuple):
    """Runs on one dataset, and their differences from a reference run."""

    entries: tuple[Entry, ...]
    reference: str
    """Name of the reference run."""

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """Evaluations of all runs."""
        return tuple(entry.evaluation for entry in self.entries)

    @property
    def differences(self) -> tuple[dict[str, Difference], ...]:
        """Differences of all runs but the reference."""
        return tuple(entry.difference for entry in self.entries if entry.difference is not None)

    @property
    def constant(self) -> Constant | None:
        """The constant predictor, which is the same for all runs; None if not known."""
        return next((one.constant for one in self.evaluations if one.constant), None)

    @property
    def tests(self) -> int:
        """Number of tests for the correction of p-values."""
        return sum(not isnan(metric.p) for one in self.differences for metric in one.values())

    @property
    def correction(self) -> str:
        """Describe the correction of p-values."""
        return f"p corrected over all metrics and runs of this table ({self.tests} tests, Holm)"

    def to_dict(self) -> dict[str, Any]:
        """As values for JSON."""
        return {
            "reference": self.reference,
            "runs": [one.to_dict() for one in self.evaluations],
            "differences": [_plain(one) for one in self.differences],
            "costs": [{"parameters": one.parameters, "seconds": one.seconds} for one in self.entries],
            "oracle": [one.oracle and _plain(one.oracle) for one in self.entries],
        }

    def render(self, form: str) -> str:
        """Format the comparison as ``markdown``, ``latex`` (booktabs), ``html``, or ``csv``.

        CSV has one line per run and metric, unrounded.

        Raises:
            UserError: the format is unknown.
        """
        check_form(form)
        if form == "csv":
            return comma_separated(*self._records())
        return TABLES[form](*self._table(), self.notes())

    def notes(self) -> list[str]:
        """Footnotes of the table."""
        first = self.evaluations[0]
        found = [
            f"{first.dataset}, {first.split}: mean ± standard deviation over seeds, [95% bootstrap interval over "
            f"{first.drawn_over}]"
        ]
        if self.differences:
            found.append(
                f"Δ: minus {self.reference}, paired bootstrap over the same {first.drawn_over}"
                + f"; p, and {self.correction}" * bool(self.tests)
            )
        oracle = [ORACLE] * any(one.oracle is not None for one in self.entries)
        return [*found, *oracle, *footnotes(self.evaluations)]

    def _table(self) -> tuple[list[str], list[Row]]:
        metrics = self.evaluations[0].protocol.metrics
        heads = [f"{metric.label} {'↑' if metric.higher_is_better else '↓'}" for metric in metrics.values()]
        columns = ["run", "model", "seeds", *heads, "parameters", "training", "selection"]
        rows: list[Row] = []
        if (constant := self.constant) is not None:
            shown = [constant.metrics[name].cells(metric.scale) for name, metric in metrics.items()]
            rows.append([NAME, ABSENT, ABSENT, *shown, ABSENT, ABSENT, ABSENT])
        for one in self.entries:
            size, time = f"{one.parameters / 1e6:.2f} M", duration(one.seconds)
            rule, seeds = one.evaluation.selection.partition(";")[0], str(len(one.evaluation.seeds))
            cells = [one.cells(name) for name in metrics]
            rows.append([one.name + one.evaluation.mark, one.evaluation.model, seeds, *cells, size, time, rule])
            if one.oracle:
                cells = [one.oracle[name].cells(metric.scale)[:1] for name, metric in metrics.items()]
                marked = rule.replace("valid", "test") + " †"
                rows.append([f"{one.name} †", one.evaluation.model, seeds, *cells, size, time, marked])
        return columns, rows

    def _records(self) -> tuple[list[str], list[list[Any]]]:
        columns = [
            "run", "model", "dataset", "split", "seeds", "metric", "mean", "std", "low", "high",
            "difference", "difference_low", "difference_high", "p", "p_holm",
            "test_selected_mean", "test_selected_std", "parameters", "seconds", "selection", "better_than_constant",
        ]  # fmt: skip
        rows: list[list[Any]] = []
        first = self.evaluations[0]
        for name in first.protocol.metrics if self.constant else ():
            value = self.constant.metrics[name]  # type: ignore[union-attr]
            rows.append([NAME, "", first.dataset, first.split, "", name, *value, *[""] * 11])
        for one in self.entries:
            at = one.evaluation
            for name in at.protocol.metrics:
                apart = one.difference[name] if one.difference else (nan,) * 5
                oracle = one.oracle[name][:2] if one.oracle else (nan, nan)
                who = [one.name, at.model, at.dataset, at.split, len(at.seeds), name]
                better = "" if at.constant is None or at.constant.better is None else at.constant.better
                values = [*at.metrics[name], *apart, *oracle, one.parameters, one.seconds, at.selection, better]
                rows.append([*who, *values])
        return columns, rows


def compare(
    runs: Iterable[Run | Path | str],
    split: str = "test",
    *,
    reference: Run | Path | str | None = None,
    oracle: bool = False,
    device: str = "auto",
) -> Comparison:
    """Evaluate runs on one split and compare them with one of them.

    Args:
        runs: runs or their folders; repeated ones count once.
        split: ``train``, ``valid`` or ``test``.
        reference: the reference run, by default the first; it is added if it is not one of the runs.
        oracle: also report selection on test, for runs that were trained with ``oracle: true``.
        device: as in ``train``.

    Raises:
        UserError: there are no runs, the runs have different datasets, or lack test scores of their epochs.
    """
    distinct: dict[Path, Run] = {}
    for given in runs:
        run = given if isinstance(given, Run) else Run(given)
        distinct.setdefault(run.folder.resolve(), run)
    found = list(distinct.values())
    if not found:
        raise UserError("there are no runs to compare", "name at least one")
    if oracle and split != "test":
        raise UserError("`oracle` is for selection on test", "leave out `split`")
    base = 0
    if reference is not None:
        chosen = reference if isinstance(reference, Run) else Run(reference)
        if chosen.folder.resolve() in distinct:
            base = list(distinct).index(chosen.folder.resolve())
        else:
            found.insert(0, chosen)
    selected = [selected_on_test(run) if oracle else None for run in found]
    short = [run.folder.resolve().name for run in found]
    names = short if len(set(short)) == len(short) else [str(run.folder) for run in found]
    evaluations = [evaluate(run, split, device=device) for run in found]
    differences = corrected(
        [None if i == base else difference(e, evaluations[base]) for i, e in enumerate(evaluations)]
    )
    columns = zip(names, found, evaluations, differences, selected, strict=True)
    entries = [
        Entry(
            name,
            one,
            apart,
            count_parameters(run.model_folder(run.finished[0])),
            training_seconds(run),
            chosen,
        )
        for name, run, one, apart, chosen in columns
    ]
    return Comparison(tuple(entries), names[base])


def _plain(found: Mapping[str, Interval | Difference]) -> dict[str, Any]:
    return {name: value._asdict() for name, value in found.items()}


def difference(one: Evaluation, other: Evaluation) -> dict[str, Difference]:
    """Every metric of one run minus the other's, by paired bootstrap over the videos (or utterances) of the split.

    Raises:
        UserError: the runs have different datasets or protocols.
    """
    mine, theirs = one.predictions[0], other.predictions[0]
    if not (np.array_equal(mine.ids, theirs.ids) and np.array_equal(mine.label, theirs.label)):
        raise UserError(
            f"{one.run} was trained on {one.dataset}, {other.run} on {other.dataset}", "compare runs of one dataset"
        )
    if one.protocol is not other.protocol:
        cause = f"{one.run} is scored by the protocol {one.protocol.name}, {other.run} by {other.protocol.name}"
        raise UserError(cause, "evaluate both on the dataset as it is imported now")
    videos = theirs.videos if mine.videos is None else mine.videos
    return paired(one.stacked, other.stacked, theirs.label, other.protocol, videos=videos)


def check_form(form: str) -> None:
    """Refuse an unknown format of comparisons.

    Raises:
        UserError: the format is unknown.
    """
    if form != "csv" and form not in TABLES:
        raise UserError(f"there is no format {form!r}", suggest(form, [*TABLES, "csv"]))
