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
from sentiprism.explanation.attention import Attended
from sentiprism.explanation.attention import attention as attended
from sentiprism.explanation.representations import load_seed
from sentiprism.report.figures.style import LINE, WIDTH, canvas, fitted, headline, run_notes, styled
from sentiprism.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 27
"""Panels that fit a page."""


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
    """Draw what every stack of attention layers looks at, averaged over utterances, heads and layers.

    Rows are places of the query, columns places of the source; see `sentiprism.explanation.attention`. Each panel has
    its own scale, from 0 to the number above it, which the entropy of its rows follows. Layers of a stack whose maps
    have other shapes stand by themselves.

    Args:
        run: a `Run` or its folder.
        split: ``train``, ``valid`` or ``test``.
        layers: patterns of names to draw, ``global*`` for example; a stack or its single layers.
        limit: utterances that are averaged over, at most.
        seed: whose model; by default the first finished one.
        device: as in ``train``.

    Raises:
        UserError: the model has no attention, or none of that name, or more than fits a page.
    """
    run = Run.open(run)
    seed = run.choose_seed(seed)
    maps = attended(load_seed(open_split(run, split, device=device), seed), limit)
    panels = stacks(maps)
    if layers:
        panels = _chosen(panels, {short(name): one for name, one in maps.items()}, layers)
    if len(panels) > MOST:
        parts = ", ".join(dict.fromkeys(re.split(r"[. ]", name)[0] for name in panels))
        raise UserError(f"{len(panels)} attention maps do not fit a page", f"choose `layers` 'NAME*' of: {parts}")
    notes = [
        "mean over utterances, heads and layers; a row is a place of the query and sums to 1; the darker the more, "
        "from 0 to the number above",
        "H: entropy of a row, 1 = it looks at all steps alike, 0 = at one",
        "axes to 1 are shares of the length, others steps",
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


def _numbers(one: Attended) -> str:
    spread = "" if isnan(one.entropy) else f", H {one.entropy:.2f}"
    return f"{one.weights.max():.2g}{spread}"


def _chosen(panels: dict[str, Attended], singles: dict[str, Attended], patterns: Sequence[str]) -> dict[str, Attended]:
    """Stacks that a pattern names, and single layers where it names no stack."""
    found: dict[str, Attended] = {}
    for pattern in patterns:
        for known in (panels, singles):
            if mine := {name: one for name, one in known.items() if fnmatchcase(name, pattern)}:
                found |= mine
                break
        else:
            raise UserError(f"no attention is called {pattern!r}", f"choose from: {', '.join(panels)}")
    return found


def stacks(maps: dict[str, Attended]) -> dict[str, Attended]:
    """Maps averaged over the layers of their stack; those of a stack whose shapes differ stay by themselves."""
    together: dict[str, dict[str, Attended]] = {}
    for name, one in maps.items():
        together.setdefault(re.sub(r"\.\d+(?= |$)", "", short(name)), {})[short(name)] = one
    found: dict[str, Attended] = {}
    for stack, layers in together.items():
        first, *others = layers.values()
        if all(one.weights.shape == first.weights.shape and one.relative == first.relative for one in others):
            weights = np.mean([one.weights for one in layers.values()], axis=0)
            spreads = [one.entropy for one in layers.values() if not isnan(one.entropy)]
            spread = float(np.mean(spreads)) if spreads else nan
            found[stack] = Attended(np.asarray(weights, np.float32), first.relative, spread)
        else:
            found |= layers
    return found


def short(name: str) -> str:
    """A module's name without the words that every attention layer's has."""
    return re.sub(r"\.(attention|layers|transformer)(?=\.| |$)", "", name)
