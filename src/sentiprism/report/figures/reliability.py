"""Draw the coverage of calibrated intervals."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiprism.evaluation.calibration import LEVELS, calibrate
from sentiprism.report.figures.style import (
    MARKERS,
    OKABE_ITO,
    canvas,
    colours,
    dot,
    headline,
    run_notes,
    styled,
)
from sentiprism.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def reliability(
    run: Run | Path | str, split: str = "test", *, level: float = 0.9, scaled: bool = False, device: str = "auto"
) -> "Figure":
    """Draw the coverage of split-conformal intervals (or sets of classes) that are fitted on valid.

    The upper panel shows coverage by nominal level: calibrated intervals are on the diagonal. The extremes are the
    lowest and the highest class of the label. The lower panel shows coverage at one level by class of the label, with
    the 95% bootstrap interval, and the mean width (number of classes) on top.

    Args:
        run: a `Run` or its folder.
        split: ``train`` or ``test``.
        level: level of the lower panel.
        scaled: let widths depend on the predicted intensity.
        device: as in ``train``.

    Raises:
        UserError: as `calibrate`.
    """
    run = Run.open(run)
    found = calibrate(run, split, level=level, scaled=scaled, store=False, device=device)
    first = found.calibrations[0]
    looks = dict(zip(found.reliability, zip(OKABE_ITO, MARKERS, strict=False), strict=False))
    names = {"all": "all utterances", "extremes": "lowest and highest class", "others": "classes between"}
    notes = [
        f"split conformal on {first.samples} utterances of valid, which also selected the epoch",
        f"on top: {'classes in the set' if first.kind == 'set' else 'mean width'}",
        *run_notes(run, found.seeds),
    ]
    key = {names[name]: dot(*look, line="-") for name, look in looks.items()}
    panels = 1 + bool(found.classes)
    figure = canvas(f"Calibration: {headline(run, split)}", notes, 1.7 * panels, key)
    curves, *bars = figure.subplots(panels, 1, squeeze=False)[:, 0]
    curves.plot([0, 100], [0, 100], color="0.7", linestyle="--", linewidth=0.8)
    for name, values in found.reliability.items():
        colour, marker = looks[name]
        curves.plot(
            [100 * x for x in LEVELS],
            [100 * x for x in values],
            color=colour,
            marker=marker,
            markersize=2.5,
            label=name,
        )
    curves.set(xlim=(0, 100), ylim=(0, 105), yticks=(0, 50, 100), xlabel="level, %", ylabel="covered, %")
    for ax in bars:
        there = {name: one for name, one in found.classes.items() if one.utterances}
        shades = colours(list(there), ordered=len(there) == len(found.classes))
        for x, (one, colour) in enumerate(zip(there.values(), shades, strict=True)):
            mean, low, high = (100 * getattr(one.coverage, part) for part in ("mean", "low", "high"))
            whisker: Any = {"elinewidth": 0.8, "capsize": 1.5}
            ax.bar(x, mean, 0.75, color=colour, yerr=np.abs([[mean - low], [high - mean]]), error_kw=whisker)
            ax.text(x, 106, f"{one.size:.2f}", ha="center", va="bottom")
        ax.axhline(100 * level, color="0.3", linestyle="--", linewidth=0.8)
        ax.set(ylim=(0, 125), yticks=(0, 50, 100), ylabel="covered, %", xlabel="class of the label")
        ax.set_xticks(range(len(there)), list(there))
        ax.tick_params(bottom=False)
    return figure
