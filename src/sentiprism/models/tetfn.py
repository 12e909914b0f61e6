"""TETFN: a text-enhanced transformer fusion network (Wang et al., Pattern Recognition 2023).

Every modality reads the two others. Between audio and vision the text takes part: the other modality first reads the
text (text-oriented attention), and the result is read. Unimodal tasks and generated labels are those of `SelfMM`. As in
the authors' code, as far as MMSA has it: LSTMs before the convolutions of audio and vision, maxima over time as F_s,
self-attention over what a modality has read, three layers per task, and the sizes for MOSI.

Deviations:
    We did not have the paper; TETFN is built after its release in MMSA. What is not named here is Self-MM's.

    - place | released | here | why, and the alternative
    - audio with vision, vision with audio | the other one reads the text (one layer), and the result is read | the
      same; in a sample without text the other one is read unchanged | `enhance: false` leaves plain cross-attention
    - attention | causal | every step is attended to; pre-norm as released | `preset: code` is causal
    - positions | in the two transformers of each text-enhanced one, counted from 1; everywhere else the input is
      multiplied by √D and nothing is added | in the same, from 0 | `preset: code` counts from 1 (fairseq's sinusoids,
      see MulT)
    - end of a sequence | last step | attention pooling | with full attention no single step summarises the sequence;
      `preset: code` takes the last real step
    - tasks | three layers, labels from the first one's F* | the same
    - unimodal representations | maximum over time, padding too; LSTMs read the padding | over real steps
    - depth | two layers whatever is set, one in the first stage of the text-enhanced ones | `depth`, one in the first
      stage
    - vision | from a pretrained vision transformer | as the dataset has it
    - sizes | 50, heads of 10, F* of 64, 32, 32 and 16 (MOSI) | 50, heads of 10, F* of 64 for all but those that
      `own_widths` names | the paper's experiments have MMSA's
"""

from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from sentiprism.models._projected import StepsConfig
from sentiprism.models.base import Citation
from sentiprism.models.self_mm.model import SelfMM, SelfMMConfig
from sentiprism.nn.blocks import TemporalConv
from sentiprism.nn.crossmodal import Crossmodal
from sentiprism.types import Batch, Modality, Sequence


class TETFNConfig(SelfMMConfig, StepsConfig):
    """Configuration of `TETFN`; ``text_pool`` and ``text_hidden`` are not used: every step of the text is read."""

    PRESETS = {
        "paper": {},
        "code": {"distance": "norm", "causal": True, "pool": "last", "position_form": "fairseq"},
    }
    SMALL = {
        "width": 16,
        "heads": 4,
        "text_hidden": 8,
        "audio_hidden": 8,
        "vision_hidden": 8,
        "depth": 1,
        "fusion_width": 16,
    }

    width: int = Field(64, gt=0)
    """Of F*, the representations that labels are generated from."""
    task_layers: Literal[2, 3] = 3
    vision_hidden: int = Field(64, gt=0)
    fusion_width: int = Field(50, gt=0)
    """Of the projected sequences and of the transformers that read them."""
    heads: int = Field(5, gt=0)
    kernel: int = Field(1, gt=0)
    """Steps of the convolutions that project each modality; odd."""
    depth: int = Field(2, gt=0)
    """Layers of each transformer; the first stage of the text-enhanced one has 1."""
    enhance: bool = True
    """Whether text enhances the attention between audio and vision; False = plain cross-attention."""

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        if self.fusion_width % self.heads:
            raise ValueError(f"{self.heads} heads do not divide a fusion_width of {self.fusion_width}")
        return self


class TETFN(SelfMM):
    """Learns Self-MM's tasks on modalities that attend to each other and to the text."""

    name = "tetfn"
    version = 2
    citation = Citation(
        "TETFN: A text enhanced transformer fusion network for multimodal sentiment analysis",
        "Di Wang, Xutong Guo, Yumin Tian, Jinhui Liu, LiHuo He, Xuemei Luo",
        "Pattern Recognition",
        2023,
        "https://github.com/thuiar/MMSA",
    )
    ENCODERS = ("recurrent", "project")
    Config = TETFNConfig
    config: TETFNConfig

    def build_encoders(self) -> tuple[dict[Modality, int], int]:
        """Projections, and the transformers by which the modalities read each other."""
        c, used, D = self.config, self.modalities, self.config.fusion_width
        self.recurrent, self.project = nn.ModuleDict(), nn.ModuleDict()
        for m in used:
            if m == "text":
                inputs = self.text_encoder.width
            else:
                inputs = getattr(c, f"{m}_hidden")
                self.recurrent[m] = nn.LSTM(self.input_widths[m], inputs, batch_first=True)
            self.project[m] = TemporalConv(inputs, D, c.kernel, bias=False)
        options: dict[str, Any] = {"dropout": c.dropout, "causal": c.causal, "last": c.pool == "last"}
        options |= {"through": ("text", c.position_form) if c.enhance else None, "position_form": None}
        self.crossmodal = Crossmodal(used, D, c.heads, c.depth, c.depth, **options)
        return dict.fromkeys(used, D), self.crossmodal.width * len(used)

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
