"""Factorise representations of several modalities into shared and unique parts."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from sentiprism.nn.blocks import mlp
from sentiprism.nn.stacked import stacked_mlp

Split = Literal["ftre", "misa"]


class Factors(NamedTuple):
    """Tokens (M, B, l, D) of M modalities, factorised."""

    shared: Tensor
    unique: Tensor
    shared_task: Tensor
    """Task-relevant part of the shared part (``str``); with ``misa`` the shared part itself."""
    unique_task: Tensor
    """Task-relevant part of the unique part (``utr``); with ``misa`` the unique part itself."""

    def pooled(self) -> "Factors":
        """Means over the tokens: (M, B, D)."""
        return Factors(*(part.mean(dim=2) for part in self))


class Factorizer(nn.Module):
    """Shared and unique encoders, task encoders after them, and a decoder; all work token by token.

    Args:
        modalities: M.
        width: D.
        dropout: inside.
        split: ``ftre``: separate networks for each modality, in two stages (FINE, Eqs. 6 and 9). ``misa``: one shared
            encoder for all modalities and a private one each, both with values in (0, 1) and without a second stage
            (Hazarika et al. 2020).
        decoder: whether there is one.
    """

    def __init__(self, modalities: int, width: int, dropout: float, *, split: Split, decoder: bool) -> None:
        super().__init__()
        self.split = split
        if split == "ftre":
            self.encoders = stacked_mlp(2 * modalities, width, width, width, dropout)
            self.task_encoders = stacked_mlp(2 * modalities, width, width, width, dropout)
        else:
            self.common = mlp(width, width, width, dropout)
            self.private = stacked_mlp(modalities, width, width, width, dropout)
        self.decoder = stacked_mlp(modalities, 2 * width, width, width, dropout) if decoder else None

    def forward(self, x: Tensor) -> Factors:
        """(M, B, l, D) -> four times (M, B, l, D)."""
        if self.split == "misa":
            shared, unique = self.common(x).sigmoid(), self.private(x).sigmoid()
            return Factors(shared, unique, shared, unique)
        both = self.encoders(torch.cat([x, x]))  # FINE, Eq. 6: (2M, B, l, D)
        refined = self.task_encoders(both)  # FINE, Eq. 9
        return Factors(*both.chunk(2), *refined.chunk(2))

    def reconstruction(self, x: Tensor, factors: Factors, present: Tensor) -> Tensor:
        """L_recon: mean squared error of the reconstruction from the shared and unique parts.

        Args:
            x: (M, B, l, D) inputs.
            factors: outputs for them.
            present: (M, B) bool.
        """
        assert self.decoder is not None  # noqa: S101 - only called with a decoder
        rebuilt = self.decoder(torch.cat([factors.shared, factors.unique], dim=-1))
        error = (rebuilt - x).square().mean(dim=(2, 3)) * present
        total: Tensor = error.sum()
        return total / present.sum().clamp(min=1)
