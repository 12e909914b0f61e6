"""FINE's bounds of mutual information, with numbers computed by hand, and what they teach."""

import math

import pytest
import torch
from torch.testing import assert_close

from makers_models import batch, fine, specs
from sentiprism.nn.objectives.mutual_information import Critic, frozen, info_nce, mean_usable, nce_club

BOTH = torch.ones(1, 2, dtype=torch.bool)
# f(x_i, y_j): row i, column j
SCORES = torch.tensor([[[math.log(3), 0.0], [math.log(2), math.log(6)]]])


def test_the_critic_is_an_mlp_of_the_concatenation():
    torch.manual_seed(0)
    critic, x, y = Critic(2, 3, 2, 8), torch.randn(2, 5, 3), torch.randn(2, 5, 2)
    for k, i, j in ((0, 1, 4), (1, 3, 3)):
        weight = torch.cat([critic.left.weight[k], critic.right.weight[k]])
        hidden = (torch.cat([x[k, i], y[k, j]]) @ weight + critic.left.bias.view(2, -1)[k]).relu()
        hidden = (hidden @ critic.hidden.weight[k] + critic.hidden.bias.view(2, -1)[k]).relu()
        expected = hidden @ critic.out.weight[k] + critic.out.bias.view(2, -1)[k]
        assert_close(critic(x, y)[k, i, j], expected[0])


def test_eq7_eq11_info_nce_has_the_positive_inside_the_sum():
    # log 3/(3+1) and log 6/(2+6), each + log 2
    assert_close(info_nce(SCORES, BOTH), torch.tensor([math.log(2 * 3 / 4)]))
    assert_close(info_nce(torch.zeros(1, 2, 2), BOTH), torch.zeros(1))
    sure = torch.diag_embed(torch.full((1, 8), 100.0))
    assert_close(info_nce(sure, torch.ones(1, 8, dtype=torch.bool)), torch.tensor([math.log(8)]))


def test_eq8_eq10_nce_club_is_the_mean_together_less_the_mean_of_all_pairs():
    together, every = (math.log(3) + math.log(6)) / 2, (math.log(3) + math.log(6) + math.log(2)) / 4
    assert_close(nce_club(SCORES, BOTH), torch.tensor([together - every]))


@pytest.mark.parametrize("bound", [info_nce, nce_club])
def test_samples_without_both_sides_are_as_if_not_there(bound):
    torch.manual_seed(0)
    scores, keep = torch.randn(2, 5, 5), torch.tensor([0, 2, 3])
    mask = torch.zeros(2, 5, dtype=torch.bool)
    mask[:, keep] = True
    inside = scores[:, keep][:, :, keep]
    assert_close(bound(scores, mask), bound(inside, torch.ones(2, 3, dtype=torch.bool)))
    mask[1] = torch.arange(5) == 2  # one sample tells nothing
    assert bound(scores, mask)[1] == 0
    assert_close(mean_usable(bound(scores, mask), mask), bound(scores, mask)[0])
    assert mean_usable(bound(scores, mask & False), mask & False) == 0


def test_the_bounds_enclose_the_information_of_gaussians():
    """Correlations 0.2 to 0.9: the lower bound within 15% of the truth, or 0.01 nats where that is more.

    At 0.2 the truth is 0.02 nats and 15% of it are less than the noise of the samples it is measured on.
    """
    torch.manual_seed(0)
    rho = torch.tensor([0.2, 0.5, 0.7, 0.9])
    truth = -0.5 * (1 - rho.square()).log()
    critic, mask = Critic(4, 1, 1, 24), torch.ones(4, 96, dtype=torch.bool)

    def draw() -> tuple[torch.Tensor, torch.Tensor]:
        x, noise, r = torch.randn(4, 96, 1), torch.randn(4, 96, 1), rho.view(-1, 1, 1)
        return x, r * x + (1 - r.square()).sqrt() * noise

    optimizer = torch.optim.Adam(critic.parameters(), lr=0.01)
    for step in range(200):
        optimizer.param_groups[0]["lr"] = 0.01 * (1 - step / 200)
        optimizer.zero_grad()
        info_nce(critic(*draw()), mask).sum().neg().backward()
        optimizer.step()
    with torch.no_grad():
        scores = [critic(*draw()) for _ in range(80)]
    lower = torch.stack([info_nce(s, mask) for s in scores]).mean(0)
    upper = torch.stack([nce_club(s, mask) for s in scores]).mean(0)
    assert ((lower - truth).abs() <= (0.15 * truth).clamp(min=0.01)).all()
    assert (upper > truth).all()
    # with the critic that is best for the lower bound it is the symmetrised divergence, ρ² / (1 - ρ²)
    assert_close(upper[:3], (rho.square() / (1 - rho.square()))[:3], rtol=0.2, atol=0.02)


