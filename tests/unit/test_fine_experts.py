"""FINE's experts, stacked networks and factors, with numbers computed by hand."""

import torch
from torch import nn
from torch.testing import assert_close

from makers_models import batch, fine, missing, specs
from sentiprism.models.fine.qformer import MixtureOfQFormers
from sentiprism.nn.factorize import Factorizer
from sentiprism.nn.objectives.balance import load_balance
from sentiprism.nn.stacked import StackedLinear, stacked_mlp

# Mixture of Q-Formers


def moq(chosen: int = 2) -> MixtureOfQFormers:
    torch.manual_seed(0)
    return MixtureOfQFormers(4, chosen, 3, 1, 8, 2, 0.0).eval()


def test_eq1_the_two_likeliest_experts_read_and_their_shares_are_renormalised():
    mixture, values, mask = moq(), torch.randn(1, 5, 8), torch.ones(1, 5, dtype=torch.bool)
    with torch.no_grad():
        mixture.router.weight.zero_()
        mixture.router.bias.copy_(torch.tensor([0.1, 0.6, 0.25, 0.05]).log())
        tokens, route = mixture(values, mask)
        assert_close(route.probability, torch.tensor([[0.1, 0.6, 0.25, 0.05]]))
        assert_close(route.weight, torch.tensor([[0.0, 0.6 / 0.85, 0.25 / 0.85, 0.0]]))
        first, second = (mixture.experts[i](values, mask) for i in (1, 2))
        assert_close(tokens, (0.6 * first + 0.25 * second) / 0.85)


def test_eq1_running_only_the_chosen_is_running_all_and_weighing_the_others_by_0():
    mixture, values = moq(), torch.randn(6, 5, 8)
    mask = torch.arange(5) < torch.tensor([5, 1, 3, 0, 2, 4])[:, None]
    tokens, route = mixture(values, mask)
    every = torch.stack([expert(values, mask) for expert in mixture.experts], dim=1)
    assert_close(tokens, torch.einsum("be,beld->bld", route.weight, every))
    assert tokens[3].eq(0).all()
    assert (route.weight > 0).sum(1).tolist() == [2, 2, 2, 0, 2, 2]


def test_eq1_an_expert_that_nobody_chose_has_a_gradient_of_0():
    mixture = moq()
    with torch.no_grad():
        mixture.router.bias[0] = -100
    mixture(torch.randn(2, 5, 8), torch.ones(2, 5, dtype=torch.bool))[0].sum().backward()
    assert all(p.grad is not None and p.grad.eq(0).all() for p in mixture.experts[0].parameters())


def test_dense_routing_uses_every_expert():
    weights = fine(routing="dense")(batch(specs(), 4)).weights["expert"]
    assert weights.shape == (4, 9)
    assert (weights > 0).all()
    assert_close(weights.view(4, 3, 3).sum(2), torch.ones(4, 3))


def test_expert_weights_of_a_missing_modality_are_0():
    weights = fine()(missing(batch(specs(), 4), "audio", 1)).weights["expert"].view(4, 3, 3)
    assert_close(weights.sum(2), torch.tensor([[1.0, 1, 1], [1, 0, 1], [1, 1, 1], [1, 1, 1]]))


def test_l_aux_is_e_sum_of_assigned_share_and_mean_probability():
    probability = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.1, 0.4], [0.0, 0.0, 1.0]])
    weight = torch.tensor([[0.7, 0.3, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]])
    present = torch.tensor([True, True, False])
    # f = (2, 1, 1) / 4, P = (0.6, 0.15, 0.25)
    assert_close(load_balance(probability, weight, present), torch.tensor(3 * (0.5 * 0.6 + 0.25 * 0.15 + 0.25 * 0.25)))
    even = torch.full((3, 3), 1 / 3)
    assert_close(load_balance(even, even, ~present | present), torch.tensor(1.0))
    one = torch.eye(3)[[0, 0, 0]]
    assert_close(load_balance(one, one, ~present | present), torch.tensor(3.0))


# stacked networks and factors


def test_stacked_layers_are_separate_layers():
    torch.manual_seed(0)
    stack, x = stacked_mlp(3, 4, 5, 2, 0.0), torch.randn(3, 6, 7, 4)
    for k in range(3):
        first, last = (nn.Linear(4, 5), nn.Linear(5, 2))
        with torch.no_grad():
            for linear, stacked in ((first, stack[0]), (last, stack[3])):
                linear.weight.copy_(stacked.weight[k].T)
                linear.bias.copy_(stacked.bias.view(3, -1)[k])
        assert_close(stack(x)[k], last(first(x[k]).relu()))
    assert StackedLinear(2, 3, 4).bias.ndim == 1  # weight decay passes it over


def test_eq6_eq9_each_modality_has_encoders_of_its_own():
    torch.manual_seed(0)
    factorizer, x = Factorizer(2, 4, 0.0, split="ftre", decoder=True), torch.randn(2, 3, 5, 4)
    before, changed = factorizer(x), x.clone()
    changed[0] += 1
    for old, new in zip(before, factorizer(changed), strict=True):
        assert not torch.allclose(old[0], new[0])
        assert_close(old[1], new[1])
    doubled = factorizer.task_encoders(torch.cat([before.shared, before.unique]))
    assert_close(torch.cat([before.shared_task, before.unique_task]), doubled)


def test_l_recon_is_the_squared_error_over_present_modalities():
    factorizer = Factorizer(2, 4, 0.0, split="ftre", decoder=True)
    x = torch.randn(2, 3, 5, 4)
    with torch.no_grad():
        for p in factorizer.decoder.parameters():
            p.zero_()
    present = torch.tensor([[True, True, False], [False, True, False]])
    expected = (x[0, 0].square().mean() + x[0, 1].square().mean() + x[1, 1].square().mean()) / 3
    assert_close(factorizer.reconstruction(x, factorizer(x), present), expected)
