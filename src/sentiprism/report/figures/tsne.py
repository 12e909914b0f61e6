"""Draw t-SNE of representations (MDF, Figure 4; DLF and FINE, Figure 5)."""

import fnmatch
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError, suggest
from sentiprism.evaluation.opened import open_split
from sentiprism.explanation.representations import Representations, draw_rows, load_seed, representations
from sentiprism.extras import install_extra
from sentiprism.metrics.bins import POLARITY, polarity_bins
from sentiprism.report.figures.confusion import classes_of
from sentiprism.report.figures.style import (
    MARKERS,
    WIDTH,
    canvas,
    colours,
    dot,
    fitted,
    headline,
    run_notes,
    styled,
)
from sentiprism.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BY = ("class", "polarity", "feature")
PERPLEXITY = 30.0
MOST = 4
"""Most runs side by side."""


class Cloud(NamedTuple):
    """Points of one run with their groups."""

    values: npt.NDArray[np.float32]
    """(n, D)."""
    group: npt.NDArray[np.int64]
    """(n,) indices in ``names``."""
    names: tuple[str, ...]
    ordered: bool
    utterances: int
    drawn: tuple[str, ...]
    """Features of the points."""


@styled
def tsne(
    *runs: Run | Path | str,
    split: str = "test",
    by: str = "class",
    features: Sequence[str] = (),
    dimensions: int = 2,
    points: int = 2000,
    seed: int | None = None,
    device: str = "auto",
) -> "Figure":
    """Draw features in two or three dimensions, one panel per run.

    t-SNE starts from the principal components and is deterministic; its axes have no unit, and distances between groups
    mean little. Features are not scaled.

    Args:
        runs: up to four, for example with and without a loss.
        split: ``train``, ``valid`` or ``test``.
        by: meaning of colours. ``class``: sentiment classes of the features (concatenated if several are named), by
            default "fused". ``polarity``: the same with negative, neutral, positive. ``feature``: the features
            themselves, for utterances with every modality, by default all of the same width except "fused".
        features: the model's names of features, or patterns of names.
        dimensions: 2 or 3.
        points: most points per panel.
        seed: seed of the model; by default the first finished one.
        device: as in ``train``.

    Raises:
        UserError: a feature does not exist or does not match the others, or the dataset has no such classes.
    """
    if not 1 <= len(runs) <= MOST:
        raise UserError(f"{len(runs)} runs are given", f"draw 1 to {MOST} side by side")
    if by not in BY:
        raise UserError(f"points cannot be coloured by {by!r}", suggest(by, BY))
    if dimensions not in (2, 3):
        raise UserError(f"{dimensions} dimensions cannot be drawn", "choose 2 or 3")
    opened_runs = [Run.open(run) for run in runs]
    seeds = [run.choose_seed(seed) for run in opened_runs]
    clouds = []
    for run, one in zip(opened_runs, seeds, strict=True):
        at = load_seed(open_split(run, split, device=device), one)
        clouds.append(_cloud(run, representations(at, points), by, features, points))
    first = clouds[0]
    what = "features" if by == "feature" else " + ".join(first.drawn)
    title = f"t-SNE of {what}: {' and '.join(dict.fromkeys(headline(run, split) for run in opened_runs))}"
    notes = [
        f"{first.utterances} utterances",
        f"perplexity {_perplexity(first):g}",
        *run_notes(opened_runs[0], sorted(set(seeds))),
    ]
    names = list(dict.fromkeys(name for cloud in clouds for name in cloud.names))
    looks = _looks(names, ordered=first.ordered)
    columns = min(len(runs), 2)
    rows, side = -(-len(runs) // columns), WIDTH / columns * (0.85 if columns == 1 else 1)
    key = {name: dot(*look) for name, look in looks.items()}
    figure = canvas(title, notes, side * rows, key)
    projection: Any = {"projection": "3d"} if dimensions == 3 else {}
    axes = figure.subplots(rows, columns, squeeze=False, subplot_kw=projection).ravel()
    for ax in axes[len(runs) :]:
        ax.remove()
    for ax, run, cloud in zip(axes, opened_runs, clouds, strict=False):
        places = _embedded(cloud, dimensions)
        for number, name in enumerate(cloud.names):
            mine, (colour, marker) = places[cloud.group == number], looks[name]
            ax.scatter(*mine.T, s=5, color=colour, marker=marker, linewidths=0, alpha=0.8, label=name)
        for axis in "xyz"[:dimensions]:
            getattr(ax, f"set_{axis}ticks")([])
        if dimensions == 3:
            ax.set_box_aspect(None, zoom=1.15)
        else:
            ax.spines[:].set(visible=True, color="0.7")
        if len(runs) > 1:
            ax.set_title(fitted(run.name, side * 0.9))
    return figure


def _looks(names: Sequence[str], *, ordered: bool) -> dict[str, tuple[str, str]]:
    """Colour and marker of each name; names with the same colour have different markers."""
    used: Counter[str] = Counter()
    looks = {}
    for name, colour in zip(names, colours(names, ordered=ordered), strict=True):
        looks[name] = colour, MARKERS[used[colour] % len(MARKERS)]
        used[colour] += 1
    return looks


def _cloud(run: Run, given: Representations, by: str, wanted: Sequence[str], points: int) -> Cloud:
    for pattern in wanted:
        if not fnmatch.filter(given.features, pattern):
            raise UserError(f"{run.config.model} has no feature {pattern!r}", suggest(pattern, given.features))
    wanted = [name for name in given.features if any(fnmatch.fnmatchcase(name, pattern) for pattern in wanted)]
    if by == "feature":
        return _by_feature(run, given, wanted, points)
    names = tuple(wanted) or (("fused",) if "fused" in given.features else tuple(given.features)[-1:])
    values = np.concatenate([given.features[name] for name in names], axis=1)
    if by == "polarity":
        if not {"acc2_has0", "acc_2"} & run.protocol.metrics.keys() or run.protocol.kind == "classes":
            raise UserError(f"labels of {run.config.dataset} have no polarity", "draw them by class")
        return Cloud(values, polarity_bins(given.label), POLARITY, True, len(values), names)
    kinds = classes_of(run)
    return Cloud(values, kinds.of(given.label), kinds.names, kinds.ordered, len(values), names)


def _by_feature(run: Run, given: Representations, wanted: Sequence[str], points: int) -> Cloud:
    widths = {name: given.features[name].shape[1] for name in wanted or given.features if wanted or name != "fused"}
    common = Counter(widths.values()).most_common(1)[0][0] if widths else 0
    names = tuple(name for name, width in widths.items() if width == common)
    if wanted and len(names) < len(wanted):
        raise UserError(
            f"the features have widths {', '.join(f'{name} {width}' for name, width in widths.items())}",
            "name features of the same width",
        )
    rows = draw_rows(np.flatnonzero(given.whole), points // max(len(names), 1))
    if not len(rows) or not names:
        raise UserError(f"{run.name}: no utterance has every modality", "draw by class, or another split")
    values = np.concatenate([given.features[name][rows] for name in names])
    return Cloud(values, np.repeat(np.arange(len(names)), len(rows)), names, False, len(rows), names)


def _perplexity(cloud: Cloud) -> float:
    return min(PERPLEXITY, (len(cloud.values) - 1) // 3)


def _embedded(cloud: Cloud, dimensions: int) -> npt.NDArray[np.float32]:
    """(n, dimensions)."""
    if len(cloud.values) < 4:
        raise UserError(f"{len(cloud.values)} points are too few for t-SNE", "choose a larger split")
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise UserError("t-SNE needs scikit-learn", install_extra("figures")) from None
    made = TSNE(dimensions, perplexity=_perplexity(cloud), init="pca", random_state=0).fit_transform(cloud.values)
    return np.asarray(made, np.float32)
