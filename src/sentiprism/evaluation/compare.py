"""Runs side by side, on the same utterances."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sentiprism.errors import UserError
from sentiprism.evaluation.bootstrap import Difference, paired
from sentiprism.evaluation.evaluate import Evaluation, evaluate
from sentiprism.training import Run


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
    first = evaluations[0]
    truth = first.predictions[0]
    for other in evaluations[1:]:
        same = other.predictions[0]
        if not (np.array_equal(same.ids, truth.ids) and np.array_equal(same.label, truth.label)):
            raise UserError(
                f"{other.run} was trained on {other.dataset}, {first.run} on {first.dataset}",
                "compare runs of one dataset",
            )
    return Comparison(
        evaluations, tuple(paired(o.stacked, first.stacked, truth.label, first.protocol) for o in evaluations[1:])
    )
