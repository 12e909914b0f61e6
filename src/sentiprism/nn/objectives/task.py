"""The task itself: intensity or classes."""

from typing import Literal

from torch import Tensor
from torch.nn import functional

from sentiprism.types import TargetSpec

TaskLoss = Literal["mse", "l1"]


def task_error(prediction: Tensor, label: Tensor, target: TargetSpec) -> Tensor:
    """How far each prediction is off: |y - ŷ| of an intensity, 1 - p(y) of classes.

    Args:
        prediction: (B,) intensity, or (B, C) logits.
        label: (B,) intensity, or (B,) class.
        target: what is predicted.

    Returns:
        (B,) non-negative.
    """
    if target.kind == "intensity":
        return (label - prediction).abs()
    return 1 - prediction.softmax(dim=-1).gather(1, label.unsqueeze(1)).squeeze(1)


def task_loss(prediction: Tensor, label: Tensor, target: TargetSpec, kind: TaskLoss = "mse") -> Tensor:
    """Mean squared or absolute error of an intensity; cross-entropy of classes, whatever ``kind`` says."""
    if target.kind == "classes":
        return functional.cross_entropy(prediction, label)
    return functional.mse_loss(prediction, label) if kind == "mse" else functional.l1_loss(prediction, label)
