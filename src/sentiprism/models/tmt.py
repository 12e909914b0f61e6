"""TMT: token-disentangling mutual Transformer (Yin et al., EAAI 2024).

Learned tokens read all frames and become what the modalities share and what each has alone; the two kinds then read
each other. Positions count within each modality, so that a sample has one prediction in any batch and any length fits.

Deviations:
    We did not have the paper; TMT is built after its released code. "Released" below is that code.

    - place | released | here | why, and the alternative
    - lengths | each modality cut to 20 frames, one table of 72 positions over tokens and frames, which needs 60 frames
      in all | all frames; a table of 512 positions for each modality (`positions`), later steps share the last |
      positions along the concatenation would move with the padding of the modality before; with lengths of 20 the two
      are the same
    - order | vision, audio, text behind the tokens | text, audio, vision | attention does not depend on the order
    - padding | ordinary frames | masked keys, left out of means
    - missing modality | – | its tokens are masked keys, and take no part in means and losses
    - start | tokens and positions from N(0, 1), projected frames as they are | a layer norm behind each projection,
      positions from N(0, 0.02²), and a token and its position as one vector from N(0, 2 · 0.02²) | from N(0, 1) they
      outweigh the frames: 0.7 % of the fused vector's energy differed between utterances of MOSI. `preset: paper`
      starts as released (`acc3` too)
    - layer norms | one each for q, k and v, projections without bias | one for q, k and v of one sequence, projections
      with bias | scale and shift of a norm before a linear map are part of the map
    - dropout | none on attention weights; 0.5 in every layer and on the input features | the same | `dropout`,
      `embed_dropout`
    - last layer | frames computed and dropped | only the tokens are computed | the same numbers
    - mutual Transformer | depth 2; one copy has 4 | 2 | `cross_depth`
    - head | two linear maps without activation | the same | they are one linear map of rank width/2
    - loss weights | (10, 0.01, 1) for task, orth and sim with five classes, (1, 0.05, 0.05) with two or three | the
      first | `preset: acc3`. O is a mean over D² entries of a matrix whose squared norm is at most B²: with B = 64 and
      D = 256 it is at most 1/16, and α · O at most 0.00125 in all, against a task loss times 10. Raise
      `loss_weights.orth` for parts that are really uncorrelated
    - O | rows divided by their length + 1e-6 | the same, over the samples that have both parts, as B × B products | the
      same numbers; it removes the correlation over the batch, not the angle within a sample
    - input mix-up | inputs of two samples mixed, label of the first | none, and no option for it | the label does not
      describe the mixture
    - schedule | warm-up and cosine by the epoch, so that the first runs at rate 0 | by the step
    - classes | cross-entropy over the five classes of the labels | intensities by mean squared error, classes by
      cross-entropy | `task: l1`; `data.bins=acc_5` predicts the five classes of the dataset's Acc-5, with its edges
    - selection | best test value of each metric | valid | nothing is chosen on the test split here
    - weights | – | none are reported | specific tokens read the frames of all modalities, so attention gives no share
      of a modality
"""

from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models.base import Citation, Model, NetworkConfig
from sentiprism.models.search_space import among, between
from sentiprism.nn.attention import Transformer
from sentiprism.nn.blocks import masked_mean
from sentiprism.nn.objectives.mmd import mmd
from sentiprism.nn.objectives.orthogonality import difference
from sentiprism.nn.objectives.task import task_loss
from sentiprism.nn.positions import LearnedPositions
from sentiprism.types import Batch, ModelOutput, Sequence

NORMAL: dict[str, Any] = {"input_norm": False, "position_std": 1.0}
"""As the released code starts: learned vectors from N(0, 1) beside projected frames as they are."""


