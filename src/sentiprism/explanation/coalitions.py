"""Modalities as players of a game: what a model predicts when only some of them are there, and what each contributes.

A coalition S is the batch in which every modality outside S is missing, by mask: the state that models are made to
bear, not zeros in the place of features. With M modalities there are 2^M coalitions, so that nothing is sampled.
"""

import torch
from torch import nn

from sentiprism.models import Model
from sentiprism.types import Batch, Modality, ModelOutput


def hide(batch: Batch, hidden: tuple[Modality, ...]) -> Batch:
    """The batch as if no sample had the ``hidden`` modalities."""
    masks = {name: getattr(batch, name) for name in hidden}
    if "text" in hidden:
        batch = batch._replace(context=None)
    return batch._replace(**{name: s._replace(mask=torch.zeros_like(s.mask)) for name, s in masks.items()})


class Coalitions(nn.Module):
    """A model that predicts every coalition of its modalities at once, in one pass each.

    Coalition number n holds modality m of ``model.modalities`` where bit m of n is set: 0 is nobody, the last is all.

    Args:
        model: any.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model
        self.train(model.training)  # a module begins in training, and who puts it back would put the model there too

    def forward(self, batch: Batch) -> ModelOutput:
        """``prediction`` is (B, 2^M), or (B, 2^M, C) logits; the rest is that of all modalities, without losses."""
        names = self.model.modalities
        batch = batch._replace(labels={})
        whole: ModelOutput = self.model(batch)
        answers = [
            self.model(hide(batch, tuple(name for m, name in enumerate(names) if not n >> m & 1))).prediction
            for n in range(2 ** len(names) - 1)
        ]
        return whole._replace(prediction=torch.stack([*answers, whole.prediction], dim=1))