def test_the_upper_bounds_train_the_encoders_and_the_loss_of_the_critics_the_critics():
    torch.manual_seed(0)
    critic, x, y = Critic(1, 3, 3, 8), torch.randn(1, 6, 3, requires_grad=True), torch.randn(1, 6, 3)
    assert_close(frozen(critic, x, y), critic(x, y))
    nce_club(frozen(critic, x, y), torch.ones(1, 6, dtype=torch.bool)).sum().backward()
    assert x.grad.abs().sum() > 0
    assert all(p.grad is None for p in critic.parameters())


@pytest.mark.parametrize(("loss", "learns"), [("uni", False), ("str", False), ("critic", True), ("sha", True)])
def test_paths_of_the_gradients(loss, learns):
    model = fine()
    model(batch(specs(), 6)).losses[loss].backward()
    learnt = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    critics = {name for name in learnt if name.startswith("information.critics.")}
    assert {name.split(".")[2] for name in critics} == ({"critic": {"uni", "str"}, "sha": {"sha"}}.get(loss, set()))
    assert bool(critics) is learns
    assert (learnt == critics) is (loss == "critic")  # the others reach the encoders
    assert {id(p) for p in model.param_groups()["critics"]} == {id(p) for p in model.information.critics.parameters()}


@pytest.mark.parametrize("learns", [False, True])
def test_the_shared_label_learns_by_its_bound_only_where_asked(learns):
    model = fine(learn_shared_label=learns)
    losses = model(batch(specs(), 6)).losses
    sum(losses.values()).backward()
    assert [p.grad is not None for p in model.information.shared_label.parameters()] == [learns] * 4
    grouped = {id(p) for group in model.param_groups().values() for p in group}
    assert (id(model.information.shared_label[0].weight) in grouped) is learns


def test_eq10_carries_the_shared_label_on_both_sides_and_eq11_the_unique_one():
    model, given = fine(), batch(specs(), 5)
    means = model.factorizer(torch.randn(3, 5, 2, 16)).pooled()
    y = given.labels["M"].unsqueeze(1)
    left, right = model.information._sides("str", means, y)
    assert_close(left[..., 16:], model.information.shared_label(y).expand(3, -1, -1))
    assert_close(right[..., 16:], left[..., 16:])
    assert_close(left[:, :, :16], means.shared_task[[0, 0, 1]])
    assert_close(right[:, :, :16], means.shared_task[[1, 2, 2]])
    x, embedded = model.information._sides("utr", means, y)
    assert_close(x, means.unique_task)
    assert not torch.allclose(embedded[0], embedded[1])


def test_eq12_lower_bounds_enter_with_minus_and_upper_bounds_with_plus():
    model = fine()
    means, present, y = (
        model.factorizer(torch.randn(3, 6, 2, 16)).pooled(),
        torch.ones(3, 6, dtype=torch.bool),
        torch.randn(6, 1),
    )
    terms, both = model.information(means, present, y), torch.ones(3, 6, dtype=torch.bool)
    for name, sign, bound in (("sha", -1, info_nce), ("uni", 1, nce_club), ("str", 1, nce_club), ("utr", -1, info_nce)):
        scores = model.information.critics[name](*model.information._sides(name, means, y))
        assert_close(terms[name], sign * bound(scores, both).mean())
    expected = sum(
        -info_nce(model.information.critics[n](*model.information._sides(n, means, y)), both).mean()
        for n in ("uni", "str")
    )
    assert_close(terms["critic"], expected)


def test_warmup_leaves_the_upper_bounds_at_0_while_their_critics_learn():
    model, given = fine(club_warmup=2), batch(specs(), 6)
    for epoch, waiting in ((0, True), (1, True), (2, False)):
        model.set_epoch(epoch)
        losses = model(given).losses
        assert (losses["uni"].item() == 0) is (losses["str"].item() == 0) is waiting
        assert losses["critic"] != 0


def test_a_clamped_upper_bound_is_never_below_0():
    free, clamped = (fine(club_clamp=clamp) for clamp in (False, True))
    with torch.no_grad():
        raw = [free(batch(specs(), 6, seed=s)).losses["uni"] for s in range(8)]
        assert min(raw) < 0
        assert all(clamped(batch(specs(), 6, seed=s)).losses["uni"] >= 0 for s in range(8))
