"""LF-DNN: late fusion by a deep network (Williams et al., Challenge-HML 2018).

Each modality has a network of its own, and layers over their concatenated outputs predict. The field quotes this
baseline as MMSA (Yu et al., ACL 2020) builds it, and so does this file: the mean over time through three layers for
audio and vision, an LSTM's last state and a linear layer for text, three layers at the end.

Deviations:
    Built as MMSA (Yu et al., ACL 2020), whose numbers the field quotes, builds it.

    - place | MMSA | here | why, and the alternative
    - audio and vision | mean over all frames, padding too | over real frames
    - text | last state of the LSTM at the padded end | at the last real word; `text_pool: attention`
    - normalisation | batch normalisation of the means of audio and vision | none in the model; `data.normalize: train`
      | a batch of one has no statistics
    - dropout | one value per network; none after the text's LSTM where it has one layer, whatever is set | one,
      `dropout`, there too
    - missing modality | – | its vector is 0
    - weights | – | none | nothing in this model weights a modality
"""

from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models._late import LateConfig, LateModel
from sentiprism.models.base import Citation


class LFDNNConfig(LateConfig):
    """Configuration of `LFDNN`."""

    SMALL = {"width": 16, "text_hidden": 8, "audio_hidden": 8, "vision_hidden": 8}

    width: int = Field(128, gt=0)
    """Of the layers after the fusion."""


class LFDNN(LateModel):
    """Concatenates the outputs of one network per modality and predicts from them."""

    name = "lf_dnn"
    citation = Citation(
        "DNN Multimodal Fusion Techniques for Predicting Video Sentiment",
        "Jennifer Williams, Ramona Comanescu, Oana Radu, Leimin Tian",
        "Challenge-HML at ACL",
        2018,
        "https://github.com/rhoposit/MultimodalDNN",
    )
    Config = LFDNNConfig
    config: LFDNNConfig
    exceptions = {"weights": "the vectors are concatenated, and no part of the model weights them"}

    def build_fusion(self, config: LFDNNConfig) -> None:
        """Layers over the joined vectors."""
        layers: list[nn.Module] = [nn.Dropout(config.dropout)]
        for inputs, outputs in pairwise([sum(self.widths), config.width, config.width]):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.head = nn.Sequential(*layers, nn.Linear(config.width, self.outputs))

    def join(self, vectors: list[Tensor]) -> tuple[Tensor, Tensor]:
        """(B, D_m) a modality -> (B, outputs), (B, ΣD_m)."""
        fused = torch.cat(vectors, dim=1)
        return self.head(fused), fused
