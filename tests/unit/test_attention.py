"""Attention and its layers against numbers worked out by hand, and what masks promise."""

import pytest
import torch
from torch.testing import assert_close

from sentiprism.nn.attention import (
    Attention,
    AttentionPool,
    Transformer,
    attention_maps,
    prepend,
)
from sentiprism.nn.blocks import TemporalConv
from sentiprism.types import Sequence


def plain(attention: Attention, width: int) -> None:
    """Every projection the identity."""
    with torch.no_grad():
        for layer in (attention.query, attention.key, attention.value, attention.out):
            layer.weight.copy_(torch.eye(width))
            layer.bias.zero_()


def mask(*lengths: int, steps: int) -> torch.Tensor:
    return torch.arange(steps) < torch.tensor(lengths)[:, None]


def test_attention_is_softmax_of_scaled_products():
    attention = Attention(2, 1)
    plain(attention, 2)
    query = torch.tensor([[[1.0, 0.0]]])
    source = torch.tensor([[[2.0, 0.0], [0.0, 3.0], [9.0, 9.0]]])
    share = torch.tensor([2 / 2**0.5, 0.0]).softmax(0)
    expected = share[0] * source[0, 0] + share[1] * source[0, 1]
    assert_close(attention(query, source, mask(2, steps=3))[0, 0], expected)


def test_a_source_without_a_real_step_gives_zero():
    attention = Attention(4, 2, source_width=3)
    answer = attention(torch.randn(2, 5, 4), torch.randn(2, 6, 3), mask(0, 4, steps=6))
    assert (answer[0] == 0).all()
    assert answer[1].abs().sum() > 0


def test_causal_attention_sees_nothing_ahead():
    attention = Attention(4, 2, causal=True).eval()
    x = torch.randn(1, 6, 4)
    changed = x.clone()
    changed[:, 4:] = 5.0
    real = mask(6, steps=6)
    assert_close(attention(changed, changed, real)[:, :4], attention(x, x, real)[:, :4])
    assert not torch.allclose(attention(changed, changed, real)[:, 4:], attention(x, x, real)[:, 4:])


def test_maps_are_what_was_attended_to_and_are_collected_only_inside():
    model = Transformer(2, 8, 2, 16).eval()
    x, real = torch.randn(3, 5, 8), mask(5, 2, 0, steps=5)
    with attention_maps(model) as maps:
        inside = model(x, real)
    assert set(maps) == {"layers.0.attention", "layers.1.attention"}
    first = maps["layers.0.attention"][0]
    assert first.shape == (3, 2, 5, 5)
    assert_close(first[:2].sum(-1), torch.ones(2, 2, 5))
    assert (first[1, :, :, 2:] == 0).all()
    assert (first[2] == 0).all()
    assert_close(model(x, real), inside)
    assert len(maps["layers.0.attention"]) == 1


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("cross", [False, True])
def test_padding_never_reaches_a_real_step(norm, cross):
    model = Transformer(2, 8, 2, 16, norm=norm, cross=cross).eval()
    x, source = torch.randn(2, 5, 8), torch.randn(2, 4, 8)
    given = Sequence(source, mask(4, 2, steps=4)) if cross else None
    clean = model(x, mask(5, 3, steps=5), given)
    x[1, 3:] = source[1, 2:] = 99.0
    dirty = model(x, mask(5, 3, steps=5), given)
    assert_close(dirty, clean)
    assert (clean[1, 3:] == 0).all()


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="3 heads"):
        Attention(8, 3)


def test_a_pool_weighs_real_steps_only():
    pool = AttentionPool(4)
    pooled, weights = pool(torch.randn(3, 6, 4), mask(6, 2, 0, steps=6))
    assert_close(weights.sum(1), torch.tensor([1.0, 1.0, 0.0]))
    assert (weights[1, 2:] == 0).all()
    assert (pooled[2] == 0).all()


def test_tokens_in_front_are_real_even_of_an_empty_row():
    values, real = prepend(torch.ones(2, 4), torch.zeros(3, 5, 4), mask(5, 1, 0, steps=5))
    assert values.shape == (3, 7, 4)
    assert real.sum(1).tolist() == [7, 3, 2]


def test_a_convolution_reads_padding_as_zeros_and_gives_zeros():
    conv = TemporalConv(1, 1, 3, bias=True)
    with torch.no_grad():
        conv.conv.weight.copy_(torch.tensor([[[1.0, 10.0, 100.0]]]))
        conv.conv.bias.fill_(0.5)
    x = torch.tensor([[[1.0], [2.0], [7.0]]])
    assert_close(conv(x, mask(2, steps=3)).flatten(), torch.tensor([210.5, 21.5, 0.0]))
    with pytest.raises(ValueError, match="odd"):
        TemporalConv(1, 1, 4)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_first_steps_alone_are_the_first_of_all(norm):
    model = Transformer(2, 8, 2, 16, norm=norm).eval()
    x, real = torch.randn(3, 5, 8), mask(5, 3, 1, steps=5)
    assert_close(model(x, real, first=2), model(x, real)[:, :2])
    with pytest.raises(ValueError, match="causal"):
        Transformer(1, 8, 2, 16, causal=True)(x, real, first=2)


def test_attention_weights_may_be_dropped_less_than_the_rest():
    assert Transformer(1, 8, 2, 16, dropout=0.5).layers[0].attention.dropout == 0.5
    layer = Transformer(1, 8, 2, 16, dropout=0.5, attention_dropout=0.0).layers[0]
    assert (layer.attention.dropout, layer.dropout.p) == (0.0, 0.5)
