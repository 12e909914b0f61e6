"""The exponential moving average of a model's weights."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from sentiprism.models import Model


class WeightAverage(nn.Module):
    """A copy of a model whose parameters and float buffers are moving averages of the model's.

    Other buffers, such as position ids or counts, are copied from the model: a moving average of integers would be
    truncated and end up off by one.

    Args:
        model: the model to average; the copy starts from its weights.
        decay: weight of the old average in each update.
    """

    updates: Tensor

    def __init__(self, model: Model, decay: float) -> None:
        super().__init__()
        self.module: Model = deepcopy(model)
        self.decay = decay
        self.register_buffer("updates", torch.zeros((), dtype=torch.long, device=next(model.parameters()).device))

    @torch.no_grad()
    def update(self, model: Model) -> None:
        """Update the average with a model's current weights; the first update copies them."""
        pairs = [*zip(_tensors(self.module), _tensors(model), strict=True)]
        floats = [(mean, now) for mean, now in pairs if mean.is_floating_point() and mean.numel()]
        share = 1 - self.decay if self.updates else 1.0
        torch._foreach_lerp_([mean for mean, _ in floats], [now.to(mean.dtype) for mean, now in floats], share)
        for mean, now in pairs:
            if not mean.is_floating_point():
                mean.copy_(now)
        self.updates += 1


def _tensors(model: nn.Module) -> list[Tensor]:
    return [*(p.detach() for p in model.parameters()), *model.buffers()]
