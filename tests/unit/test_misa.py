"""MISA's subspaces and their losses against numbers worked out by hand."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from makers_models import batch, build, small, specs
from sentiprism.models.misa import MISA, StackedLSTM
from sentiprism.nn.blocks import BiLSTM
from sentiprism.types import Sequence


def misa(**config) -> MISA:
    return build("misa", specs(), config={**small("misa"), **config}).eval()


def everyone(samples: int = 2) -> torch.Tensor:
    return torch.ones(3, samples, dtype=torch.bool)


def packed(ours: BiLSTM, values: torch.Tensor, lengths: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """The same weights in torch's own packed bidirectional LSTM: states of each step, last states of both."""
    theirs = nn.LSTM(ours.ahead.input_size, ours.ahead.hidden_size, batch_first=True, bidirectional=True)
    names = [name for name, _ in ours.ahead.named_parameters()]
    theirs.load_state_dict(
        {name + end: getattr(lstm, name) for end, lstm in (("", ours.ahead), ("_reverse", ours.back)) for name in names}
    )
    run = nn.utils.rnn.pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
    states, (last, _) = theirs(run)
    return nn.utils.rnn.pad_packed_sequence(states, batch_first=True)[0], torch.cat([last[0], last[1]], dim=1)


@torch.no_grad()
def test_states_of_every_step_are_a_packed_bidirectional_lstms():
    torch.manual_seed(0)
    ours, values, lengths = BiLSTM(3, 4), torch.randn(3, 5, 3), [5, 2, 4]
    mask = torch.arange(5) < torch.tensor(lengths)[:, None]
    steps, last = ours.steps(Sequence(values, mask))
    expected, final = packed(ours, values, lengths)
    assert_close(steps, expected)
    assert_close(last, final)
    assert_close(ours(Sequence(values, mask)), final)


@torch.no_grad()
def test_an_utterance_is_the_last_states_of_both_stacked_lstms():
    torch.manual_seed(0)
    stacked, values, lengths = StackedLSTM(3, 4), torch.randn(2, 5, 3), [5, 3]
    mask = torch.arange(5) < torch.tensor(lengths)[:, None]
    states, lower = packed(stacked.lower, values, lengths)
    _, upper = packed(stacked.upper, stacked.norm(states), lengths)
    assert_close(stacked(Sequence(values, mask)), torch.cat([lower, upper], dim=1))


@torch.no_grad()
def test_sim_is_the_mean_discrepancy_of_the_three_pairs():
    model, flat = misa(moments=2), torch.zeros(3, 2, 16)
    shared = flat.clone()
    shared[0, :, 0] = 0.5  # means differ by 1/2 in one channel; no spread, so no moment differs
    losses = model._subspaces(flat, shared, flat, everyone())
    assert_close(losses["sim"], torch.tensor((0.5 + 0.5 + 0.0) / 3))


@torch.no_grad()
def test_diff_is_the_sum_over_own_and_shared_and_over_pairs_of_own():
    model, flat = misa(), torch.zeros(3, 2, 16)
    up = torch.tensor([1.0, -1.0])
    own, shared = flat.clone(), flat.clone()
    own[0, :, 0] = own[1, :, 5] = shared[0, :, 3] = up
    # centred and of length 1, any two of them have one entry of (1·1 + 1·1)² = 4 in a 16 × 16 matrix
    losses = model._subspaces(flat, shared, own, everyone())
    assert_close(losses["diff"], torch.tensor(2 * 4 / 256), rtol=1e-4, atol=0)  # own 0 and shared 0, own 0 and own 1


@torch.no_grad()
def test_recon_is_the_mean_squared_error_of_what_is_made_of_both_parts():
    model = misa()
    model.decode.weight.copy_(torch.eye(16).expand(3, -1, -1))
    model.decode.bias.zero_()
    one = torch.ones(3, 2, 16)
    losses = model._subspaces(3 * one, 0.25 * one, 0.75 * one, everyone())  # 1 is made of 3
    assert_close(losses["recon"], torch.tensor(4.0))
    present = everyone()
    present[1] = False
    whole = 3 * one
    whole[1] = 100.0
    assert_close(model._subspaces(whole, 0.25 * one, 0.75 * one, present)["recon"], torch.tensor(4.0))


@torch.no_grad()
def test_equal_vectors_share_a_part_and_have_parts_of_their_own():
    model, seen = misa(), []
    model.fusion.register_forward_hook(lambda _, args, __: seen.append(args[0]))
    for m in model.project:
        model.project[m].register_forward_hook(lambda _, __, result: torch.ones_like(result))
    model(batch(specs(), 2))
    own, shared = seen[0][0].chunk(2)
    assert_close(shared[0], shared[1])
    assert_close(shared[0], shared[2])
    assert not torch.allclose(own[0], own[1])
    assert ((seen[0] > 0) & (seen[0] < 1)).all()


@pytest.mark.parametrize("used", [("text",), ("audio", "vision")])
def test_fewer_modalities(used):
    model = misa(modalities=used)
    losses = model(batch(specs(), 3)).losses
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in model.parameters())
    assert (losses["sim"] == 0) == (len(used) == 1)
