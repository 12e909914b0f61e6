"""Recurrences without a loop against the loop they stand for."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sentiprism.models.mfn.gated_memory import GatedMemory, SystemOfLSTMs, delta, linear_recurrence


def test_a_linear_recurrence_by_hand():
    """u = 1, then 0.5 · 1 + 2 = 2.5, then 0.1 · 2.5 + 0 = 0.25, then 3."""
    decay = torch.tensor([0.9, 0.5, 0.1, 0.0]).view(1, 4, 1)
    added = torch.tensor([1.0, 2.0, 0.0, 3.0]).view(1, 4, 1)
    assert_close(linear_recurrence(decay, added).flatten(), torch.tensor([1.0, 2.5, 0.25, 3.0]))


def test_a_linear_recurrence_of_any_length_is_the_loop():
    torch.manual_seed(0)
    for steps in (1, 2, 3, 8, 13):
        decay, added = torch.rand(2, steps, 3), torch.randn(2, steps, 3)
        state, loop = torch.zeros(2, 3), []
        for f, b in zip(decay.unbind(1), added.unbind(1), strict=True):
            state = f * state + b
            loop.append(state)
        assert_close(linear_recurrence(decay, added), torch.stack(loop, dim=1))


def test_cell_states_are_those_of_lstm_cells_and_so_are_their_gradients():
    torch.manual_seed(0)
    system, sequences = SystemOfLSTMs([4, 2], [3, 5]), [torch.randn(2, 6, 4), torch.randn(2, 6, 2)]
    hidden, cells = system(sequences)
    for i, (values, lstm) in enumerate(zip(sequences, system.lstms, strict=True)):
        cell = nn.LSTMCell(lstm.input_size, lstm.hidden_size)
        cell.load_state_dict({key.removesuffix("_l0"): value for key, value in lstm.state_dict().items()})
        h = c = torch.zeros(2, lstm.hidden_size)
        states = []
        for x in values.unbind(1):
            h, c = cell(x, (h, c))
            states.append((h, c))
        expected = [torch.stack(kind, dim=1) for kind in zip(*states, strict=True)]
        assert_close(hidden[i], expected[0])
        assert_close(cells[i], expected[1])
        expected[1].square().sum().backward()
        cells[i].square().sum().backward(retain_graph=True)
        for ours, theirs in zip(lstm.parameters(), cell.parameters(), strict=True):
            assert_close(ours.grad, theirs.grad)


def test_delta_is_the_step_before_and_the_step():
    cells = torch.tensor([[[1.0], [2.0], [4.0]]])
    assert delta(cells).tolist() == [[[0.0, 1.0], [1.0, 2.0], [2.0, 4.0]]]


@pytest.mark.parametrize("recurrent", [False, True])
def test_the_memory_retains_and_updates(recurrent):
    """u^t = γ1 ⊙ u^{t-1} + γ2 ⊙ tanh(û): γ1 = σ(ln 3) = 3/4, γ2 = σ(-ln 3) = 1/4, û = 1."""
    memory = GatedMemory(2, 1, 4, 0.0, recurrent=recurrent)
    for network, value in ((memory.retain, 3.0), (memory.update, 1 / 3), (memory.proposal, torch.e)):
        nn.init.zeros_(network[-1].weight)
        nn.init.constant_(network[-1].bias, float(torch.tensor(value).log()))
    one = 0.25 * torch.tensor(1.0).tanh()
    expected = torch.stack([one, one * 1.75, one * (1 + 0.75 * 1.75)])
    assert_close(memory(torch.randn(1, 3, 2)).flatten(), expected)


def test_gates_that_read_the_memory_are_the_loop():
    torch.manual_seed(0)
    memory, attended = GatedMemory(3, 2, 5, 0.0, recurrent=True), torch.randn(2, 4, 3)
    u, loop = torch.zeros(2, 2), []
    for c in attended.unbind(1):
        both = torch.cat([c, u], dim=1)
        u = memory.retain(both).sigmoid() * u + memory.update(both).sigmoid() * memory.proposal(c).tanh()
        loop.append(u)
    assert_close(memory(attended), torch.stack(loop, dim=1))
