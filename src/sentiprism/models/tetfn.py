"""TETFN: a text-enhanced transformer fusion network (Wang et al., Pattern Recognition 2023).

Every modality reads the two others; between audio and vision the text has a say: the other modality first reads the
text (text-oriented attention), and the result is what is read. Unimodal tasks and generated labels are those of
`SelfMM`. Settled by the authors' code as far as it is released with MMSA: LSTMs before the convolutions of audio and
vision, maxima over time as F_s, self-attention over what a modality has drawn, three layers a task, positions in the
text-enhanced transformers alone, and the sizes for MOSI. The readings: attention sees all steps, sequences end in
attention pooling (the code: causal, last steps; preset ``code``); where an utterance lacks the text, audio and vision
read each other as they are. The paper's pretrained vision transformer is a feature extractor: vision comes as the
dataset has it here.
"""

from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from sentiprism.models.base import Citation
from sentiprism.models.self_mm.model import SelfMM, SelfMMConfig
from sentiprism.nn.blocks import TemporalConv
from sentiprism.nn.crossmodal import Crossmodal
from sentiprism.nn.positions import PositionForm
from sentiprism.types import Batch, Modality, Sequence


class TETFNConfig(SelfMMConfig):
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
    causal: bool = False
    """Whether attention sees no later step (code)."""
    pool: Literal["attention", "last"] = "attention"
    """How what a modality has drawn becomes a vector: masked attention, or its last real step (code)."""
    position_form: PositionForm = "sinusoidal"
    """Positions in the text-enhanced transformers: of Vaswani et al. (2017) from 0, or the code's (fairseq)."""
    depth: int = Field(2, gt=0)
    """Layers of each transformer; the first stage of the text-enhanced one has 1."""
    enhance: bool = True
    """Whether the text has a say where audio and vision read each other; False leaves plain cross-attention."""

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        if self.fusion_width % self.heads:
            raise ValueError(f"{self.heads} heads do not divide a fusion_width of {self.fusion_width}")
        return self


class TETFN(SelfMM):
    """Self-MM's tasks on modalities that have read each other, the text between audio and vision."""

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
