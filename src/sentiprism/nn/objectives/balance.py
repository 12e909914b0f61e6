"""Load balancing of a mixture of experts."""

from torch import Tensor


def load_balance(probability: Tensor, weight: Tensor, present: Tensor) -> Tensor:
    """E · Σ f_e P_e: 1 where the experts share the work evenly, E where one does it all (Switch Transformer, Eq. 4).

    f_e is the share of assignments that expert e has, P_e its mean probability. Where several experts read a sample,
    each of them is an assignment.

    Args:
        probability: (B, E) the router's softmax.
        weight: (B, E), above 0 for the experts that read the sample.
        present: (B,) bool: samples that were routed; without any the loss is 0.
    """
    used = (weight > 0).to(probability.dtype) * present.unsqueeze(1)
    assigned = used.sum(dim=0) / used.sum().clamp(min=1)  # f
    mean = (probability * present.unsqueeze(1)).sum(dim=0) / present.sum().clamp(min=1)  # P
    return probability.shape[1] * (assigned * mean).sum()
