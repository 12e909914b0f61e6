"""The task itself: intensity or classes."""

from typing import Literal

from torch import Tensor
from torch.nn import functional

from sentiprism.types import Batch, TargetSpec

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


def task_loss(
    prediction: Tensor,
    label: Tensor,
    target: TargetSpec,
    kind: TaskLoss = "mse",
    counted: Tensor | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """Mean squared or absolute error of an intensity; cross-entropy of classes, whatever ``kind`` says.

    Args:
        prediction: (B,) intensity, or (B, C) logits.
        label: (B,) intensity, or (B,) class.
        target: what is predicted.
        kind: of an intensity's error.
        counted: (B,) bool, the samples that the mean is over; None = all.
        weight: (B,) by which each error is multiplied, the mean being over as many samples; None = 1.
    """
    if target.kind == "classes":
        error = functional.cross_entropy(prediction, label, reduction="none")
    else:
        # MDF, Eq. 13; DLF, Eq. 13; DPDF-LQ, Eq. 36
        error = (prediction - label).square() if kind == "mse" else (prediction - label).abs()
    if weight is not None:
        error = error * weight
    return error.mean() if counted is None else (error * counted).sum() / counted.sum().clamp(min=1)


def task_losses(prediction: Tensor, batch: Batch, target: TargetSpec, kind: TaskLoss) -> dict[str, Tensor]:
    """The `task_loss` of a batch under the name ``task``; nothing where it has no labels."""
    return {"task": task_loss(prediction, batch.labels["M"], target, kind)} if batch.labels else {}
