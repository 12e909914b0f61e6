"""Evaluation: measured on what was not tuned on, with deviation, interval and the selection rule."""

from sentiprism.evaluation.ablation import ablate
from sentiprism.evaluation.bootstrap import Interval, interval
from sentiprism.evaluation.compare import Comparison, compare
from sentiprism.evaluation.cross_corpus import evaluate_on
from sentiprism.evaluation.differences import Difference, paired
from sentiprism.evaluation.evaluate import Evaluation, evaluate

__all__ = [
    "Comparison",
    "Difference",
    "Evaluation",
    "Interval",
    "ablate",
    "compare",
    "evaluate",
    "evaluate_on",
    "interval",
    "paired",
]
