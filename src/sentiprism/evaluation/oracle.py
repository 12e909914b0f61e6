"""Results of selection on test, for comparison."""

from math import isnan, nan

import numpy as np

from sentiprism.errors import UserError
from sentiprism.evaluation.bootstrap import Interval
from sentiprism.training.oracle import load_oracle
from sentiprism.training.run import Run

ORACLE = "†: the epoch was selected on test, so the value is too good; it shows the bias of this practice"


def selected_on_test(run: Run) -> dict[str, Interval]:
    """Every metric on test at the epoch that is best on test, with mean and standard deviation over seeds.

    Papers that select on test report this number. It is biased, and is only for comparison with the valid one.

    Raises:
        UserError: the run was trained without ``oracle: true``.
    """
    scorer = run.protocol
    select = run.config.optim.select or scorer.default_selection
    sign = 1 if scorer.higher_is_better(select) else -1
    best = []
    for seed in Run.open(run).finished:
        rows = [row["test"] for row in load_oracle(run.seed_folder(seed))]
        if not all(name in row for row in rows for name in scorer.names):
            raise UserError(
                f"the test scores of {run.folder}'s epochs lack a metric", "train it again with oracle=true"
            )
        rows = [row for row in rows if not isnan(row[select])]
        if not rows:
            raise UserError(f"no epoch of {run.folder} has a defined test {select}", "leave out `oracle`")
        best.append(max(rows, key=lambda row: sign * row[select]))
    found = {name: np.array([row[name] for row in best]) for name in scorer.names}
    return {
        name: Interval(float(v.mean()), float(v.std(ddof=1)) if len(v) > 1 else nan, nan, nan)
        for name, v in found.items()
    }
