"""Predict every coalition of modalities, for Shapley values.

In a coalition S, every modality outside of S is missing by its mask, which models are trained to handle, instead of
having zeros as features. M modalities have 2^M coalitions, so that no sampling is needed.
"""

import torch
from torch import nn

from sentiprism.models import Model
from sentiprism.types import Batch, Modality, ModelOutput


def hide(batch: Batch, hidden: tuple[Modality, ...]) -> Batch:
    """Copy a batch without the ``hidden`` modalities."""
    masks = {name: getattr(batch, name) for name in hidden}
    if "text" in hidden:
        batch = batch._replace(context=None)
    return batch._replace(**{name: s._replace(mask=torch.zeros_like(s.mask)) for name, s in masks.items()})


class Coalitions(nn.Module):
    """Predict all coalitions of a model's modalities, in one pass each.

    Coalition n has modality m of ``model.modalities`` if bit m of n is set: 0 is empty, the last one has all.

    Args:
        model: any.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model
        self.train(model.training)  # modules start in training mode; keep the mode of the model

    def forward(self, batch: Batch) -> ModelOutput:
        """``prediction`` is (B, 2^M), or (B, 2^M, C) logits; the rest is from all modalities, without losses."""
        names = self.model.modalities
        batch = batch._replace(labels={})
        whole: ModelOutput = self.model(batch)
        answers = [
            self.model(hide(batch, tuple(name for m, name in enumerate(names) if not n >> m & 1))).prediction
            for n in range(2 ** len(names) - 1)
        ]
        return whole._replace(prediction=torch.stack([*answers, whole.prediction], dim=1))
