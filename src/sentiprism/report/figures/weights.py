"""Draw modality weights of utterances (MDF, Figure 3)."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sentiprism.report.figures.gates import load_weights
from sentiprism.report.figures.style import MODALITY, canvas, headline, patch, run_notes, styled
from sentiprism.training.run import Run
from sentiprism.types import MODALITIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES = {"modality": "modality weights w", "modality_target": "their training targets w*"}


@styled
def weights(run: Run | Path | str, split: str = "test", *, seed: int | None = None, device: str = "auto") -> "Figure":
    """Draw the modality weights w of every utterance, and below them their targets w* if the model has them.

    Utterances are ordered by the weight of the text (of the first modality in use if the text is not), in the same
    order in both panels.

    Arguments and errors as `sentiprism.report.figures.gates.load_weights`.
    """
    run, seed, given = load_weights(run, split, seed, device, ["modality"])
    panels = {name: given[name] for name in TITLES if name in given}
    w = panels["modality"]
    used = [i for i in range(len(MODALITIES)) if w[:, i].any()]
    order = np.argsort(w[:, used[0]], kind="stable")
    notes = [
        f"{len(w)} utterances by their weight of the {MODALITIES[used[0]]}",
        *run_notes(run, [seed]),
    ]
    key = {str(MODALITIES[i]): patch(MODALITY[MODALITIES[i]]) for i in used}
    figure = canvas(f"Modality weights: {headline(run, split)}", notes, 0.35 + 1.0 * len(panels), key)
    axes = figure.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    edges = np.arange(len(w) + 1)
    for letter, ax, (name, values) in zip("ab", axes, panels.items(), strict=False):
        tops = np.cumsum(values[order][:, used], axis=1)  # (N, M in use)
        floor = np.zeros(len(w))
        for top, i in zip(tops.T, used, strict=True):
            low, high = (np.append(side, side[-1]) for side in (floor, top))
            colour = MODALITY[MODALITIES[i]]
            ax.fill_between(edges, low, high, step="post", color=colour, linewidth=0, label=MODALITIES[i])
            floor = top
        ax.set(xlim=(0, len(w)), ylim=(0, 1), yticks=(0, 0.5, 1), ylabel="share")
        ax.set_title(f"({letter}) {TITLES[name]}" if len(panels) > 1 else TITLES[name], loc="left")
    axes[-1].set_xlabel("utterances, ranked")
    return figure
