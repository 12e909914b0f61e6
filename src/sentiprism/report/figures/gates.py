"""Draw the distribution of a model's gates (DPDF-LQ, Appendix A.3)."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.evaluation.evaluate import load_predictions
from sentiprism.models import MODELS
from sentiprism.report.figures.style import canvas, colours, headline, run_notes, styled
from sentiprism.training.run import Run
from sentiprism.types import MODALITIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 50
"""Number of bars of a histogram over [0, 1]."""
COLUMNS: dict[str, tuple[str, ...]] = {"modality": MODALITIES, "path": ("global", "local")}
"""Names of the columns of gates; others are numbered."""


@styled
def gates(run: Run | Path | str, split: str = "test", *, seed: int | None = None, device: str = "auto") -> "Figure":
    """Draw a histogram of every column of every gate, with mean and standard deviation over the utterances.

    A weight of exactly 0 is of an unused modality or expert, and is left out.

    Arguments and errors as `load_weights`.
    """
    run, seed, given = load_weights(run, split, seed, device)
    rows = {name: _columns(name, values) for name, values in given.items() if not name.endswith("_target")}
    notes = [
        "mean ± deviation over the utterances in which a part takes part",
        *run_notes(run, [seed]),
    ]
    count = sum(map(len, rows.values()))
    figure = canvas(f"Gates: {headline(run, split)}", notes, 0.25 + 0.22 * len(rows) + 0.3 * count)
    axes = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=list(map(len, rows.values())))[:, 0]
    for ax, (name, columns) in zip(axes, rows.items(), strict=True):
        for y, (column, colour) in enumerate(zip(columns, colours(list(columns)), strict=True)):
            values = columns[column]
            counts, edges = np.histogram(values, BINS, (0, 1))
            heights = 0.85 * counts / counts.max()
            ax.stairs(heights - y, edges, baseline=-y, fill=True, color=colour, label=column)
            mean = values.mean()
            ax.plot([mean, mean], [-y, -y + 0.85], color="black", linewidth=0.8)
            deviation = values.std(ddof=1) if len(values) > 1 else np.nan
            ax.text(1.02, 0.3 - y, f"{mean:.3f} ± {deviation:.3f}", transform=ax.get_yaxis_transform(), va="center")
        ax.set(xlim=(0, 1), ylim=(0.9 - len(columns), 1), yticks=[0.3 - y for y in range(len(columns))])
        ax.set_yticklabels(columns)
        ax.tick_params(left=False)
        ax.set_title(name, loc="left")
    axes[-1].set_xlabel("weight")
    return figure


def load_weights(
    run: Run | Path | str, split: str, seed: int | None, device: str, wanted: Sequence[str] = ()
) -> tuple[Run, int, dict[str, npt.NDArray[Any]]]:
    """Open a run, and load one seed's weights of each utterance.

    Args:
        run: a `Run` or its folder.
        split: ``train``, ``valid`` or ``test``.
        seed: seed of the model; by default the first finished one.
        device: as in ``train``, if the run is not evaluated on the split yet.
        wanted: names that must exist.

    Returns:
        The run, the seed, and (N, K) weights by name; those over time are left out.

    Raises:
        UserError: the model has no such weights.
    """
    run = Run.open(run)
    seed = run.choose_seed(seed)
    given = load_predictions(run, split, device=device)[seed].weights
    found = {name: values for name, values in given.items() if values.ndim == 2 and name[:5] != "time."}
    lacking = [name for name in wanted if name not in found]
    if lacking or not found:
        reason = MODELS[run.config.model].exceptions.get("weights", "")
        raise UserError(
            f"{run.config.model} gives no {' or '.join(lacking) or 'gate'} weights{f': {reason}' * bool(reason)}",
            f"it gives {', '.join(found)}: draw gates" if found else "choose a run of a model that weighs",
        )
    return run, seed, found


def _columns(name: str, values: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    """Non-zero values by the column's name; a column of zeros is of an unused part."""
    names = COLUMNS.get(name, ())
    if len(names) != values.shape[1]:
        names = tuple(f"{name} {i + 1}" for i in range(values.shape[1]))
    return {column: taken for column, one in zip(names, values.T, strict=True) if len(taken := one[one != 0])}
