"""KuDA: ratios from scores, attention that they really scale, and no label in a prediction."""

from math import exp, log

import pytest
import torch
from torch.testing import assert_close

from makers_models import CLASSES, batch, build, small, specs
from sentiprism.models.kuda.dynamic_attention import (
    Adapters,
    DynamicAttention,
    LearnedSteps,
    LevelEncoder,
    sentiment_ratio,
)
from sentiprism.models.kuda.model import correlation, scorer
from sentiprism.types import Sequence

ALL = torch.ones(1, 3, dtype=torch.bool)


def test_the_ratio_is_a_gaussian_of_the_scores_distance_normalised():
    scores, reference = torch.tensor([[[1.0], [2.0], [-1.0]]]), torch.tensor([[1.0]])
    raw = [1.0, exp(-0.5), exp(-2.0)]  # k = 0.5, distances 0, 1, 2
    assert sentiment_ratio(scores, reference, ALL, 0.5)[0].tolist() == pytest.approx([r / sum(raw) for r in raw])
    two = torch.tensor([[True, False, True]])
    found = sentiment_ratio(scores, reference, two, 0.5)[0].tolist()
    assert found == pytest.approx([1 / (1 + exp(-2)), 0, exp(-2) / (1 + exp(-2))])


def block(scale: str, *, inner_norm: bool = False) -> DynamicAttention:
    torch.manual_seed(0)
    return DynamicAttention(3, 16, 4, 32, head_width=4, dropout=0.0, scale=scale, inner_norm=inner_norm).eval()


@pytest.mark.parametrize(("scale", "matters"), [("after_norm", True), ("before_norm", False)])
def test_a_layer_norm_cancels_a_ratio_that_is_multiplied_on_before_it(scale, matters):
    fused, steps = torch.randn(2, 4, 16), torch.randn(2, 3, 4, 16)
    layer, present = block(scale), torch.ones(2, 3, dtype=torch.bool)
    one, other = (layer(fused, steps, present, torch.tensor([r]).expand(2, 3)) for r in ([1, 0, 0], [0, 0.2, 0.8]))
    assert torch.allclose(one, other, atol=1e-3) is not matters


def test_what_is_missing_is_not_read():
    layer, fused, steps = block("after_norm"), torch.randn(1, 4, 16), torch.randn(1, 3, 4, 16)
    present, ratio = torch.tensor([[True, False, True]]), torch.tensor([[0.5, 0.0, 0.5]])
    other = steps.clone()
    other[:, 1] = 7.0
    assert_close(layer(fused, steps, present, ratio), layer(fused, other, present, ratio))


def test_correlation_is_infonce_over_cosines_summed_over_modalities():
    whole = torch.eye(2)
    parts = torch.stack([3 * whole, whole.flip(0)], dim=1)  # the first agrees, the second is crossed
    present = torch.ones(2, 2, dtype=torch.bool)
    expected = (log(exp(1) + 1) - 1) + log(exp(1) + 1)  # -cos of the pair + log of the sum of exp(cos)
    assert correlation(parts, whole, present).item() == pytest.approx(expected)
    present = torch.tensor([[True, True], [True, False]])
    assert correlation(parts, whole, present).item() == pytest.approx(log(exp(1) + 1) - 1)


def test_adapters_read_one_more_level_each():
    levels = [torch.randn(2, 5, 8, requires_grad=True) for _ in range(5)]
    adapters, mask = Adapters(5, 8, 4, depth=1, heads=2, dropout=0.0), torch.ones(2, 5, dtype=torch.bool)
    assert len(adapters.down) == 3
    torch.autograd.backward(adapters(levels, mask)[..., 8:].square().sum())
    assert [bool(level.grad.any()) for level in levels] == [True] * 4 + [False]  # the last one stands beside them


