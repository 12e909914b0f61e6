"""The two paths of DPDF-LQ (Zhou et al., EMNLP 2025): one around a learnable query, one over whole sequences."""

from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from sentiprism.config import Config
from sentiprism.errors import UserError
from sentiprism.nn.attention import TransformerLayer
from sentiprism.nn.global_tokens import SpatialAttention, Start, TokenCross, TokenEncoder, token_scales
from sentiprism.nn.learnable_query import QueryEncoder, QueryForm
from sentiprism.nn.positions import LearnedPositions
from sentiprism.types import Modality, Sequence

Modalities = tuple[Modality, ...]


class PathConfig(Config):
    """Configuration of both paths; the defaults are the paper's for MOSI, or this project's reading."""

    width: int = Field(128, gt=0)
    """d."""
    heads: int = Field(8, gt=0)
    head_width: int | None = Field(64, gt=0)
    """d_h; null splits ``width`` evenly."""
    hidden: int = Field(256, gt=0)
    """Width inside the feed-forward parts ("hidden dimension")."""
    dropout: float = Field(0.0, ge=0, lt=1)
    input_norm: bool = True
    """Whether a layer norm follows the projection of each modality."""
    position_std: float = Field(0.02, gt=0)
    """Of learned positions, tokens and query at the start; the paper's code base draws them from N(0, 1)."""
    tokens: int = Field(8, gt=0)
    """l_t: learned tokens a sequence, and length of the learnable query."""
    positions: int = Field(512, gt=0)
    """Learned positions of each modality; later steps share the last."""
    reader_positions: int | None = Field(None, gt=0)
    """The same where the local path reads whole sequences; null = ``positions``."""
    reduction: int = Field(4, gt=0)
    """r of the channel attention (Eq. 17)."""
    query_depth: int = Field(3, gt=0)
    """Layers of the DGLQA encoder; the text encoder of Eq. 4 has one less."""
    global_depth: int = Field(2, gt=0)
    """Layers of each cross-attention of the global path."""
    local_depth: int = Field(2, gt=0)
    """Layers of the local path's cross-attention."""
    local_pool: Literal["token0", "mean", "global_tokens"] = "mean"
    """f_local: the extra token (Eq. 30), which reads the text only, or its mean with all or learned target steps."""
    global_pool: Literal["token0", "mean"] = "token0"
    """f and f_global: the extra token (Eqs. 21, 25), or its mean with the target tokens."""
    joint_keys: bool = False
    """Whether each modality's keys and values read all modalities, as Eqs. 7 and 8 are printed, or its own tokens."""
    gather_head_width: int | None = Field(None, gt=0)
    """d_h where the query gathers; null = ``head_width``."""
    head_dropout: float = Field(0.0, ge=0, lt=1)
    """On f_global and before the last layer of a head of two."""
    released: bool = False
    """The structure of the released code: text tokens with positions from the first level on, the normalised query
    added beside the query, a convolution without padding, one reader for Eqs. 21 and 25, layer norms for query, key and
    value apart, tokens at 0 with positions of their own, a query that starts at 1."""
    query: QueryForm | Literal["none"] = "dglqa"
    """Attention of the query encoder ("DGLQA → Std.A, AHL"); ``none``: the modalities' mean tokens ("w/o DGLQA")."""
    global_attention: bool = True
    """False: f_global is the mean of LQ'' and f leaves Eq. 22 ("w/o GPath CA")."""
    swap_attention: bool = False
    """Source and target change places in both paths ("LPath CA ↔ GPath CA"); needs ``global_pool: mean``."""

    @model_validator(mode="after")
    def _query_is_read(self) -> "PathConfig":
        if self.swap_attention and self.global_attention and self.global_pool == "token0":
            cause = "with swap_attention the extra token of the global path reads the text only, never the query"
            raise UserError(cause, "set global_pool to mean")
        if self.released and self.tokens < 3:
            raise UserError("the released code's convolution leaves two tokens fewer", "set tokens to 3 or more")
        return self

    @property
    def layer(self) -> dict[str, Any]:
        """What all transformer layers share."""
        shared = self.model_dump(include={"heads", "hidden", "head_width", "dropout"})
        return {**shared, "separate": self.released}

    @property
    def start(self) -> Start:
        """What learned vectors start from."""
        return Start(self.position_std, self.input_norm, placed_tokens=self.released)


