"""TETFN: a text-enhanced transformer fusion network (Wang et al., Pattern Recognition 2023).

Every modality reads the two others; between audio and vision the text has a say: the other modality first reads the
text (text-oriented attention), and the result is what is read. Unimodal tasks and generated labels are those of
`SelfMM`. Settled by the authors' code as far as it is released with MMSA: LSTMs before the convolutions of audio and
vision, maxima over time as F_s, self-attention over what a modality has drawn. The readings: attention sees all steps,
sequences end in attention pooling; where an utterance lacks the text, audio and vision read each other as they are.
The paper's pretrained vision transformer is a feature extractor: vision comes as the dataset has it here.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models.base import Citation
from sentiprism.models.self_mm import SelfMM, SelfMMConfig
from sentiprism.nn.blocks import TemporalConv
from sentiprism.nn.crossmodal import Crossmodal
from sentiprism.types import Batch, Modality, Sequence


class TETFNConfig(SelfMMConfig):
    """Configuration of `TETFN`; ``text_pool`` and ``text_hidden`` are not used: every step of the text is read."""

    heads: int = Field(8, gt=0)
    kernel: int = Field(3, gt=0)
    """Steps of the convolutions that project each modality; odd."""
    depth: int = Field(2, gt=0)
    """Layers of each transformer; the first stage of the text-enhanced one has 1."""
    enhance: bool = True
    """Whether the text has a say where audio and vision read each other; False leaves plain cross-attention."""


class TETFN(SelfMM):
    """Self-MM's tasks on modalities that have read each other, the text between audio and vision."""

    name = "tetfn"
    citation = Citation(
        "TETFN: A text enhanced transformer fusion network for multimodal sentiment analysis",
        "Di Wang, Xutong Guo, Yumin Tian, Jinhui Liu, LiHuo He, Xuemei Luo",
        "Pattern Recognition",
        2023,
        "https://github.com/thuiar/MMSA",
    )
    Config = TETFNConfig
    config: TETFNConfig

    def build_encoders(self) -> tuple[dict[Modality, int], int]:
        """Projections, and the transformers by which the modalities read each other."""
        c, used = self.config, self.modalities
        self.recurrent, self.project = nn.ModuleDict(), nn.ModuleDict()
        for m in used:
            if m == "text":
                inputs = self.text_encoder.width
            else:
                inputs = getattr(c, f"{m}_hidden")
                self.recurrent[m] = nn.LSTM(self.input_widths[m], inputs, batch_first=True)
            self.project[m] = TemporalConv(inputs, c.width, c.kernel, bias=False)
        through: Modality | None = "text" if c.enhance else None
        self.crossmodal = Crossmodal(used, c.width, c.heads, c.depth, c.depth, through=through, dropout=c.dropout)
        return dict.fromkeys(used, c.width), self.crossmodal.width * len(used)

    def encode(self, batch: Batch) -> tuple[dict[Modality, Tensor], Tensor, dict[str, Tensor]]:
        """Maxima over time of the projected sequences, and what each modality has drawn from the others."""
        projected = {m: self._project(m, batch) for m in self.modalities}
        drawn, weights = self.crossmodal(projected)
        return {m: _largest(x) for m, x in projected.items()}, torch.cat(list(drawn.values()), dim=1), weights

    def _project(self, modality: Modality, batch: Batch) -> Sequence:
        values, mask = self.sequence(modality, batch)
        if modality != "text":
            values = self.recurrent[modality](values)[0]
        return Sequence(self.project[modality](values, mask), mask)


def _largest(x: Sequence) -> Tensor:
    """Maximum over the real steps, (B, T, D) -> (B, D); 0 where there is none."""
    lowest = torch.finfo(x.values.dtype).min
    most = x.values.masked_fill(~x.mask.unsqueeze(-1), lowest).amax(dim=1)
    return most.masked_fill(~x.present.unsqueeze(1), 0.0)
