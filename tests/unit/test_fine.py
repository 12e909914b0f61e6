"""FINE's equations, with numbers computed by hand."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from makers_models import CLASSES, INTENSITY, batch, build, rows, small, specs
from sentiprism.errors import UserError
from sentiprism.models.fine import FINE
from sentiprism.nn.factorize import Factorizer
from sentiprism.nn.objectives.balance import load_balance
from sentiprism.nn.objectives.contrastive import DynamicContrastiveQueue, compensate, contrastive_loss
from sentiprism.nn.objectives.moments import moment_discrepancy
from sentiprism.nn.objectives.mutual_information import Critic, frozen, info_nce, mean_usable, nce_club
from sentiprism.nn.qformer import MixtureOfQFormers
from sentiprism.nn.stacked import StackedLinear, stacked_mlp
from sentiprism.types import Sequence, TargetSpec

SIMS = TargetSpec(low=-1, high=1)
BOTH = torch.ones(1, 2, dtype=torch.bool)
# f(x_i, y_j): row i, column j
SCORES = torch.tensor([[[math.log(3), 0.0], [math.log(2), math.log(6)]]])


def fine(**config) -> FINE:
    return build("fine", specs(), config={**small("fine"), **config}).eval()


def missing(given, modality: str, row: int):
    values, mask = getattr(given, modality)
    mask = mask.clone()
    mask[row] = False
    return given._replace(**{modality: Sequence(values, mask)})


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


# mutual information


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


def test_eq14_total_has_every_loss_by_name():
    weights = fine().config.loss_weights
    assert list(weights) == ["task", "up", "cl", "aux", "sha", "uni", "recon", "str", "utr", "critic"]


# contrast


def test_accon_is_smallest_at_the_angle_in_proportion_to_the_labels():
    theta = torch.linspace(0, math.pi, 1801)
    for gap in (0.25, 0.5, 5 / 6, 1.0):
        found = theta[compensate(theta.cos(), torch.tensor(gap)).argmin()]
        assert_close(found, torch.tensor(gap * math.pi), atol=0.01, rtol=0)


def test_accon_compensated_cosine_by_hand():
    # θ = 60°, gap 1/2: φ = 90°, cos 150°
    assert_close(compensate(torch.tensor(0.5), torch.tensor(0.5)), torch.tensor(-math.sqrt(3) / 2), atol=1e-5, rtol=0)
    # labels at the two ends: plain cosine
    assert_close(compensate(torch.tensor(0.3), torch.tensor(1.0)), torch.tensor(0.3), atol=1e-5, rtol=0)


def test_eq13_by_hand():
    """One positive at cos 0.5, one negative at cos 0.5 and gap 1/2, τ = 1/2; another anchor has no positive."""
    cosine = torch.tensor([[1.0, 0.5, 0.5], [0.5, 1.0, 0.2]])
    positive = torch.tensor([[False, True, False], [False, False, False]])
    negative = torch.tensor([[False, False, True], [True, False, True]])
    plain = -math.log(math.exp(1) / (math.exp(1) + math.exp(1)))
    assert_close(contrastive_loss(cosine, positive, negative, 0.5), torch.tensor(plain))
    angled = -math.log(math.exp(1) / (math.exp(1) + math.exp(-math.sqrt(3))))
    gap = torch.full_like(cosine, 0.5)
    assert_close(contrastive_loss(cosine, positive, negative, 0.5, gap), torch.tensor(angled), atol=1e-4, rtol=0)


def test_eq13_two_positives_are_averaged():
    cosine = torch.tensor([[0.0, 1.0, 0.0]])
    positive, negative = torch.tensor([[True, True, False]]), torch.tensor([[False, False, True]])
    log_all = math.log(1 + math.e + 1)
    expected = -((0 - log_all) + (1 - log_all)) / 2
    assert_close(contrastive_loss(cosine, positive, negative, 1.0), torch.tensor(expected))


def unit(*angles: float) -> torch.Tensor:
    return torch.tensor([[math.cos(a), math.sin(a)] for a in angles])


def test_the_queue_is_first_in_first_out_per_class():
    queue = DynamicContrastiveQueue(INTENSITY, 2, 3)
    assert queue.classes == 7
    every = torch.ones(4, dtype=torch.bool)
    queue.push(unit(0.1, 0.2, 0.3, 0.4), torch.tensor([1.0, -3.0, 1.2, 0.6]), every)
    assert_close(queue.labels[4], torch.tensor([0.6, 1.2, 1.0]))
    assert_close(queue.vectors[4], unit(0.4, 0.3, 0.1))
    assert queue.filled.sum(1).tolist() == [1, 0, 0, 0, 3, 0, 0]
    # the oldest of class 1 falls out, the one without modalities does not come in
    queue.push(unit(0.5, 0.6), torch.tensor([0.9, -3.0]), torch.tensor([True, False]))
    assert_close(queue.vectors[4], unit(0.5, 0.4, 0.3))
    assert queue.filled.sum(1).tolist() == [1, 0, 0, 0, 3, 0, 0]
    # more than the queue holds: the latest stay
    queue.push(unit(1.1, 1.2, 1.3, 1.4), torch.full((4,), 1.0), every)
    assert_close(queue.vectors[4], unit(1.4, 1.3, 1.2))


@pytest.mark.parametrize(
    ("target", "labels", "classes", "count"),
    [
        (INTENSITY, [-3.0, -0.4, 0.6, 3.0], [0, 3, 4, 6], 7),
        (SIMS, [-1.0, -0.4, 0.0, 1.0], [0, 1, 2, 4], 5),
        (CLASSES, [0, 1], [0, 1], 2),
    ],
)
def test_a_class_is_the_label_rounded(target, labels, classes, count):
    queue = DynamicContrastiveQueue(target, 2, 3)
    assert queue.classes == count
    assert queue.class_of(torch.tensor(labels)).tolist() == classes


def test_the_loss_sees_the_queue_as_it_would_see_more_of_a_batch():
    y, mask = torch.tensor([1.0, -2.0, 1.0, 0.0]), torch.ones(4, dtype=torch.bool)
    for form in ("accon", "scl"):
        queue = DynamicContrastiveQueue(INTENSITY, 2, 4, form=form)
        queue.push(unit(0.3, 1.0), y[2:], mask[2:])
        z = unit(0.1, 2.0, 0.3, 1.0)
        cosine = z[:2] @ z.T
        alike = torch.tensor([[False, False, True, False], [False] * 4])
        real = torch.tensor([[False, True, True, True], [True, False, True, True]])
        gap = (y[:2, None] - y).abs() / 6 if form == "accon" else None
        expected = contrastive_loss(cosine, alike, real & ~alike, 0.1, gap)
        assert_close(queue(z[:2], y[:2], mask[:2]), expected)


def test_positives_are_equal_labels_with_accon_and_equal_classes_with_scl():
    z, mask = unit(0.0, 0.5), torch.ones(2, dtype=torch.bool)
    y = torch.tensor([1.0, 1.2])  # one class, two labels
    accon, scl = (DynamicContrastiveQueue(INTENSITY, 2, 0, form=form) for form in ("accon", "scl"))
    assert accon(z, y, mask) == 0  # nobody has a positive
    assert_close(scl(z, y, mask), torch.tensor(0.0))  # the only other one is the positive
    far = torch.cat([z, unit(2.0)]), torch.tensor([1.0, 1.2, -3.0]), torch.ones(3, dtype=torch.bool)
    assert accon(*far) == 0
    assert scl(*far) > 0


def test_accon_makes_angles_proportional_to_labels_and_scl_spreads_classes_evenly():
    """Labels of six values on a circle: angles become π |Δy| / Δ_max; without compensation neighbours are 60° apart."""
    y = torch.arange(6.0).repeat(2) - 2.5
    gap = (y[:, None] - y).abs()
    for form, expected in (("accon", gap / 5 * math.pi), ("scl", torch.minimum(gap, 6 - gap) / 6 * 2 * math.pi)):
        torch.manual_seed(0)
        theta = nn.Parameter(0.1 * y + 0.02 * torch.randn(12))
        target = TargetSpec(low=-2.5, high=2.5)
        queue = DynamicContrastiveQueue(target, 2, 0, form=form, temperature=1.0, classes=6)
        optimizer = torch.optim.Adam([theta], lr=0.02)
        for _ in range(300):
            optimizer.zero_grad()
            z = torch.stack([theta.cos(), theta.sin()], dim=1)
            queue(z, y, torch.ones(12, dtype=torch.bool)).backward()
            optimizer.step()
        angle = (z @ z.T).detach().clamp(-1, 1).acos()
        assert_close(angle, expected, atol=0.02, rtol=0)


def test_the_model_fills_the_queue_after_a_step_and_only_then():
    model, given = fine(queue=4), missing(batch(specs(), 6), "text", 2)
    given = missing(missing(given, "audio", 2), "vision", 2)  # nothing is known of the third sample
    before = model(given)
    assert not model.contrast.filled.any()
    model.after_step(given, before)
    assert model.contrast.filled.sum() == 5
    assert not model.contrast.vectors.requires_grad
    assert "contrast.vectors" in model.state_dict()
    after = model(given)
    assert after.losses["cl"] != before.losses["cl"]
    assert_close(after.prediction, before.prediction)


# Table 6 and what else can be set


@pytest.mark.parametrize("extractor", ["transformer", "tcn", "lstm", "mlp", "none"])
def test_table6_other_extractors_ignore_padding_and_give_one_token(extractor):
    model, given = fine(extractor=extractor), batch(specs(), 4)
    values, mask = given.audio
    dirty = given._replace(audio=Sequence(torch.where(mask[..., None], values, 50.0), mask))
    output = model(given)
    assert_close(model(dirty).prediction, output.prediction)
    assert "expert" not in output.weights
    assert output.losses["aux"] == 0
    if extractor != "lstm":
        times = output.weights["time.audio"]
        assert_close(times.sum(1), torch.ones(4))
        assert (times[~mask] == 0).all()
    model.train()(given).losses["task"].backward()
    assert all(p.grad is not None for p in model.extractors.parameters())


def test_table6_misas_split_has_distances_in_the_place_of_information():
    model = fine(factorize="misa")
    losses = model(batch(specs(), 6)).losses
    assert losses["sha"] > 0
    assert losses["uni"] > 0
    assert losses["str"] == losses["utr"] == losses["critic"] == 0
    assert model.param_groups()["critics"] == []


def test_table6_without_factors_the_extracted_tokens_are_fused():
    losses = fine(factorize="none")(batch(specs(), 6)).losses
    assert all(losses[name] == 0 for name in ("sha", "uni", "recon", "str", "utr", "critic"))


def test_table6_a_term_that_is_off_is_not_built():
    assert set(fine(loss_weights={"str": 0, "utr": 0}).information.critics) == {"sha", "uni"}
    assert fine(loss_weights={"cl": 0}).contrast is None
    assert fine(loss_weights={"up": 0}).unimodal_heads is None
    assert fine(loss_weights={"recon": 0}).factorizer.decoder is None


def test_moment_discrepancy_by_hand():
    left, right = torch.tensor([[0.0], [1.0], [9.0]]), torch.tensor([[0.25], [0.75], [9.0]])
    mask = torch.tensor([True, True, False])
    # means are equal; second moments 1/4 and 1/16; third 0; fourth 1/16 and 1/256
    assert_close(moment_discrepancy(left, right, mask, 4), torch.tensor(3 / 16 + 15 / 256))
    assert moment_discrepancy(left, left, mask) == 0


def test_l_up_may_take_a_modalitys_own_label():
    given = batch(specs(), 5)
    own = given._replace(labels={**given.labels, "A": given.labels["M"] + 1})
    for option, differs in ((False, False), (True, True)):
        model = fine(unimodal_labels=option)
        assert (model(own).losses["up"] != model(given).losses["up"]).item() is differs


def test_l_up_leaves_a_missing_modality_out():
    model, given = fine(), batch(specs(), 3)
    without = missing(given, "vision", 1)
    output = model(without)
    read = output.features["fused"].view(3, 3, 16).transpose(0, 1)
    errors = (model.unimodal_heads(read).squeeze(-1) - given.labels["M"]).square()
    expected = (errors[0].mean() + errors[1].mean() + errors[2, [0, 2]].mean()) / 3
    assert_close(output.losses["up"], expected)


def test_losses_of_pairs_leave_a_sample_with_one_modality_out():
    model, given = fine(), batch(specs(), 5)
    lonely = missing(missing(given, "audio", 4), "vision", 4)
    short = rows(given, torch.arange(4))
    for name in ("sha", "uni", "str", "critic"):
        assert_close(model(lonely).losses[name], model(short).losses[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("modalities", [("text",), ("text", "audio")])
def test_table5_subsets(modalities):
    model, given = fine(modalities=modalities), batch(specs(), 5)
    output = model(given)
    assert output.weights["expert"].view(5, 3, 3).sum(2).gt(0).any(0).tolist() == [True, "audio" in modalities, False]
    assert (output.losses["sha"] != 0).item() is (len(modalities) > 1)
    assert output.losses["utr"] != 0


def test_classes_are_taught_by_cross_entropy_and_are_at_full_distance():
    model = build("fine", specs(), CLASSES, small("fine")).eval()
    given = batch(specs(), 8, target=CLASSES)
    output = model(given)
    assert_close(output.losses["task"], nn.functional.cross_entropy(output.prediction, given.labels["M"]))
    assert model.contrast.classes == 2
    model.after_step(given, output)
    z, y = output.features["contrast"], given.labels["M"]
    scl = DynamicContrastiveQueue(CLASSES, 16, 0, form="scl")(z, y, torch.ones(8, dtype=torch.bool))
    accon = DynamicContrastiveQueue(CLASSES, 16, 0)(z, y, torch.ones(8, dtype=torch.bool))
    assert_close(accon, scl, rtol=1e-3, atol=1e-3)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(UserError, match="must divide a width of 20"):
        build("fine", specs(), config={"width": 20})
