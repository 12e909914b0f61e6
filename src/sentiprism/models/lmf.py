"""LMF: low-rank multimodal fusion with modality-specific factors (Liu et al., ACL 2018).

A linear layer over TFN's tensor has a weight tensor of as many dimensions. Written as a sum of r products of one factor
per modality, W = Σ_i w_i ⊗_m W_m^(i), the layer needs no tensor: h = Σ_i w_i (Π_m W_m^(i) [z_m; 1]) + b, a product over
modalities of linear maps, feature by feature.

Deviations:
    Normalisation, dropout, the text's last state and the means of audio and vision are as in LF-DNN.

    - place | the paper | here | why, and the alternative
    - sum over ranks | plain | weighted by learned w_i | the released code's
    - h | a vector, then a task | the prediction itself, one number or one logit a class | the released code's
    - networks | – | as LF-DNN's, text at half the width of its LSTM | the released code's
    - one learning rate | the factors have their own | one for all | MMSA uses the same for both on MOSI and MOSEI
    - missing modality | – | as TFN: the constant of its map is left
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models._late import PRODUCTS, LateConfig, LateModel
from sentiprism.models.base import Citation
from sentiprism.nn.subnetworks import with_one


class LMFConfig(LateConfig):
    """Configuration of `LMF`."""

    SMALL = {"text_hidden": 8, "audio_hidden": 8, "vision_hidden": 8}

    rank: int = Field(4, gt=0)
    """r."""
    vision_hidden: int = Field(128, gt=0)
    text_width: int | None = Field(64, gt=0)


class LMF(LateModel):
    """Computes TFN's layer without TFN's tensor."""

    name = "lmf"
    citation = Citation(
        "Efficient Low-rank Multimodal Fusion with Modality-Specific Factors",
        "Zhun Liu, Ying Shen, Varun Bharadhwaj Lakshminarasimhan, Paul Pu Liang, Amir Zadeh, Louis-Philippe Morency",
        "ACL",
        2018,
        "https://github.com/Justin1904/Low-rank-Multimodal-Fusion",
    )
    Config = LMFConfig
    config: LMFConfig
    exceptions = {"weights": PRODUCTS}

    def build_fusion(self, config: LMFConfig) -> None:
        """Factors of each modality, and weights of their ranks."""
        self.factors = nn.ParameterList(
            nn.init.xavier_normal_(torch.empty(width + 1, config.rank * self.outputs)) for width in self.widths
        )
        self.ranks = nn.Parameter(nn.init.xavier_normal_(torch.empty(1, config.rank)).squeeze(0))
        self.bias = nn.Parameter(torch.zeros(self.outputs))

    def join(self, vectors: list[Tensor]) -> tuple[Tensor, Tensor]:
        """(B, D_m) a modality -> (B, outputs), and the product of each rank (B, r · outputs)."""
        products = torch.stack([with_one(z) @ factor for z, factor in zip(vectors, self.factors, strict=True)])
        fused = products.prod(dim=0)
        return torch.einsum("bro,r->bo", fused.view(-1, self.config.rank, self.outputs), self.ranks) + self.bias, fused
