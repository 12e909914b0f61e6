"""Draw a metric over the strength of corruption."""

from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING

from sentiprism.data.corruption import KINDS, TITLES
from sentiprism.errors import UserError, suggest
from sentiprism.evaluation.constant import NAME
from sentiprism.evaluation.robustness import load_robustness
from sentiprism.evaluation.robustness_curves import WEIGHT
from sentiprism.report.figures.style import MARKERS, MODALITY, canvas, dot, fitted, headline, run_notes, styled
from sentiprism.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = 1.3
"""Height of a row of panels in inches."""


@styled
def robustness(
    run: Run | Path | str, split: str = "test", *, metric: str | None = None, device: str = "auto"
) -> "Figure":
    """Draw the curves of `sentiprism.evaluation.robustness`: one line per modality, with its 95% interval.

    Args:
        run: a `Run` or its folder; a stored measurement is used if there is one.
        split: ``train``, ``valid`` or ``test``.
        metric: by default the protocol's own; ``weight`` draws the model's weight of the corrupted modality.
        device: as in ``train``, if nothing is stored yet.

    Raises:
        UserError: the protocol has no such metric, the model has no modality weights, or nothing can be measured.
    """
    run = Run.open(run)
    scorer = run.protocol
    metric = metric or scorer.default_selection
    if metric not in {*scorer.metrics, WEIGHT}:
        raise UserError(f"the dataset has no metric {metric!r}", suggest(metric, [*scorer.metrics, WEIGHT]))
    found = load_robustness(run, split, device=device)
    if metric == WEIGHT:
        found.check_weights()
    chosen = found.protocol.metrics.get(metric)
    kinds = [kind for kind in KINDS if any(curve.kind == kind for curve in found.curves)]
    used = [m for m in MODALITY if any(curve.modality == m for curve in found.curves)]
    looks = {m: (MODALITY[m], MARKERS[list(MODALITY).index(m)]) for m in used}
    if chosen is None:
        name, drawn = "its weight", "weight of the corrupted modality, mean over seeds and utterances"
    else:
        name = f"{chosen.label}{', %' * chosen.percent} {'↑' if chosen.higher_is_better else '↓'}"
        drawn = f"mean over seeds with the 95% bootstrap interval over {found.drawn_over}"
    notes = [
        drawn,
        found.grids,
        *run_notes(run, found.seeds),
    ]
    constant = chosen.scale * found.constant[metric].mean if chosen and found.constant else nan
    if not isnan(constant):
        notes.append("dashed: the constant predictor")
    across = min(len(kinds), 2)
    rows = -(-len(kinds) // across)
    key = {m: dot(*look, line="-") for m, look in looks.items()}
    figure = canvas(f"Corrupted inputs: {headline(run, split)}", notes, HEIGHT * rows + 0.1, key)
    axes = figure.subplots(rows, across, squeeze=False, sharey=True).ravel()
    for ax in axes[len(kinds) :]:
        ax.remove()
    for number, (ax, kind) in enumerate(zip(axes, kinds, strict=False)):
        for curve in (one for one in found.curves if one.kind == kind):
            colour, marker = looks[curve.modality]
            if chosen is None:
                mean = [weights[curve.modality] for weights in curve.weights]
            else:
                values = [point[metric] for point in curve.points]
                low, mean, high = (
                    [chosen.scale * getattr(v, part) for v in values] for part in ("low", "mean", "high")
                )
                ax.fill_between(curve.strengths, low, high, color=colour, alpha=0.2, linewidth=0)
            ax.plot(curve.strengths, mean, color=colour, marker=marker, markersize=3, label=curve.modality)
        if not isnan(constant):
            ax.axhline(constant, color="0.35", linestyle="--", linewidth=0.8, label=NAME)
        strengths = next(one.strengths for one in found.curves if one.kind == kind)
        ticks = (strengths[0], strengths[-1] / 2, strengths[-1])
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.set_title(fitted(TITLES[kind], 1.4), loc="left")
        if number % across == 0:
            ax.set_ylabel(name)
    return figure
