"""Modalities that read each other, pair by pair (after MulT, Tsai et al. 2019)."""

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import torch
from torch import Tensor, nn

from sentiprism.nn.branches import Pool, Stack
from sentiprism.nn.positions import PositionForm
from sentiprism.types import Modality, Sequence


class Through(nn.Module):
    """A sequence reads another one as that one has read a third (TETFN's text-enhanced transformer).

    Args:
        lower: how the other one reads the third.
        upper: how the result is read.
    """

    def __init__(self, lower: Stack, upper: Stack) -> None:
        super().__init__()
        self.lower, self.upper = lower, upper

    def forward(self, x: Sequence, other: Sequence, third: Sequence) -> Sequence:
        """(B, T, D), (B, S, D), (B, L, D) -> (B, T, D)."""
        read: Sequence = self.upper(x, self.lower(other, third))
        return read


class Crossmodal(nn.Module):
    """Each modality attends to each other one; the concatenated results go through self-attention and are pooled.

    A single modality goes through self-attention only. A missing one is not read, and its output is 0.

    Args:
        modalities: those in use.
        width: D.
        heads: attention heads.
        depth: layers of each reading.
        memory: layers of self-attention.
        through: a modality that has a say where two others read each other, and the form of the positions in those
            transformers; None = none has.
        last: take the last real step instead of masked attention.
        options: see `Stack`; positions are sinusoidal where nothing is said.
    """

    def __init__(
        self,
        modalities: tuple[Modality, ...],
        width: int,
        heads: int,
        depth: int,
        memory: int,
        *,
        through: tuple[Modality, PositionForm | None] | None = None,
        last: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        options = {"position_form": "sinusoidal", **options}
        enhanced = options if through is None else {**options, "position_form": through[1]}
        self.through = through[0] if through is not None and through[0] in modalities else None
        self.reads = nn.ModuleDict()
        for m, other in permutations(modalities, 2):
            if self.through is not None and self.through not in {m, other}:
                lower, upper = (Stack(width, heads, layers, cross=True, **enhanced) for layers in (1, depth))
                self.reads[f"{m}_{other}"] = Through(lower, upper)
            else:
                self.reads[f"{m}_{other}"] = Stack(width, heads, depth, cross=True, **options)
        self.width = max(len(modalities) - 1, 1) * width
        """Width of the output."""
        self.memories = nn.ModuleDict({m: Stack(self.width, heads, memory, **options) for m in modalities})
        self.pools = nn.ModuleDict({m: Pool(self.width, last=last) for m in modalities})

    def forward(self, sequences: Mapping[Modality, Sequence]) -> tuple[dict[Modality, Tensor], dict[str, Tensor]]:
        """(B, T_m, D) by modality -> (B, width) by modality, and the pools' weights ``time.*`` (B, T_m)."""
        vectors, weights = {}, {}
        for m, x in sequences.items():
            drawn = [self._read(m, other, sequences).values for other in sequences if other != m]
            joined = Sequence(torch.cat(drawn, dim=-1), x.mask) if drawn else x
            vectors[m], share = self.pools[m](self.memories[m](joined))
            if share is not None:
                weights[f"time.{m}"] = share
        return vectors, weights

    def _read(self, modality: Modality, other: Modality, sequences: Mapping[Modality, Sequence]) -> Sequence:
        read, x, y = self.reads[f"{modality}_{other}"], sequences[modality], sequences[other]
        third = (sequences[self.through],) if self.through is not None and isinstance(read, Through) else ()
        result: Sequence = read(x, y, *third)
        return result
