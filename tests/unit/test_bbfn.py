"""BBFN's gates and its discriminators against numbers worked out by hand."""

from math import log

import pytest
import torch
from torch.testing import assert_close

from makers_models import batch, build, small, specs
from sentiprism.models.bbfn import BBFN, BBFNConfig, Gated, LinearSummary, Pair
from sentiprism.types import Sequence


def bbfn(**config) -> BBFN:
    return build("bbfn", specs(), config={**small("bbfn"), **config}).eval()


def sequence(samples: int, steps: int, width: int = 8) -> Sequence:
    return Sequence(torch.randn(samples, steps, width), torch.ones(samples, steps, dtype=torch.bool))


@pytest.fixture
def layer() -> Gated:
    """Without a feed-forward part."""
    torch.manual_seed(0)
    made = Gated(8, 2, dropout=0.0)
    with torch.no_grad():
        made.feed[-1].weight.zero_()
        made.feed[-1].bias.zero_()
        for gate in (made.retain, made.compound):
            gate.weight.zero_()
            gate.bias.zero_()
    return made


@torch.no_grad()
def test_the_retain_gate_weighs_what_was_and_the_compound_gate_what_is_drawn(layer):
    x, other, control = sequence(2, 3), sequence(2, 4), torch.zeros(2, 16)
    drawn = layer.attention(layer.norm(x.values), layer.norm(other.values), other.mask)
    layer.retain.bias.fill_(log(3))  # σ(log 3) = 3/4
    layer.compound.bias.fill_(-log(4))  # σ(-log 4) = 1/5
    assert_close(layer(x, other, control).values, 0.75 * x.values + 0.2 * drawn)


@torch.no_grad()
def test_gates_are_driven_by_the_summaries_of_both_members(layer):
    x, other = sequence(1, 3), sequence(1, 4)
    layer.compound.bias.fill_(-100.0)  # shut
    layer.retain.weight[0, 12] = 1.0  # the first channel listens to a channel of the other's summary
    control = torch.zeros(1, 16)
    control[0, 12] = log(9)
    expected = 0.5 * x.values
    expected[..., 0] = 0.9 * x.values[..., 0]
    assert_close(layer(x, other, control).values, expected)


def blind(pair: Pair, bias: float) -> Pair:
    """Every discriminator answers the same whatever it is shown."""
    for layer in pair.layers:
        layer.discriminator[-1].weight.data.zero_()
        layer.discriminator[-1].bias.data.fill_(bias)
    return pair


@torch.no_grad()
def test_a_discriminator_that_cannot_tell_costs_log_2_and_one_that_always_says_side_is_right_half_the_time():
    torch.manual_seed(0)
    pair = Pair(BBFNConfig(width=8, heads=2, depth=2))
    main, side = sequence(3, 4), sequence(3, 5)
    assert_close(blind(pair, 0.0)(main, side).separation, torch.tensor(log(2)))
    always = blind(pair, log(3))  # p(side) = 3/4
    assert_close(always(main, side).separation, torch.tensor((log(4) + log(4 / 3)) / 2))
    absent = Sequence(main.values, torch.zeros_like(main.mask))
    assert_close(always(absent, side).separation, torch.tensor(log(4 / 3)))  # only sides to judge
    assert always(absent, Sequence(side.values, torch.zeros_like(side.mask))).separation == 0


def test_the_discriminators_learn_to_tell_the_members_of_a_pair_apart():
    torch.manual_seed(0)
    pair, main, side = Pair(BBFNConfig(width=8, heads=2, depth=1, dropout=0.0)), sequence(8, 3), sequence(8, 3)
    optimizer = torch.optim.Adam(pair.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        loss = pair(main, side).separation
        loss.backward()
        optimizer.step()
    assert loss < 0.1 < log(2)


@torch.no_grad()
def test_two_pairs_around_the_text_give_four_heads():
    model, given = bbfn(depth=2), batch(specs(), 2)
    assert list(model.pairs) == ["audio", "vision"]
    assert model.head.in_features == 4 * 16
    seen = {}
    for m, pair in model.pairs.items():
        pair.register_forward_hook(lambda *args, m=m: seen.update({m: args[-1]}))
    joined = []
    model.higher.register_forward_hook(lambda _, args, __: joined.append(args[0]))
    model(given)
    heads = [s.values[:, 0] for m in ("audio", "vision") for s in (seen[m].main, seen[m].side)]
    assert_close(joined[0], torch.cat(heads, dim=1))


@pytest.mark.parametrize("used", [("text",), ("audio", "vision")])
@pytest.mark.parametrize("pool", ["first", "mean"])
def test_fewer_modalities(used, pool):
    model = bbfn(modalities=used, pool=pool)
    losses = model(batch(specs(), 3)).losses
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in model.parameters())
    assert (losses["sep"] == 0) == (len(used) == 1)


@torch.no_grad()
def test_the_codes_summary_above_the_first_layer_is_the_mean_of_a_gru_over_time_and_directions():
    model = bbfn(preset="code", depth=2)
    first, second = (layer.summary for layer in model.pairs["audio"].layers)
    assert isinstance(first, LinearSummary)
    values, mask = torch.randn(2, 4, 16), torch.tensor([[True] * 4, [True, True, False, False]])
    main = Sequence(values.masked_fill(~mask.unsqueeze(-1), 7.0), mask)
    found = second(main, main)
    for row, steps in ((0, 4), (1, 2)):
        x = values[row : row + 1, :steps]
        both = torch.cat([second.main.ahead(x)[0], second.main.back(x.flip(1))[0]])
        assert_close(found[0, row], both.mean(dim=(0, 1)))
