"""Runs side by side, on the same utterances."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sentiprism.errors import UserError
from sentiprism.evaluation.answers import answers, opened, protocol_of
from sentiprism.evaluation.bootstrap import Difference, interval, paired
from sentiprism.evaluation.evaluate import Evaluation, evaluate
from sentiprism.training import Run
from sentiprism.training.loop import selection_rule


class Comparison(NamedTuple):
    """Evaluations of several runs, and what each differs from the first."""

    evaluations: tuple[Evaluation, ...]
    differences: tuple[dict[str, Difference], ...]
    """Of each run after the first: metric less the first run's, by paired bootstrap over the same utterances."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "runs": [one.to_dict() for one in self.evaluations],
            "differences": [{name: value._asdict() for name, value in one.items()} for one in self.differences],
        }


def compare(runs: Iterable[Run | Path | str], split: str = "test", *, device: str = "auto") -> Comparison:
    """Evaluate runs on one split; the first is what the others are compared with.

    Raises:
        UserError: there is no run, or the runs are of different datasets.
    """
    evaluations = tuple(evaluate(run, split, device=device) for run in runs)
    if not evaluations:
        raise UserError("there is no run to compare", "name at least one")
    return Comparison(evaluations, tuple(difference(other, evaluations[0]) for other in evaluations[1:]))


def difference(one: Evaluation, other: Evaluation) -> dict[str, Difference]:
    """Every metric of one run less the other's, by paired bootstrap over the utterances of the split.

    Raises:
        UserError: the runs are of different datasets.
    """
    mine, theirs = one.predictions[0], other.predictions[0]
    if not (np.array_equal(mine.ids, theirs.ids) and np.array_equal(mine.label, theirs.label)):
        raise UserError(
            f"{one.run} was trained on {one.dataset}, {other.run} on {other.dataset}", "compare runs of one dataset"
        )
    return paired(one.stacked, other.stacked, theirs.label, other.protocol)


def recall(run: Run | Path | str, split: str = "test", *, device: str = "auto") -> Evaluation:
    """As `evaluate`, from the predictions that an earlier evaluation kept where there are any.

    What needs the dataset beside the predictions, the recovery of what was planted, is left out.

    Raises:
        UserError: no seed is finished, or there are no predictions and none can be made.
    """
    run = opened(run)
    scorer, found = protocol_of(run), answers(run, split, device=device)
    stacked = np.stack([one.prediction for one in found.values()])
    return Evaluation(
        run=run.name,
        model=run.config.model,
        dataset=run.environment["dataset"]["name"],
        split=split,
        protocol=scorer,
        seeds=tuple(found),
        selection=selection_rule(scorer, run.config.optim.select),
        metrics=interval(stacked, next(iter(found.values())).label, scorer),
        recovery={},
        predictions=tuple(found.values()),
    )
