"""Supervision of modality weights by the errors of the modalities themselves."""

import torch
from torch import Tensor

from sentiprism.nn.blocks import masked_softmax


@torch.no_grad()
def error_weights(errors: Tensor, present: Tensor, epsilon: float) -> Tensor:
    """w*: softmax over the modalities of 1 / (|y - ŷ_m| + ε) (MDF, Eq. 10); a target, so no gradient.

    ε bounds the logits by 1/ε. The paper calls it small; below about 0.05 the softmax is one-hot as soon as one
    error is.

    Args:
        errors: (B, M) each modality's error.
        present: (B, M) bool.
        epsilon: ε > 0.

    Returns:
        (B, M), rows sum to 1.
    """
    return masked_softmax(1 / (errors + epsilon), present)  # MDF, Eq. 10


def weight_loss(weights: Tensor, target: Tensor) -> Tensor:
    """L_w: squared distance of w to w*, summed over modalities, mean over the batch (MDF, Eq. 11)."""
    return (target - weights).square().sum(dim=-1).mean()  # MDF, Eq. 11