class GlobalPath(nn.Module):
    """Global tokens of each modality, gathered by the learnable query and refined by the text (Section 3.3).

    Args:
        inputs: width by modality in use, the text first.
        config: depths, widths, ablations.
    """

    def __init__(self, inputs: dict[Modality, int], config: PathConfig) -> None:
        super().__init__()
        self.config, self.modalities = config, tuple(inputs)
        width, tokens, has_text = config.width, config.tokens, "text" in inputs
        options = {"tokens": tokens, "steps": config.positions, "start": config.start, **config.layer}
        self.encoders = nn.ModuleDict({m: TokenEncoder(size, width, **options) for m, size in inputs.items()})
        self.text_layers = nn.ModuleList(
            TransformerLayer(width, **config.layer) for _ in range((config.query_depth - 1) * has_text)
        )
        if len(self.text_layers):
            self.text_positions = LearnedPositions(tokens, width, config.position_std)
        if config.query != "none":
            gather: dict[str, Any] = {} if config.query == "ahl" else {"bias": not config.released}
            if config.query == "dglqa":
                gather |= {"joint": config.joint_keys, "add_normed": config.released}
            std = config.position_std
            self.query = QueryEncoder(
                torch.ones(tokens, width) if config.released else torch.randn(tokens, width) * std,
                config.query_depth,
                len(inputs),
                config.heads,
                head_width=config.gather_head_width or config.head_width,
                form=config.query,
                reduction=config.reduction,
                **gather,
            )
        self.convolution = nn.Conv1d(width, width, 3, padding=int(not config.released), groups=width)
        self.norm, self.dropout = nn.BatchNorm1d(width), nn.Dropout(config.head_dropout)
        if has_text:
            self.balance = nn.Linear((3 if config.global_attention else 2) * width, width)
        if config.global_attention:
            count = 1 + (has_text and not config.released)
            self.readers = nn.ModuleList(self._cross(has_text) for _ in range(count))  # of Eqs. 21, 25

    def _cross(self, has_text: bool) -> TokenCross:
        tables = [self.config.tokens]
        target = tables if has_text and self.config.global_pool == "mean" else []
        options = {"source": tables, "target": target, "start": self.config.start, **self.config.layer}
        return TokenCross(self.config.global_depth, self.config.width, **options)

    def forward(self, sequences: dict[Modality, Sequence], present: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
        """Eqs. 1 to 25.

        Args:
            sequences: (B, T, F) by modality.
            present: (B, M) bool.

        Returns:
            f_global (B, D), the gate of Eq. 13 as the mean over layers (B, M) where there is one, and the mean
            global token of each modality (B, M, D).
        """
        tokens = [self.encoders[m](sequences[m], whole=False).values for m in self.modalities]  # Eqs. 1 to 3
        h = torch.stack(tokens, dim=1)
        scales = self._scales(h, present)  # Eq. 4
        if self.config.query == "none":
            shares = present / present.sum(dim=1, keepdim=True).clamp(min=1)
            query, gate = (shares[..., None, None] * h).sum(dim=1), None
        else:
            query, gate = self.query(scales, present)  # Eqs. 5 to 19
        refined = self.norm(functional.gelu(self.convolution(query.transpose(1, 2)))).transpose(1, 2)  # Eq. 20
        return self.dropout(self._refine(refined, scales[-1], present)), gate, h.mean(dim=2)

    def _scales(self, h: Tensor, present: Tensor) -> list[Tensor]:
        """Eq. 4: (B, M, L, D) a layer of the query encoder, with the text of that level; 0 where it is missing."""
        layers = self.text_layers
        scales = (
            token_scales(h, present, self.text_positions, layers, placed=self.config.released) if len(layers) else [h]
        )
        return scales * (self.config.query_depth // len(scales))

    def _refine(self, query: Tensor, top: Tensor, present: Tensor) -> Tensor:
        """Eqs. 21 to 25: LQ' (B, L, D) and the topmost tokens (B, M, L, D) -> f_global (B, D)."""
        if self.modalities[0] != "text":
            return self._read(-1, query, None) if self.config.global_attention else query.mean(dim=1)
        L = query.shape[1]  # two less than tokens in the released code
        text = Sequence(top[:, 0, :L], present[:, :1].expand(-1, L))
        parts = [query, text.values]
        if self.config.global_attention:
            parts.append(self._read(0, query, text).unsqueeze(1).expand_as(query))  # Eq. 21
        G = self.balance(torch.cat(parts, dim=-1)).sigmoid()  # Eqs. 22, 23
        mixed = torch.where(text.mask.unsqueeze(-1), G * query + (1 - G) * text.values, query)  # Eq. 24
        return self._read(-1, mixed, text) if self.config.global_attention else mixed.mean(dim=1)  # Eq. 25

    def _read(self, index: int, query: Tensor, text: Sequence | None) -> Tensor:
        source, target = Sequence(query, torch.ones_like(query[..., 0], dtype=torch.bool)), text
        if self.config.swap_attention and text is not None:
            source, target = text, source
        targets = [target] if target is not None and self.config.global_pool == "mean" else []
        result: Tensor = self.readers[index]([source], targets)
        return result


class LocalPath(nn.Module):
    """Whole sequences: audio and vision steps query the text (Section 3.4).

    Args:
        inputs: width by modality in use.
        config: depths, widths, ablations.
    """

    def __init__(self, inputs: dict[Modality, int], config: PathConfig) -> None:
        super().__init__()
        self.source, self.target = self.roles(tuple(inputs), config)
        self.whole = config.local_pool == "mean"
        width, K, steps = config.width, config.tokens, config.positions
        reads = self.source + self.target
        self.encoders = nn.ModuleDict(
            {
                m: TokenEncoder(inputs[m], width, tokens=K, steps=steps, start=config.start, **config.layer)
                for m in reads
            }
        )
        steps = config.reader_positions or steps
        if "vision" in reads:
            self.spatial = SpatialAttention(inputs["vision"])
        self.reader = TokenCross(
            config.local_depth,
            width,
            source=[K + steps for _ in self.source],
            target=[K + steps if self.whole else K for _ in self.target],
            start=config.start,
            **config.layer,
        )

    @staticmethod
    def roles(modalities: tuple[Modality, ...], config: PathConfig) -> tuple[Modalities, Modalities]:
        """Source and target: modalities that reach the prediction; no target where the extra token predicts."""
        text, others = (tuple(m for m in modalities if (m == "text") is wanted) for wanted in (True, False))
        source, target = (others, text) if config.swap_attention else (text, others)
        return source, () if config.local_pool == "token0" else target

    def forward(self, sequences: dict[Modality, Sequence]) -> Tensor:
        """Eqs. 26 to 30: (B, T, F) by modality -> f_local (B, D)."""
        hidden = {}
        for m in self.source + self.target:
            given = self.spatial(sequences[m]) if m == "vision" else sequences[m]  # Eq. 26
            hidden[m] = self.encoders[m](given, whole=self.whole or m in self.source)  # Eqs. 27, 28
        read: Tensor = self.reader([hidden[m] for m in self.source], [hidden[m] for m in self.target])  # Eqs. 29, 30
        return read