def test_an_encoder_hands_out_a_level_a_layer_whatever_stands_in_the_padding():
    encoder = LevelEncoder(3, 8, 4, 2, steps=16, dropout=0.0)
    values, mask = torch.randn(1, 6, 3), torch.tensor([[True] * 4 + [False] * 2])
    clean = encoder(Sequence(values, mask))
    values = values.masked_fill(~mask.unsqueeze(-1), 1e4)
    dirty = encoder(Sequence(values, mask))
    assert len(clean) == 5
    for one, other in zip(clean, dirty, strict=True):
        assert_close(one[:, :4], other[:, :4])


def test_learned_steps_stand_for_any_length_and_are_0_for_a_missing_one():
    steps = LearnedSteps(8, 3, 2, None)
    mask = torch.tensor([[True] * 5, [False] * 5])
    found = steps(torch.randn(2, 5, 8), mask)
    assert found.shape == (2, 3, 8)
    assert (found[1] == 0).all()
    assert (found[0] != 0).any()


@pytest.mark.parametrize("preset", ["paper", "code"])
def test_no_prediction_outside_of_training_knows_the_label(preset):
    model = build("kuda", specs(), config=small("kuda") | {"preset": preset}).eval()
    given = batch(specs())
    other = given._replace(labels={"M": -given.labels["M"]})
    assert_close(model(other).prediction, model(given).prediction)
    assert ("modality" in model(given).weights) is (preset == "paper")


def test_only_the_released_ratios_know_the_label_while_training():
    given = batch(specs())
    other = given._replace(labels={"M": -given.labels["M"]})
    for preset, knows in (("paper", False), ("code", True)):
        config = small("kuda") | {"preset": preset, "sharpness": 1.0}
        model = build("kuda", specs(), config=config).train()
        torch.manual_seed(0)
        ratios = model(given).weights["modality"]
        torch.manual_seed(0)
        assert torch.allclose(model(other).weights["modality"], ratios) is not knows


def test_a_modality_is_held_to_its_own_label():
    model, given = build("kuda", specs(), config=small("kuda")).eval(), batch(specs())
    own = given._replace(labels={**given.labels, "A": given.labels["M"] + 5})
    assert model(own).losses["uni"] > model(given).losses["uni"]
    assert_close(model(own).losses["task"], model(given).losses["task"])


def test_classes_have_ratios_of_probabilities():
    given = batch(specs(), target=CLASSES)
    for preset in ("paper", "code"):
        model = build("kuda", specs(), CLASSES, small("kuda") | {"preset": preset}).train()
        shares = model(given).weights["modality"]
        assert_close(shares.sum(dim=1), torch.ones(6))
        assert ((shares > 0.2) & (shares < 0.5)).all()  # k = 0.1: distances of probabilities are at most 2


def test_a_score_is_read_through_three_narrowing_layers():
    layers = [layer for layer in scorer(32, 1) if isinstance(layer, torch.nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in layers] == [(64, 16), (16, 8), (8, 4), (4, 1)]
    model = build("kuda", specs(), config=small("kuda"))
    assert model.scorers["audio"][0].in_features == 32  # both halves of what the adapters give


def test_only_the_blocks_own_norms_have_the_small_eps():
    found = block(scale="after_norm")
    assert {found.norm.eps, found.layer.norm.eps, found.layer.feed_norm.eps} == {1e-6}
    assert {found.sum_norm.eps, *(norm.eps for norm in found.norms), found.readers[0].norm.eps} == {1e-5}


def test_the_code_normalises_inside_feed_forward_parts():
    with_norm = block(scale="after_norm", inner_norm=True)
    x = torch.randn(2, 3, 16)
    mask = torch.ones(2, 3, dtype=torch.bool)
    layer = with_norm.layer
    middle = layer.norm(x + layer.attention(x, x, mask))
    expected = layer.feed_norm(middle + layer.feed(torch.nn.functional.layer_norm(middle, (16,))))
    assert_close(layer(x, mask), expected)
