"""Draw confusion matrices (DLF, Figure 4; DPDF-LQ, Figure 5)."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sentiprism.evaluation.evaluate import load_predictions
from sentiprism.metrics.bins import Bins, bins_of
from sentiprism.report.figures.style import WIDTH, canvas, headline, run_notes, styled
from sentiprism.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BAR = "#08519C"


@styled
def confusion(run: Run | Path | str, split: str = "test", *, seed: int | None = None, device: str = "auto") -> "Figure":
    """Draw the confusion matrix and the accuracy of every class.

    Classes are those of the dataset's own accuracy (see `sentiprism.metrics.bins`): on [-3, 3] the seven of Acc-7,
    HN highly negative (-3), N negative (-2), WN weakly negative (-1), Neu neutral (0), WP, P and HP. Cells have
    numbers of utterances, their shade is the share of the row; with several seeds both are means, and bars have
    standard deviations. Classes without labels and predictions are left out.

    Args:
        run: a `Run` or its folder.
        split: ``train``, ``valid`` or ``test``.
        seed: seed of the model; by default all finished ones.
        device: as in ``train``, if the run is not evaluated on the split yet.

    Raises:
        UserError: the dataset's range has no classes.
    """
    run = Run.open(run)
    found = load_predictions(run, split, device=device)
    if seed is not None:
        found = {run.choose_seed(seed): found[run.choose_seed(seed)]}
    scorer, kinds = run.protocol, classes_of(run)
    tables = np.stack([kinds.table(one.prediction, one.label) for one in found.values()])  # (S, K, K)
    there = np.flatnonzero(tables.any(axis=(0, 1)) | tables.any(axis=(0, 2)))
    tables, names = tables[:, there][:, :, there], [kinds.names[i] for i in there]
    totals = tables[0].sum(axis=1)  # labels are the same for every seed
    with np.errstate(invalid="ignore"):  # a class without labels has no accuracy
        shares = tables.mean(axis=0) / totals[:, None]
        accuracy = np.diagonal(tables, axis1=1, axis2=2) / totals  # (S, K)
    overall = np.mean([np.trace(table) / table.sum() for table in tables])
    title = f"Confusion: {headline(run, split)}"
    several = len(found) > 1
    notes = [
        f"{scorer.metrics[kinds.metric].label} {100 * overall:.1f}",
        f"classes: {kinds.rule}",
        *run_notes(run, list(found), ", means and deviation" * several),
    ]
    K, side = len(names), 0.62 * WIDTH
    figure = canvas(title, notes, side + 0.15)
    grid, bars = figure.subplots(1, 2, sharey=True, width_ratios=(2.1, 1))
    grid.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, j in np.ndindex(K, K):
        shade = "white" if shares[i, j] > 0.5 else "black"
        grid.text(j, i, f"{tables[:, i, j].mean():.0f}", ha="center", va="center", color=shade)
    grid.set(xticks=range(K), yticks=range(K), xlabel="predicted", ylabel="label")
    grid.set_xticklabels(names)
    grid.set_yticklabels(names)
    deviation = 100 * accuracy.std(axis=0, ddof=1) if several else None
    means = 100 * accuracy.mean(axis=0)
    bars.barh(range(K), np.nan_to_num(means), 0.7, color=BAR, xerr=deviation, error_kw={"elinewidth": 0.8})
    for y, (mean, total) in enumerate(zip(means, totals, strict=True)):
        text = f"{mean:.0f}" if total else "–"
        reach = np.nan_to_num(mean) + (np.nan_to_num(deviation[y]) if deviation is not None else 0)
        bars.text(reach + 3, y, text, va="center")
    bars.set(xlim=(0, 125), xticks=(0, 50, 100), xlabel="accuracy, %")
    bars.tick_params(length=0, labelleft=False)
    grid.tick_params(length=0)
    return figure


def classes_of(run: Run) -> Bins:
    """Sentiment classes of a run's dataset."""
    return bins_of(run.protocol, run.load_dataset(verify=False).card.target)
