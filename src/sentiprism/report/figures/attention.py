"""Draw mean attention matrices (DPDF-LQ, Figure 4)."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sentiprism.errors import UserError
from sentiprism.evaluation.opened import open_split
from sentiprism.explanation.attention import AttentionMap, mean_attention
from sentiprism.explanation.representations import load_seed
from sentiprism.report.figures.style import LINE, WIDTH, canvas, fitted, headline, run_notes, styled
from sentiprism.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 27
"""Most panels on a page."""


@styled
def attention(
    run: Run | Path | str,
    split: str = "test",
    *,
    layers: Sequence[str] = (),
    limit: int = 200,
    seed: int | None = None,
    device: str = "auto",
) -> "Figure":
    """Draw mean attention maps of stacks of layers, averaged over utterances, heads and layers.

    Rows are query positions, columns source positions; see `sentiprism.explanation.attention`. Each panel has its own
    scale, from 0 to the number above it, followed by the entropy of its rows. Layers of a stack with different map
    shapes have separate panels.

    Args:
        run: a `Run` or its folder.
        split: ``train``, ``valid`` or ``test``.
        layers: patterns of names to draw, for example ``global*``; a stack or its single layers.
        limit: most utterances to average over.
        seed: seed of the model; by default the first finished one.
        device: as in ``train``.

    Raises:
        UserError: the model has no attention, or none of that name, or more than fits on a page.
    """
    run = Run.open(run)
    seed = run.choose_seed(seed)
    maps = mean_attention(load_seed(open_split(run, split, device=device), seed), limit)
    panels = stacks(maps)
    if layers:
        panels = _chosen(panels, {short(name): one for name, one in maps.items()}, layers)
    if len(panels) > MOST:
        parts = ", ".join(dict.fromkeys(re.split(r"[. ]", name)[0] for name in panels))
        raise UserError(f"{len(panels)} attention maps do not fit on a page", f"choose `layers` 'NAME*' of: {parts}")
    notes = [
        "mean over utterances, heads and layers; a row is a query position and sums to 1; darker is more, "
        "from 0 to the number above",
        "H: entropy of a row, 1 = uniform over all steps, 0 = on one step",
        "axes up to 1 are fractions of the length, others steps",
        *run_notes(run, [seed]),
    ]
    columns = min(len(panels), 2 if len(panels) <= 8 else 3)
    rows, side = -(-len(panels) // columns), WIDTH / max(columns, 2)
    titles = {name: f"{fitted(name, side * 0.85)}\n{_numbers(one)}" for name, one in panels.items()}
    lines = max(title.count("\n") for title in titles.values())
    figure = canvas(f"Attention: {headline(run, split)}", notes, rows * (0.85 * side + LINE * (lines + 1)) + 0.1)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(panels) :]:
        ax.remove()
    for number, (ax, (name, one)) in enumerate(zip(axes, panels.items(), strict=False)):
        (q, k), (low, right) = one.weights.shape, one.relative
        ends = (k if not right else 1, q if not low else 1)
        ax.imshow(
            one.weights,
            cmap="cividis_r",
            vmin=0,
            aspect="auto",
            extent=(0, ends[0], ends[1], 0),
            interpolation="nearest",
        )
        ax.set(xticks=(0, ends[0]), yticks=(0, ends[1]), title=titles[name])
        ax.set_ylabel("query" if number % columns == 0 else "", labelpad=-2)
        ax.set_xlabel("source" if number + columns >= len(panels) else "", labelpad=-4)
        ax.tick_params(length=0)
    return figure


def _numbers(one: AttentionMap) -> str:
    spread = "" if isnan(one.entropy) else f", H {one.entropy:.2f}"
    return f"{one.weights.max():.2g}{spread}"


def _chosen(
    panels: dict[str, AttentionMap], singles: dict[str, AttentionMap], patterns: Sequence[str]
) -> dict[str, AttentionMap]:
    """Stacks that match a pattern, or single layers if no stack matches."""
    found: dict[str, AttentionMap] = {}
    for pattern in patterns:
        for known in (panels, singles):
            if mine := {name: one for name, one in known.items() if fnmatchcase(name, pattern)}:
                found |= mine
                break
        else:
            raise UserError(f"no attention is called {pattern!r}", f"choose from: {', '.join(panels)}")
    return found


def stacks(maps: dict[str, AttentionMap]) -> dict[str, AttentionMap]:
    """Average maps over the layers of stacks; maps of a stack with different shapes stay separate."""
    together: dict[str, dict[str, AttentionMap]] = {}
    for name, one in maps.items():
        together.setdefault(re.sub(r"\.\d+(?= |$)", "", short(name)), {})[short(name)] = one
    found: dict[str, AttentionMap] = {}
    for stack, layers in together.items():
        first, *others = layers.values()
        if all(one.weights.shape == first.weights.shape and one.relative == first.relative for one in others):
            weights = np.mean([one.weights for one in layers.values()], axis=0)
            spreads = [one.entropy for one in layers.values() if not isnan(one.entropy)]
            spread = float(np.mean(spreads)) if spreads else nan
            found[stack] = AttentionMap(np.asarray(weights, np.float32), first.relative, spread)
        else:
            found |= layers
    return found


def short(name: str) -> str:
    """A module's name without the parts that all attention layers have."""
    return re.sub(r"\.(attention|layers|transformer)(?=\.| |$)", "", name)
