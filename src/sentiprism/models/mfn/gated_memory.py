"""LSTMs whose cell states are seen, and a gated memory over them (MFN).

What an LSTM keeps in its cells is linear in what it was a step before, given the gates, and so is the memory where its
gates do not read it. The gates of all steps are one batched product, and a linear recurrence over T steps takes log2 T
doublings in the place of a loop.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from sentiprism.nn.blocks import mlp

TRACED_DOUBLINGS = 14
"""A traced graph has a fixed number of them: right for up to 2^14 steps."""


def linear_recurrence(decay: Tensor, added: Tensor) -> Tensor:
    """u_t = decay_t ⊙ u_{t-1} + added_t for all steps, from u_0 = 0: (B, T, D), (B, T, D) -> (B, T, D).

    After k doublings each step holds what 2^k steps up to it have added (Hillis and Steele 1986).
    """
    T = decay.shape[1]
    doublings = TRACED_DOUBLINGS if torch.compiler.is_compiling() else (T - 1).bit_length()
    for k in range(doublings):
        added = added + decay * _delayed(added, 2**k)
        if k + 1 < doublings:
            decay = decay * _delayed(decay, 2**k)
    return added


def _delayed(x: Tensor, steps: int) -> Tensor:
    """What stood so many steps before, 0 in front: (B, T, D) -> (B, T, D)."""
    return functional.pad(x, (0, 0, steps, 0))[:, : x.shape[1]]


class SystemOfLSTMs(nn.Module):
    """One-layer LSTMs over sequences on common steps, with the cell state of every step.

    The fused kernel gives hidden states only, and these give the gates.

    Args:
        inputs: F_m of each LSTM.
        hidden: H_m of each.
    """

    def __init__(self, inputs: list[int], hidden: list[int]) -> None:
        super().__init__()
        self.widths = hidden
        self.lstms = nn.ModuleList(nn.LSTM(F, H, batch_first=True) for F, H in zip(inputs, hidden, strict=True))

    def forward(self, sequences: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """(B, T, F_m) each -> hidden and cell states, (B, T, H_m) each."""
        states = [lstm(values)[0] for lstm, values in zip(self.lstms, sequences, strict=True)]
        gates = [self._gates(*parts) for parts in zip(self.lstms, sequences, states, strict=True)]
        keep, added = (torch.cat(kind, dim=-1) for kind in zip(*gates, strict=True))  # (B, T, ΣH_m) each
        return states, list(torch.split(linear_recurrence(keep, added), self.widths, dim=-1))

    @staticmethod
    def _gates(lstm: nn.Module, values: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """What every step keeps of its cells, and what it adds to them."""
        H, own = hidden.shape[-1], dict(lstm.named_parameters())  # gates in the order in, forget, new, out
        weight = torch.cat([own["weight_ih_l0"], own["weight_hh_l0"]], dim=1)[: 3 * H]
        bias = (own["bias_ih_l0"] + own["bias_hh_l0"])[: 3 * H]
        read = torch.cat([values, _delayed(hidden, 1)], dim=-1)  # (B, T, F + H)
        write, keep, new = functional.linear(read, weight, bias).chunk(3, dim=-1)
        return keep.sigmoid(), write.sigmoid() * new.tanh()


def delta(cells: Tensor) -> Tensor:
    """Each step's cell state beside the one before it, c^[t-1,t], from c^0 = 0: (B, T, H) -> (B, T, 2H)."""
    return torch.cat([_delayed(cells, 1), cells], dim=-1)


class GatedMemory(nn.Module):
    """MFN's multi-view gated memory: u^t = γ1 ⊙ u^{t-1} + γ2 ⊙ tanh(û), all three made from what is attended to.

    Args:
        inputs: D of what is attended to.
        width: of the memory.
        hidden: inside each network.
        dropout: inside each network.
        recurrent: whether the gates γ1 and γ2 also read u^{t-1}, which takes a loop over time.
    """

    def __init__(self, inputs: int, width: int, hidden: int, dropout: float, *, recurrent: bool) -> None:
        super().__init__()
        self.inputs, self.width, self.recurrent = inputs, width, recurrent
        read = inputs + width if recurrent else inputs
        self.retain, self.update = (mlp(read, hidden, width, dropout) for _ in range(2))
        self.proposal = mlp(inputs, hidden, width, dropout)

    def forward(self, attended: Tensor) -> Tensor:
        """(B, T, D) -> the memory after each step (B, T, width)."""
        proposed = self.proposal(attended).tanh()
        if not self.recurrent:
            added = self.update(attended).sigmoid() * proposed
            return linear_recurrence(self.retain(attended).sigmoid(), added)
        # what the gates read of the attended cells does not depend on the memory: all steps at once
        read = [
            functional.linear(attended, first.weight[:, : self.inputs], first.bias).transpose(0, 1)
            for first, _ in self._gates()
        ]
        steps = (*read, proposed.transpose(0, 1))  # (T, B, ...) each
        start = proposed.new_zeros(proposed.shape[0], self.width)
        if torch.compiler.is_compiling():  # a traced graph has no loop over an unknown number of steps
            from torch._higher_order_ops.scan import scan

            return scan(lambda u, now: (v := self._step(u, *now), v.clone()), start, steps)[1].transpose(0, 1)  # type: ignore[no-any-return]
        memory = [start]
        for now in zip(*steps, strict=True):
            memory.append(self._step(memory[-1], *now))
        return torch.stack(memory[1:], dim=1)

    def _gates(self) -> list[tuple[nn.Linear, nn.Module]]:
        """The first layer and the rest of the networks of γ1 and γ2."""
        return [(cast(nn.Linear, gate[0]), gate[1:]) for gate in (self.retain, self.update)]

    def _step(self, memory: Tensor, retain: Tensor, update: Tensor, proposed: Tensor) -> Tensor:
        """u^{t-1} and what the networks make of step t without it -> u^t, (B, width)."""
        kept, taken = (
            rest(read + functional.linear(memory, first.weight[:, self.inputs :])).sigmoid()
            for (first, rest), read in zip(self._gates(), (retain, update), strict=True)
        )
        result: Tensor = kept * memory + taken * proposed
        return result
