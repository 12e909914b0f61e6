"""MulT: multimodal transformer for unaligned sequences (Tsai et al., ACL 2019).

A convolution projects each modality. Each modality reads each other one through a crossmodal transformer whose layers
all attend to the other's low-level sequence; the results are joined and read by a self-attention memory, and the last
step of every memory is predicted from.

Deviations:
    - place | the paper | here | why, and the alternative
    - attention | dropout on its weights | on what attention gives, at the same rate | dropout on the weights excludes
      the fused kernels, and a step at 375 and 500 frames would have every map in memory
    - later steps | attended to, by the equations | the same | the authors' code masks them (`preset: code`)
    - positions | sinusoids | of Vaswani et al. (2017), from 0 | the code's count from 1, a step whose first channel is
      0 has none, and an odd width ends in a 0 (`preset: code`)
    - memory | self-attention | as deep as the crossmodal transformers and at least 3, and two linear layers with a
      residual before the head | the code's; `memory`
    - end of a sequence | the last element | the last real step | padding is not a step; `pool: attention` takes a
      learned query over all
    - layer norms | one for query and source | one each | scale and shift of a norm before a linear map are part of the
      map
    - convolutions | kernel 1 or 3 | `kernel` 3 | 1 under `preset: code`
    - missing modality | – | read by no other, 0 in the prediction; a modality alone goes through its memory
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models._projected import CrossmodalConfig, ProjectedModel
from sentiprism.models.base import Citation
from sentiprism.nn.branches import Higher
from sentiprism.nn.crossmodal import Crossmodal
from sentiprism.nn.objectives.task import task_losses
from sentiprism.types import Batch, ModelOutput


class MulTConfig(CrossmodalConfig):
    """Configuration of `MulT`; the defaults are Table 5 of the paper for MOSI."""

    PRESETS = {"paper": {}, "code": {"causal": True, "kernel": 1, "position_form": "fairseq"}}
    SMALL = {"width": 16, "heads": 4, "depth": 1, "memory": 1}

    memory: int | None = Field(None, gt=0)
    """Self-attention layers of each memory; null takes ``depth``, but at least 3 (code)."""
    dropout: float = Field(0.2, ge=0, lt=1)
    text_dropout: float = Field(0.2, ge=0, lt=1)
    pool: Literal["attention", "last"] = "last"
    """Pooling of a memory: masked attention, or its last real step."""


class MulT(ProjectedModel):
    """Lets every modality attend to every other, each at its own rate."""

    name = "mult"
    version = 2
    citation = Citation(
        "Multimodal Transformer for Unaligned Multimodal Language Sequences",
        "Yao-Hung Hubert Tsai, Shaojie Bai, Paul Pu Liang, J. Zico Kolter, Louis-Philippe Morency, "
        "Ruslan Salakhutdinov",
        "ACL",
        2019,
        "https://github.com/yaohungt/Multimodal-Transformer",
    )
    Config = MulTConfig
    config: MulTConfig
    exceptions = {"weights": "the memories are concatenated; attention_maps gives what each one reads"}

    def build_fusion(self, config: MulTConfig) -> None:
        """Crossmodal transformers and the head."""
        memory, last = config.memory or max(config.depth, 3), config.pool == "last"
        sizes = (config.width, config.heads, config.depth, memory)
        self.crossmodal = Crossmodal(self.modalities, *sizes, norm="pre", last=last, **config.stack)
        joined = len(self.modalities) * self.crossmodal.width
        self.higher = Higher(joined, config.head_dropout)
        self.head = nn.Linear(joined, self.outputs)

    def forward(self, batch: Batch) -> ModelOutput:
        """Project, read each other, remember, predict; ``weights`` say where attention pools look."""
        vectors, weights = self.crossmodal(self.projected(batch))
        fused = self.higher(torch.cat(list(vectors.values()), dim=1))
        prediction = self.to_prediction(self.head(fused))
        losses = task_losses(prediction, batch, self.target, self.config.task)
        features: dict[str, Tensor] = {**vectors, "fused": fused}
        return ModelOutput(prediction, losses, weights, features)
