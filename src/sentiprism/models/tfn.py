"""TFN: tensor fusion network (Zadeh et al., EMNLP 2017).

Each modality becomes a vector, a 1 is put in front of each, and their outer product has every product of features of
one, two and three modalities: z = [1; z_l] ⊗ [1; z_v] ⊗ [1; z_a]. A network over the whole tensor predicts.

Networks and sizes are the paper's: an LSTM over the words, the mean over time and three layers of 32 for audio and
vision, layers of 128 for text and two for inference, one sigmoid over the range of the labels.

Deviations:
    Normalisation, dropout, the text's last state and the means of audio and vision are as in LF-DNN.

    - place | the paper | here | why, and the alternative
    - text | states of all words stacked, two layers of 128 | attention over the states, one layer of 128, ReLU | a
      stacked sequence fits one length only. `text_pool: last`, `text_relu: false` are MMSA's
    - sizes | 128 (text, inference), 32 (audio, vision), dropout 0.15 | the same | MMSA's in the experiments
    - output | sigmoid over the range of the labels | the same for intensities, logits for classes | MMSA's is 6σ(x) − 3
      on every dataset: the same on MOSI and MOSEI; on CH-SIMS all but a line within [-1, 1], hence `output: linear` in
      that experiment
    - loss | squared error | the same | MMSA's is the absolute error: `task: l1`
    - missing modality | – | its vector is 0, the 1 in front of it is kept | the tensor then has the products of the
      others, as without it
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models._late import PRODUCTS, LateConfig, LateModel
from sentiprism.models.base import Citation
from sentiprism.nn.objectives.task import TaskLoss
from sentiprism.nn.subnetworks import TextPool, with_one


class TFNConfig(LateConfig):
    """Configuration of `TFN`; the defaults are the paper's."""

    SMALL = {"width": 16, "text_hidden": 8, "audio_hidden": 8, "vision_hidden": 8}

    task: TaskLoss = "mse"
    text_pool: TextPool = "attention"
    text_relu: bool = True
    width: int = Field(128, gt=0)
    """Of the two layers over the tensor."""
    dropout: float = Field(0.15, ge=0, lt=1)
    output: Literal["sigmoid", "linear"] = "sigmoid"
    """An intensity as a sigmoid over the range of the labels, or free; classes are logits."""


class TFN(LateModel):
    """Multiplies features of all modalities in one tensor."""

    name = "tfn"
    citation = Citation(
        "Tensor Fusion Network for Multimodal Sentiment Analysis",
        "Amir Zadeh, Minghai Chen, Soujanya Poria, Erik Cambria, Louis-Philippe Morency",
        "EMNLP",
        2017,
        "https://github.com/A2Zadeh/TensorFusionNetwork",
    )
    Config = TFNConfig
    config: TFNConfig
    exceptions = {"weights": PRODUCTS, "energy": "the product of the 1s in front outweighs small features"}

    def build_fusion(self, config: TFNConfig) -> None:
        """Layers over the tensor."""
        size = 1
        for width in self.widths:
            size *= width + 1
        self.dropout = nn.Dropout(config.dropout)
        self.inference = nn.Sequential(
            nn.Linear(size, config.width), nn.ReLU(), nn.Linear(config.width, config.width), nn.ReLU()
        )
        self.head = nn.Linear(config.width, self.outputs)

    def join(self, vectors: list[Tensor]) -> tuple[Tensor, Tensor]:
        """(B, D_m) a modality -> (B, outputs), and the first layers' answer (B, width)."""
        fused: Tensor = self.inference(self.dropout(fusion_tensor(vectors)))
        head: Tensor = self.head(fused)
        if self.target.kind == "intensity" and self.config.output == "sigmoid":
            head = self.target.low + (self.target.high - self.target.low) * head.sigmoid()
        return head, fused


def fusion_tensor(vectors: list[Tensor]) -> Tensor:
    """Outer product of the vectors, each with a 1 in front, flattened: (B, D_m) each -> (B, Π(1 + D_m))."""
    product = with_one(vectors[0])
    for vector in vectors[1:]:
        product = torch.einsum("bi,bj->bij", product, with_one(vector)).flatten(1)
    return product
