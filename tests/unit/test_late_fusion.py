"""Tensor fusion, its low-rank form and their networks, with numbers computed by hand."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from makers_models import CLASSES, batch, build, small, specs
from sentiprism.models.tfn import fusion_tensor
from sentiprism.nn.subnetworks import MeanNetwork, RecurrentNetwork, with_one
from sentiprism.training.experiments import load_experiment
from sentiprism.types import Sequence


def answer(model, given):
    model.eval()
    with torch.no_grad():
        return model(given)


def test_a_fusion_tensor_holds_products_of_one_two_and_three_features():
    """z = [1; 2] ⊗ [1; 3] ⊗ [1; 5]."""
    z = fusion_tensor([torch.tensor([[value]]) for value in (2.0, 3.0, 5.0)])
    assert z.flatten().tolist() == [1, 5, 3, 15, 2, 10, 6, 30]


def test_a_fusion_tensor_is_the_outer_product():
    torch.manual_seed(0)
    a, b, c = torch.randn(4, 2), torch.randn(4, 3), torch.randn(4, 1)
    outer = torch.einsum("bi,bj,bk->bijk", with_one(a), with_one(b), with_one(c))
    assert_close(fusion_tensor([a, b, c]), outer.flatten(1))


def test_a_missing_modality_leaves_the_products_of_the_others():
    full, less = (fusion_tensor([torch.tensor([[2.0]]), third]) for third in (torch.tensor([[3.0]]), torch.zeros(1, 1)))
    assert full.tolist() == [[1, 3, 2, 6]]
    assert less.tolist() == [[1, 0, 2, 0]]


def test_tfn_answers_within_the_range_of_the_labels_or_freely():
    given = batch(specs(), 3)
    for output, low, high in (("sigmoid", 3.0, 3.0), ("linear", 50.0, 50.0)):
        model = build("tfn", specs(), config={**small("tfn"), "output": output})
        nn.init.constant_(model.head.bias, 50.0)
        nn.init.zeros_(model.head.weight)
        prediction = answer(model, given).prediction
        assert (prediction >= low).all()
        assert (prediction <= high).all()


@pytest.mark.parametrize("dataset", ["mosi", "mosei"])
def test_tfns_published_settings_have_the_output_of_mmsas_code(dataset):
    """6 σ(x) - 3, whatever the dataset: on these two that is a sigmoid over the range of the labels."""
    experiment = load_experiment(f"tfn/zadeh2017_{dataset}")
    assert experiment.run["config"]["output"] == "sigmoid"
    assert any("in the paper and in MMSA alike" in note for note in experiment.notes)
    model = build("tfn", specs(), config={**small("tfn"), "output": experiment.run["config"]["output"]})
    nn.init.zeros_(model.head.weight)
    for x in (-4.0, 0.5, 2.0):
        nn.init.constant_(model.head.bias, x)
        expected = 6 / (1 + math.exp(-x)) - 3
        assert_close(answer(model, batch(specs(), 2)).prediction, torch.full((2,), expected))


def test_tfns_settings_for_sims_are_linear_as_mmsas_output_nearly_is_there():
    experiment = load_experiment("tfn/zadeh2017_sims")
    assert experiment.run["config"]["output"] == "linear"
    assert any("all but a line" in note for note in experiment.notes)
    x = torch.linspace(-math.log(2), math.log(2), 101)  # where 6 σ(x) - 3 is within [-1, 1]
    assert_close(6 * x.sigmoid() - 3, 1.5 * x, rtol=0, atol=0.05)
    assert (2 * x.sigmoid() - 1).abs().max() < 0.34  # the sigmoid over [-1, 1] gets to a third of it by then


def test_tfn_gives_logits_of_classes():
    model = build("tfn", specs(), CLASSES, small("tfn"))
    nn.init.zeros_(model.head.weight)
    with torch.no_grad():
        model.head.bias.copy_(torch.tensor([-4.0, 9.0]))
    assert answer(model, batch(specs(), 2, target=CLASSES)).prediction.tolist() == [[-4.0, 9.0]] * 2


@pytest.mark.parametrize("target", [None, CLASSES], ids=["intensity", "classes"])
def test_lmf_is_a_linear_layer_over_the_fusion_tensor_whose_weight_has_rank_r(target):
    """W = Σ_i w_i ⊗_m W_m^(i), applied to TFN's tensor without making it."""
    model = build("lmf", specs(), *([target] if target else []), config=small("lmf") | {"rank": 3, "text_width": 5})
    vectors = [torch.randn(4, width) for width in model.widths]
    text, audio, vision = (factor.view(factor.shape[0], 3, model.outputs) for factor in model.factors)
    weight = torch.einsum("r,iro,jro,kro->ijko", model.ranks, text, audio, vision).flatten(0, 2)
    nn.init.constant_(model.bias, 0.5)
    assert_close(model.join(vectors)[0], fusion_tensor(vectors) @ weight + 0.5)


def test_a_mean_network_reads_the_mean_over_real_frames():
    network = MeanNetwork(1, 1, 0.0, depth=1)
    nn.init.constant_(network.layers[1].weight, 2.0)
    nn.init.constant_(network.layers[1].bias, 1.0)
    values = torch.tensor([[[1.0], [3.0], [100.0]], [[1.0], [1.0], [1.0]]])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    assert network(Sequence(values, mask)).tolist() == [[5.0], [0.0]]  # 2 · (1 + 3) / 2 + 1; missing


@pytest.mark.parametrize("pool", ["last", "attention"])
def test_a_recurrent_network_pools_the_states_of_real_words(pool):
    torch.manual_seed(0)
    network = RecurrentNetwork(3, 4, 2, 0.0, pool=pool)
    values, mask = torch.randn(2, 5, 3), torch.tensor([[True] * 3 + [False] * 2, [False] * 5])
    states = network.recurrent(values[:1, :3])[0]
    if pool == "attention":
        shares = network.pool.score(states).softmax(dim=1)
        pooled = (shares * states).sum(dim=1)
    else:
        pooled = states[:, -1]
    found = network(Sequence(values, mask))
    assert_close(found[:1], network.out(pooled))
    assert found[1].eq(0).all()


def test_ef_lstm_reads_all_features_of_a_step_at_once():
    features = specs()
    model = build("ef_lstm", features, config=small("ef_lstm")).eval()
    given = batch(features, 3)
    text = given.text
    given = given._replace(
        audio=Sequence(torch.randn(3, 6, 5) * text.mask[..., None], text.mask),
        vision=Sequence(torch.randn(3, 6, 7) * text.mask[..., None], text.mask),
    )
    with torch.no_grad():
        states = model.recurrent(torch.cat([s.values for s in given[:3]], dim=-1))[0]
        fused = model(given).features["fused"]
    last = text.mask.sum(dim=1) - 1
    assert_close(fused, states[torch.arange(3), last])