class TMTConfig(NetworkConfig):
    """Configuration of `TMT`; the defaults are the released code's for five classes, but for how it starts."""

    LOSSES = {"task": 10.0, "orth": 0.01, "sim": 1.0}
    PRESETS = {
        "default": {},
        "paper": NORMAL,
        "acc3": {**NORMAL, "loss_weights": {"task": 1.0, "orth": 0.05, "sim": 0.05}},
    }
    """``paper``: the released code; ``acc3``: with the weights of its script for two and three classes."""
    SEARCH = {"width": among(64, 128, 256), "depth": between(1, 3), "cross_depth": between(1, 3)}
    SMALL = {"width": 16, "heads": 4, "head_width": 4, "positions": 16, "depth": 1, "cross_depth": 1}

    preset: str = "default"
    """Where the fields that are not given come from."""
    input_norm: bool = True
    """Whether a layer norm follows the projection of each modality."""
    position_std: float = Field(0.02, gt=0)
    """Of learned positions and tokens at the start; the released code draws them from N(0, 1)."""
    frame_std: float | None = Field(None, gt=0)
    """The same of the positions of frames; null = ``position_std``."""
    width: int = Field(256, gt=0)
    heads: int = Field(8, gt=0)
    head_width: int | None = Field(64, gt=0)
    """Width of a head; null splits ``width`` evenly."""
    depth: int = Field(2, gt=0)
    """Layers that disentangle."""
    cross_depth: int = Field(2, gt=0)
    """Layers of either side of the mutual Transformer; one released copy has 4."""
    invariant_tokens: int = Field(6, gt=0)
    specific_tokens: int = Field(2, gt=0)
    """Tokens of each modality."""
    positions: int = Field(512, gt=0)
    """Learned positions of each modality; later steps share the last."""
    dropout: float = Field(0.5, ge=0, lt=1)
    """On input features and in every layer."""
    embed_dropout: float = Field(0.1, ge=0, lt=1)
    """After positions are added."""


class MutualTransformer(nn.Module):
    """Tokens that read other tokens, and their mean.

    Args:
        queries: how many tokens read at most.
        sources: how many are read at most.
        config: widths and depth.
    """

    def __init__(self, queries: int, sources: int, config: TMTConfig) -> None:
        super().__init__()
        self.query_positions = LearnedPositions(queries, config.width, config.position_std)
        self.source_positions = LearnedPositions(sources, config.width, config.position_std)
        self.dropout = nn.Dropout(config.embed_dropout)
        self.layers = _transformer(config, config.cross_depth, config.width, cross=True)

    def forward(self, query: Tensor, mask: Tensor, source: Tensor, source_mask: Tensor) -> Tensor:
        """(B, Kq, D), (B, Kq), (B, Ks, D), (B, Ks) -> (B, D)."""
        x, source = self.dropout(self.query_positions(query)), self.dropout(self.source_positions(source))
        return masked_mean(self.layers(x, mask, Sequence(source, source_mask)), mask)


