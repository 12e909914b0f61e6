"""TMT with adaptive modality weighting (Yan, AMIES 2025): a learned softmax over modalities, feature by feature.

The paper gives W ∈ R^{M×d}, a softmax over the modalities, and a sum of F_m ⊙ softmax(W)_m. It puts the weighting in
two places and calls one W for the whole data set dynamic. Shares are multiplied by the number of modalities that are
present, so that equal shares change nothing and the model starts as `TMT`.

Deviations:
    No code is published, and the equations are lost in print. What is not named here is TMT's.

    - place | the paper | here | why, and the alternative
    - place | "between multimodal feature extraction and multimodal emotion token disentanglement"; "after the token
      disentanglement step and before the cross-modal Transformer" | `placement: after_disentangle` | the second is
      repeated and mentions modality-specific features; `before_disentangle` is the first, and `sum` the literal
      weighted sum, one token instead of the specific ones. On a planted problem in which one modality carries the
      label, W follows that modality if placed before the tokens and not after: there the label has reached every token.
      Our own settings take `before_disentangle`
    - shares | softmax(W) over M | times the number of modalities present | equal shares then change nothing: with W = 0
      the model is exactly TMT
    - missing modality | – | softmax over those present
    - per sample | "dynamic", "fixed weights per sample"; W ∈ R^{M×d} does not depend on the input | W alone | `dynamic:
      true` adds a linear map of the mean of what is weighted, one for each modality, from 0
    - layers | four, eight heads | four in each stack, heads of 64 as in TMT | `depth`, `cross_depth`, `head_width`;
      `preset: tmt` has TMT's width and depths
    - feed-forward | – | 2 d in the first stack, d in the mutual ones, as released for d = 256
    - losses and their weights | – | TMT's
    - start | – | as TMT, but the positions of frames are from N(0, 1) (`frame_std`) | each layer begins with a norm,
      which would cancel the weights if nothing of another scale were added: with small positions W does not follow the
      modality that carries the label
    - task | Acc-5, F1, MAE | intensities by mean squared error | as TMT; F1 is read as that of the five classes,
      weighted by the labels
    - early stopping | on validation accuracy, patience not given | all 30 epochs, best Acc-5 on valid |
      `optim.patience`
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models.base import Citation
from sentiprism.models.tmt import NORMAL, TMT, TMTConfig
from sentiprism.nn.blocks import masked_softmax
from sentiprism.types import Sequence


class TMTAMWConfig(TMTConfig):
    """Configuration of `TMTAMW`; the defaults are its paper's, ``tmt`` those of the released TMT."""

    PRESETS = {**TMTConfig.PRESETS, "tmt": {**NORMAL, "width": 256, "depth": 2, "cross_depth": 2}}

    width: int = Field(128, gt=0)
    depth: int = Field(4, gt=0)
    cross_depth: int = Field(4, gt=0)
    """The paper counts four layers and does not say of which stack: all have as many."""
    frame_std: float | None = Field(1.0, gt=0)
    """Large beside what is weighted before it is disentangled: each layer begins with a norm, which would take a scale
    away again if nothing of another scale were added."""
    placement: Literal["after_disentangle", "before_disentangle", "sum"] = "after_disentangle"
    """What is weighted: the specific tokens, or the projected frames. ``sum`` puts one token, the weighted sum over
    modalities, instead of the specific ones."""
    dynamic: bool = False
    """Scores of each sample, W plus a linear map of what is weighted, instead of W alone."""


class ModalityWeights(nn.Module):
    """Shares of the modalities in each feature.

    Args:
        modalities: M.
        width: d.
        dynamic: whether shares depend on the sample.
    """

    def __init__(self, modalities: int, width: int, *, dynamic: bool = False) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.zeros(modalities, width))
        self.say = nn.Parameter(torch.zeros(modalities, width, width)) if dynamic else None

    def forward(self, vectors: Tensor, present: Tensor) -> Tensor:
        """(B, M, D), (B, M) -> (B, M, D): softmax(W) over the modalities a sample has; 0 where one is missing."""
        scores = self.matrix.expand_as(vectors)
        if self.say is not None:
            scores = scores + torch.einsum("bmd,mde->bme", vectors, self.say)
        return masked_softmax(scores.transpose(1, 2), present.unsqueeze(1)).transpose(1, 2)


class TMTAMW(TMT):
    """Adds learned weights of the modalities to `TMT`."""

    name = "tmt_amw"
    version = 2
    citation = Citation(
        "Adaptive Modality Weighting For Multimodal Emotion Recognition In Token-disentangling Mutual Transformer",
        "Wenzhi Yan",
        "AMIES (AIP Conference Proceedings)",
        2025,
    )
    Config = TMTAMWConfig
    config: TMTAMWConfig
    exceptions = {}

    def build(self, config: TMTConfig) -> None:
        """As `TMT`, and the weights of modalities."""
        super().build(config)
        self.weighting = ModalityWeights(len(self.modalities), config.width, dynamic=self.config.dynamic)

    def weigh_frames(
        self, frames: list[Sequence], means: Tensor, present: Tensor
    ) -> tuple[list[Sequence], dict[str, Tensor]]:
        """``before_disentangle``: M softmax(W)_m ⊙ every frame of modality m."""
        if self.config.placement != "before_disentangle":
            return super().weigh_frames(frames, means, present)
        shares = self.weighting(means, present)
        scales = _scale(shares, present).unbind(1)
        scaled = [Sequence(f.values * scale.unsqueeze(1), f.mask) for f, scale in zip(frames, scales, strict=True)]
        return scaled, self._named_weights(shares)

    def weigh_tokens(self, specific: Tensor, present: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """``after_disentangle``: M softmax(W)_m ⊙ every token of modality m; ``sum``: Σ_m softmax(W)_m ⊙ F_m."""
        if self.config.placement == "before_disentangle":
            return super().weigh_tokens(specific, present)
        means = specific.mean(dim=2)  # F: (B, M, D)
        shares = self.weighting(means, present)
        if self.config.placement == "sum":
            return (
                (shares * means).sum(dim=1, keepdim=True),
                present.any(dim=1, keepdim=True),
                self._named_weights(shares),
            )
        tokens, real, _ = super().weigh_tokens(specific * _scale(shares, present).unsqueeze(2), present)
        return tokens, real, self._named_weights(shares)

    def _named_weights(self, shares: Tensor) -> dict[str, Tensor]:
        return {"modality": self.spread(shares.mean(dim=-1))}


def _scale(shares: Tensor, present: Tensor) -> Tensor:
    """(B, M, D) shares -> factors whose mean over the modalities a sample has is 1."""
    return shares * present.sum(dim=1)[:, None, None]
