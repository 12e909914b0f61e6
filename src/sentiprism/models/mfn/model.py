"""MFN: memory fusion network for multi-view sequential learning (Zadeh et al., AAAI 2018).

A system of LSTMs, one per modality, runs word by word. Delta-memory attention reads the cell states of two consecutive
steps, c^[t-1,t], and weights each of their dimensions by a softmax over all of them: ĉ = a ⊙ c. From ĉ three networks
compute what is retained, updated and proposed, u^t = γ1 ⊙ u^{t-1} + γ2 ⊙ tanh(û). The last hidden states and the last
memory predict.

Deviations:
    - place | the paper | here | why, and the alternative
    - lengths | word-aligned | as EF-LSTM
    - γ1, γ2 | networks of ĉ | of ĉ and u^{t-1}, as in the released code | `gates: attended` is the paper's: the memory
      is then linear in itself and needs no loop over time. The cells need none in either case: a recurrence over T
      steps takes log2 T doublings. A traced graph has 14 of them: exported models are right for up to 16,384 steps
    - sizes | a search | one hidden width for the four networks and one dropout; MMSA's sizes for MOSEI | MMSA has a
      width and a dropout for each
    - softmax | over the dimensions of all cells at two steps | over those of the modalities that are present
    - u^T | at the end | at the last real step
    - weights | – | "modality": the attention that a modality's cells get, mean over real steps | at the start it
      follows the number of cells, which the sizes set: `text_hidden` is four times `audio_hidden`
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models.base import Citation, Model, ModelConfig
from sentiprism.models.mfn.gated_memory import GatedMemory, SystemOfLSTMs, delta
from sentiprism.nn.alignment import align
from sentiprism.nn.blocks import last_step, masked_mean, masked_softmax, mlp
from sentiprism.nn.objectives.task import TaskLoss, task_losses
from sentiprism.types import Batch, ModelOutput


class MFNConfig(ModelConfig):
    """Configuration of `MFN`."""

    SMALL = {"width": 16, "text_hidden": 8, "audio_hidden": 8, "vision_hidden": 8, "hidden": 32}

    task: TaskLoss = "l1"
    text_hidden: int = Field(128, gt=0)
    """Cells of each LSTM."""
    audio_hidden: int = Field(32, gt=0)
    vision_hidden: int = Field(128, gt=0)
    memory_width: int = Field(128, gt=0)
    """Width of u."""
    hidden: int = Field(128, gt=0)
    """Inside the networks of attention and memory."""
    gates: Literal["memory", "attended"] = "memory"
    """What γ1 and γ2 read: the attended cells and the memory (code), or the attended cells alone (paper)."""
    width: int = Field(128, gt=0)
    """Inside the network that predicts."""
    dropout: float = Field(0.2, ge=0, lt=1)
    """Inside all of them."""


class MFN(Model):
    """Runs an LSTM per modality, and a memory across them."""

    name = "mfn"
    version = 2
    citation = Citation(
        "Memory Fusion Network for Multi-view Sequential Learning",
        "Amir Zadeh, Paul Pu Liang, Navonil Mazumder, Soujanya Poria, Erik Cambria, Louis-Philippe Morency",
        "AAAI",
        2018,
        "https://github.com/pliang279/MFN",
    )
    Config = MFNConfig
    config: MFNConfig
    fusion: nn.Module

    def build(self, config: MFNConfig) -> None:
        """LSTMs, attention across them, memory and head."""
        cells = {"text": config.text_hidden, "audio": config.audio_hidden, "vision": config.vision_hidden}
        inputs = self.input_widths
        widths = [cells[modality] for modality in self.modalities]
        self.lstms = SystemOfLSTMs(list(inputs.values()), widths)
        sizes = (self.build_fusion(widths), config.memory_width, config.hidden, config.dropout)
        self.across = GatedMemory(*sizes, recurrent=config.gates == "memory")
        self.head = mlp(sum(widths) + config.memory_width, config.width, self.outputs, config.dropout)

    def build_fusion(self, widths: list[int]) -> int:
        """Set ``self.fusion`` for LSTMs of so many cells, and tell how wide its prediction is."""
        self.fusion = DeltaAttention(widths, self.config.hidden, self.config.dropout)
        return 2 * sum(widths)

    def say(self, shares: Tensor) -> dict[str, Tensor]:
        """``weights`` from what the fusion says of itself, mean over time: (B, M)."""
        return {"modality": self.spread(shares)}

    def forward(self, batch: Batch) -> ModelOutput:
        """Read, attend, remember, predict."""
        sequences = [self.sequence(modality, batch) for modality in self.modalities]
        sequences, present = align(sequences), self.present(batch)
        steps = torch.stack([sequence.mask for sequence in sequences]).any(dim=0)
        hidden, cells = self.lstms([sequence.values for sequence in sequences])
        last: dict[str, Tensor] = {
            modality: last_step(states, sequence.mask)
            for modality, states, sequence in zip(self.modalities, hidden, sequences, strict=True)
        }
        attended, said = self.fusion([delta(states) for states in cells], present)  # of c^[t-1,t]
        memory = last_step(self.across(attended), steps)  # u^T
        fused = torch.cat([*last.values(), memory], dim=1)
        prediction = self.to_prediction(self.head(fused))
        losses = task_losses(prediction, batch, self.target, self.config.task)
        start = torch.arange(steps.shape[1], device=steps.device) == 0
        weights = self.say(masked_mean(said, steps | (start & ~steps.any(dim=1, keepdim=True))))
        return ModelOutput(prediction, losses, weights, {**last, "memory": memory, "fused": fused})


class DeltaAttention(nn.Module):
    """Delta-memory attention: a softmax over the dimensions of all LSTMs' cells at two steps.

    Args:
        widths: cells of each LSTM.
        hidden: inside the network that scores.
        dropout: inside it.
    """

    def __init__(self, widths: list[int], hidden: int, dropout: float) -> None:
        super().__init__()
        self.widths = [2 * width for width in widths]
        self.score = mlp(sum(self.widths), hidden, sum(self.widths), dropout)

    def forward(self, deltas: list[Tensor], present: Tensor) -> tuple[Tensor, Tensor]:
        """Weigh every dimension.

        Args:
            deltas: c^[t-1,t] of each LSTM, (B, T, 2H_m).
            present: (B, M) bool.

        Returns:
            ĉ (B, T, Σ2H_m), 0 in what is missing, and the shares of the modalities (B, T, M).
        """
        own = [
            there.unsqueeze(1).expand(-1, width) for there, width in zip(present.unbind(1), self.widths, strict=True)
        ]
        real = torch.cat(own, dim=1).unsqueeze(1)  # (B, 1, Σ2H_m)
        cells = torch.cat(deltas, dim=-1) * real
        attention = masked_softmax(self.score(cells), real.expand(-1, cells.shape[1], -1))
        shares = [part.sum(dim=-1) for part in torch.split(attention, self.widths, dim=-1)]
        return attention * cells, torch.stack(shares, dim=-1)