class TMT(Model):
    """Disentangles shared and specific tokens, which then attend to each other."""

    name = "tmt"
    version = 2
    citation = Citation(
        "Token-disentangling mutual transformer for multimodal emotion recognition",
        "Guanghao Yin, Yuanyuan Liu, Tengfei Liu, Haoyu Zhang, Fang Fang, Chang Tang, Liangxiao Jiang",
        "Engineering Applications of Artificial Intelligence",
        2024,
        "https://github.com/cug-ygh/TMT",
    )
    Config = TMTConfig
    config: TMTConfig
    exceptions = {"weights": "modalities mix in tokens; the attention of a token is not a share of the prediction"}

    def build(self, config: TMTConfig) -> None:
        """Projections, tokens, the disentangling layers and the mutual Transformer."""
        width, widths = config.width, self.input_widths
        self.projections = nn.ModuleDict({m: nn.Linear(inputs, width) for m, inputs in widths.items()})
        self.norms = nn.ModuleDict({m: nn.LayerNorm(width) for m in widths if config.input_norm})
        std, frames = config.position_std, config.frame_std or config.position_std
        self.positions = nn.ModuleDict({m: LearnedPositions(config.positions, width, frames) for m in widths})
        specific = config.specific_tokens * len(self.modalities)
        # a token and its position, both from one distribution, are one vector
        self.tokens = nn.Parameter(torch.randn(config.invariant_tokens + specific, width) * 2**0.5 * std)
        self.input_dropout, self.embed_dropout = nn.Dropout(config.dropout), nn.Dropout(config.embed_dropout)
        self.disentangler = _transformer(config, config.depth, 2 * width)
        self.specific_reads = MutualTransformer(specific, config.invariant_tokens, config)
        self.invariant_reads = MutualTransformer(config.invariant_tokens, specific, config)
        self.head = nn.Sequential(nn.Linear(width, max(width // 2, 1)), nn.Linear(max(width // 2, 1), self.outputs))

    def forward(self, batch: Batch) -> ModelOutput:
        """Project, disentangle, let the two kinds of tokens read each other, add."""
        present = self.present(batch)  # (B, M)
        frames = [self._project(modality, batch) for modality in self.modalities]
        means = torch.stack([masked_mean(*sequence) for sequence in frames], dim=1)  # (B, M, D)
        frames, early = self.weigh_frames(frames, means, present)
        invariant, specific = self._disentangle(frames, present)  # (B, I, D), (B, M, S, D)
        tokens, real, late = self.weigh_tokens(specific, present)
        every = torch.ones_like(invariant[..., 0], dtype=torch.bool)
        fused = self.specific_reads(tokens, real, invariant, every) + self.invariant_reads(
            invariant, every, tokens, real
        )
        prediction = self.to_prediction(self.head(fused))
        parts = torch.cat([invariant.mean(dim=1, keepdim=True), specific.mean(dim=2)], dim=1)  # (B, 1 + M, D)
        losses = {}
        if batch.labels:
            losses = {
                "task": task_loss(prediction, batch.labels["M"], self.target, self.config.task),
                "orth": self._orthogonality(parts, present),
                "sim": self._similarity(means, parts[:, 1:], present),
            }
        names = (*self.modalities, "shared", *(f"specific.{modality}" for modality in self.modalities), "fused")
        features = dict(zip(names, (*means.unbind(1), *parts.unbind(1), fused), strict=True))
        return ModelOutput(prediction, losses, {**early, **late}, features)

    def weigh_frames(
        self,
        frames: list[Sequence],
        means: Tensor,  # noqa: ARG002
        present: Tensor,  # noqa: ARG002
    ) -> tuple[list[Sequence], dict[str, Tensor]]:
        """Change the projected frames before they are disentangled; TMT takes modalities alike.

        Args:
            frames: (B, T, D) of each modality in use.
            means: (B, M, D) over their real steps.
            present: (B, M) bool.

        Returns:
            The frames, and weights for the output.
        """
        return frames, {}

    def weigh_tokens(self, specific: Tensor, present: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Change the specific tokens before they are read and read others; TMT takes modalities alike.

        Args:
            specific: (B, M, S, D), 0 where a modality is missing.
            present: (B, M) bool.

        Returns:
            Tokens (B, K, D), which of them are real (B, K), and weights for the output.
        """
        return specific.flatten(1, 2), present.repeat_interleave(specific.shape[2], dim=1), {}

    def _project(self, modality: str, batch: Batch) -> Sequence:
        """(B, T, F) or token ids -> (B, T, D); nothing of the padding is read."""
        sequence = self.sequence(modality, batch)
        values = sequence.values.masked_fill(~sequence.mask.unsqueeze(-1), 0.0)
        projected = self.projections[modality](self.input_dropout(values))
        if self.config.input_norm:
            projected = self.norms[modality](projected)
        return Sequence(projected, sequence.mask)

    def _disentangle(self, frames: list[Sequence], present: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens in front of all frames, read from them: invariant (B, I, D) and specific (B, M, S, D)."""
        B, I, S = present.shape[0], self.config.invariant_tokens, self.config.specific_tokens  # noqa: E741
        placed = [self.positions[m](f.values) for m, f in zip(self.modalities, frames, strict=True)]
        x = self.embed_dropout(torch.cat([self.tokens.expand(B, -1, -1), *placed], dim=1))
        mask = [present.new_ones(B, I), present.repeat_interleave(S, dim=1), *(f.mask for f in frames)]
        read = self.disentangler(x, torch.cat(mask, dim=1), first=len(self.tokens))
        return read[:, :I], read[:, I:].unflatten(1, (len(self.modalities), S))

    def _orthogonality(self, parts: Tensor, present: Tensor) -> Tensor:
        """Mean O of the invariant and each specific part, plus mean O of two specific parts."""
        there = torch.cat([present.any(dim=1, keepdim=True), present], dim=1).T  # (1 + M, B)
        one, other = torch.triu_indices(len(there), len(there), offset=1, device=parts.device)
        both, vectors = there[one] & there[other], parts.transpose(0, 1)
        values, known = difference(vectors[one], vectors[other], both), both.any(dim=1)
        M = len(self.modalities)  # the first M pairs hold the invariant part
        return _mean(values[:M], known[:M]) + _mean(values[M:], known[M:])

    def _similarity(self, means: Tensor, specific: Tensor, present: Tensor) -> Tensor:
        """Mean MMD of each modality's projected frames and its specific tokens."""
        return _mean(mmd(means.transpose(0, 1), specific.transpose(0, 1), present.T), present.any(dim=0))


def _transformer(config: TMTConfig, depth: int, hidden: int, *, cross: bool = False) -> Transformer:
    return Transformer(
        depth,
        config.width,
        config.heads,
        hidden,
        head_width=config.head_width,
        dropout=config.dropout,
        attention_dropout=0.0,
        final_norm=False,
        cross=cross,
    )


def _mean(values: Tensor, known: Tensor) -> Tensor:
    """Mean over the entries of which the batch knows anything; 0 where there are none."""
    return (values * known).sum() / known.sum().clamp(min=1)
