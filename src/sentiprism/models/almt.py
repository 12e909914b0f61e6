"""ALMT: language-guided learning of an adaptive hyper-modality (Zhang et al., EMNLP 2023).

Each modality is represented by 8 learned tokens. The text queries those of audio and vision at three depths, and the
results add up to a hyper-modality; a cross-attention joins the two. The layers are those of the authors' code. With a
dataset without text the first modality leads; a missing modality has no tokens and no step in any attention.

Deviations:
    The authors' code is published; what is not named here is as in it.

    - place | the authors' code | here | why, and the alternative
    - prediction | the extra token of a cross-attention from text to hyper-modality | mean over that token and the
      text's tokens | rows of a cross-attention do not attend to each other, so the extra token reads the hyper-modality
      only: text steers attention but does not enter, and without audio and vision every text gets the same prediction.
      `preset: code` has that
    - hyper-modality | starts at 1 and is layer-normed before each addition; one query and one output projection for
      audio and vision | starts at N(0, 1), no norm before additions; an attention of its own for each | the layer is
      the one that DPDF-LQ is compared with. `preset: code` (`hyper_norm`) normalises; the two attentions stay separate,
      which gives the same numbers where their shared projections are equal
    - tokens | start at 0, positions from N(0, 1) counted from the first token | start at N(0, 1), steps are counted
      from 0 behind them | their sum is all that is used
    - heads | of 64 in transformers, of 16 where the text is the query | the same | `head_width`, `hyper_head_width`
    - lengths | tables for 50, 375 and 500 steps, padding is read | tables of 512, later steps share the last; padding
      is masked | `positions`
    - leading modality | the text | the first modality of a dataset without text | `guide`
    - missing modality | – | no token, no step in any attention; where the leading one is missing, the prediction is
      from the extra token alone
    - training | warm-up of 10 % and cosine by epoch, the first one at rate 0; best test value of each metric | by step;
      best epoch on valid
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.errors import UserError
from sentiprism.models.base import SMALL_LAYERS, Citation, Model, NetworkConfig
from sentiprism.nn.attention import TransformerLayer
from sentiprism.nn.global_tokens import TokenCross, TokenEncoder, token_scales
from sentiprism.nn.learnable_query import QueryEncoder
from sentiprism.nn.objectives.task import task_losses
from sentiprism.nn.positions import LearnedPositions
from sentiprism.types import Batch, Modality, ModelOutput, Sequence


class ALMTConfig(NetworkConfig):
    """Configuration of `ALMT`; the defaults are the paper's for MOSI, or this project's reading."""

    PRESETS = {"paper": {}, "code": {"pool": "token0", "hyper_norm": True}}
    SMALL = {**SMALL_LAYERS, "depth": 1, "fusion_depth": 1}

    width: int = Field(128, gt=0)
    """d."""
    heads: int = Field(8, gt=0)
    head_width: int | None = Field(64, gt=0)
    """Width of a head in the transformer layers; null splits ``width`` evenly."""
    hyper_head_width: int | None = Field(None, gt=0)
    """Width of a head where the text is the query; null splits ``width`` evenly (16, as in the code)."""
    hidden: int = Field(128, gt=0)
    """Width inside the feed-forward parts."""
    dropout: float = Field(0.0, ge=0, lt=1)
    tokens: int = Field(8, gt=0)
    """T: learned tokens that represent a sequence."""
    positions: int = Field(512, gt=0)
    """Learned positions of each modality; later steps share the last."""
    depth: int = Field(3, gt=0)
    """Layers that learn the hyper-modality, each led by the text one layer deeper."""
    hyper_norm: bool = False
    """Whether each layer normalises the hyper-modality before it adds to it (code)."""
    fusion_depth: int = Field(2, gt=0)
    """Layers of the cross-attention between text and hyper-modality."""
    pool: Literal["mean", "token0"] = "mean"
    """The prediction: the mean over the extra token and the leading modality's tokens, or the extra token alone."""
    guide: Modality = "text"
    """Which modality leads; where the dataset lacks it, the first one it has."""


class ALMT(Model):
    """Gathers audio and vision into a hyper-modality guided by the text."""

    name = "almt"
    version = 2
    citation = Citation(
        "Learning Language-guided Adaptive Hyper-modality Representation for Multimodal Sentiment Analysis",
        "Haoyu Zhang, Yu Wang, Guanghao Yin, Kejun Liu, Yuanyuan Liu, Tianshu Yu",
        "EMNLP",
        2023,
        "https://github.com/Haoyu-ha/ALMT",
    )
    Config = ALMTConfig
    config: ALMTConfig
    exceptions = {"weights": "audio and vision are added as they are, each with an attention over its own tokens"}

    def build(self, config: ALMTConfig) -> None:
        """Token encoders, hyper-modality layers, fusion and head."""
        lead = config.guide if config.guide in self.modalities else self.modalities[0]
        self.order = (lead, *(m for m in self.modalities if m != lead))
        alone = len(self.order) == 1
        if alone and config.pool == "token0":
            raise UserError(
                f"the extra token reads the hyper-modality, and {lead} alone makes none", "set pool to mean"
            )
        inputs: dict[Modality, int] = {m: self.input_widths[m] for m in self.order}
        width, tokens = config.width, config.tokens
        layer = config.model_dump(include={"heads", "hidden", "head_width", "dropout"})
        self.encoders = nn.ModuleDict(
            {m: TokenEncoder(size, width, tokens=tokens, steps=config.positions, **layer) for m, size in inputs.items()}
        )
        self.guide_positions = LearnedPositions(tokens, width)
        self.guide_layers = nn.ModuleList(TransformerLayer(width, **layer) for _ in range(config.depth - 1))
        self.hyper = QueryEncoder(
            torch.randn(tokens, width),
            0 if alone else config.depth,
            len(self.order),
            config.heads,
            head_width=config.hyper_head_width,
            form="ahl",
            reduction=None,
            norm_query=config.hyper_norm,
        )
        self.fusion = TokenCross(
            config.fusion_depth, width, source=[tokens], target=[tokens] if config.pool == "mean" else [], **layer
        )
        self.head = nn.Linear(width, self.outputs)

    def forward(self, batch: Batch) -> ModelOutput:
        """Predict a batch; ``features`` hold the mean token of each modality and of the hyper-modality."""
        sequences: dict[Modality, Sequence] = {m: self.sequence(m, batch) for m in self.order}
        present = torch.stack([sequences[m].present for m in self.order], dim=1)  # (B, M)
        h = torch.stack([self.encoders[m](sequences[m], whole=False).values for m in self.order], dim=1)  # (B, M, T, d)
        scales = token_scales(h, present, self.guide_positions, self.guide_layers, placed=True)
        hyper, _ = self.hyper(scales[: len(self.hyper.attentions)], present)  # (B, T, d)
        lead = Sequence(scales[-1][:, 0], present[:, :1].expand(-1, hyper.shape[1]))
        source = Sequence(hyper, torch.ones_like(hyper[..., 0], dtype=torch.bool))
        fused: Tensor = self.fusion([source], [lead] if self.config.pool == "mean" else [])
        prediction = self.to_prediction(self.head(fused))
        losses = task_losses(prediction, batch, self.target, self.config.task)
        features: dict[str, Tensor] = {"hyper": hyper.mean(dim=1), "fused": fused}
        features |= dict(zip(self.order, h.mean(dim=2).unbind(1), strict=True))
        return ModelOutput(prediction, losses, {}, features)
