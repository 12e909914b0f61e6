"""The papers' figures, for any run of any model.

Each function takes a `Run` or its folder and returns a matplotlib ``Figure`` of one column's width (3.3 in) that states
model, dataset, split, seed and selection rule; `save` writes it as PDF, SVG or PNG, reproducible byte by byte::

    from sentiprism.report import figures

    figures.save(figures.weights("runs/full"), "weights.pdf")

matplotlib and scikit-learn come with the extra ``figures``.
"""

from sentiprism.report.figures.attention import attention
from sentiprism.report.figures.confusion import confusion
from sentiprism.report.figures.gates import gates
from sentiprism.report.figures.reliability import reliability
from sentiprism.report.figures.robustness import robustness
from sentiprism.report.figures.runs import runs
from sentiprism.report.figures.style import check_target, save
from sentiprism.report.figures.tsne import tsne
from sentiprism.report.figures.weights import weights

__all__ = [
    "attention",
    "check_target",
    "confusion",
    "gates",
    "reliability",
    "robustness",
    "runs",
    "save",
    "tsne",
    "weights",
]
