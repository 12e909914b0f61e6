"""Parameter groups, decay and the schedule of the learning rate."""

import pytest
import torch

from makers_models import build, fine, small, specs
from makers_text import WORDS, tiny_bert
from sentiprism.errors import UserError
from sentiprism.training.config import OptimConfig
from sentiprism.training.optimizer import (
    build_optimizer,
    check_groups,
    drop_frozen,
    plateau_factor,
    rate_factor,
    set_rate,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tiny_bert(tmp_path_factory.mktemp("bert"))
    return build("mdf", specs(folder, WORDS), config=small("mdf"))


def factors(total: int = 10, **settings) -> list[float]:
    return [rate_factor(step, total, OptimConfig(**settings)) for step in range(total)]


def test_critics_have_a_rate_of_their_own_that_a_run_may_name():
    model = fine()
    for given, expected in (({}, 1e-3), ({"critics": 2e-4}, 2e-4)):
        groups = build_optimizer(model, OptimConfig(lr=1e-4, group_lr=given)).param_groups
        assert {group["lr"] for group in groups if group["name"] == "critics"} == {expected}
        assert {group["lr"] for group in groups if group["name"] == "default"} == {1e-4}


def test_every_parameter_stands_in_one_group_at_its_own_rate(model):
    optimizer = build_optimizer(model, OptimConfig(lr=1e-3, group_lr={"text_encoder": 5e-5}))
    rate = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(rate) == len(list(model.parameters()))
    for name, parameter in model.named_parameters():
        assert rate[id(parameter)] == (5e-5 if name.startswith("text_encoder.") else 1e-3), name


def test_matrices_decay_and_vectors_do_not(model):
    optimizer = build_optimizer(model, OptimConfig(weight_decay=0.3))
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    found = (
        {decay[id(p)] for p in model.parameters() if p.ndim <= 1},
        {decay[id(p)] for p in model.parameters() if p.ndim > 1},
    )
    assert found == ({0.0}, {0.3})
    assert "predictor.0.bias" in dict(model.named_parameters())


def test_decay_alone_shrinks_a_matrix_by_rate_times_decay(model):
    optimizer = build_optimizer(model, OptimConfig(lr=0.1, weight_decay=0.5))
    before = {name: p.detach().clone() for name, p in model.predictor.named_parameters()}
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    for name, p in model.predictor.named_parameters():
        torch.testing.assert_close(p.detach(), before[name] * (1 - 0.1 * 0.5 if p.ndim > 1 else 1))


def test_a_rate_for_no_group_is_refused_with_the_near_match(model):
    with pytest.raises(UserError, match="mdf has no parameter group 'text_encodr'; did you mean 'text_encoder'"):
        check_groups(model, OptimConfig(group_lr={"text_encodr": 1e-5}))


def test_a_frozen_stage_of_no_group_or_of_every_group_is_refused(model):
    with pytest.raises(UserError, match=r"optim\.freeze: mdf has no parameter group 'encoder'"):
        check_groups(model, OptimConfig(freeze={"encoder": 1}))
    with pytest.raises(UserError, match=r"optim\.freeze freezes all parameters of mdf in the first epoch"):
        check_groups(model, OptimConfig(freeze={"text_encoder": 1, "default": 2}))
    check_groups(model, OptimConfig(freeze={"text_encoder": 1}))


def test_a_group_without_parameters_is_none_that_is_left_to_train():
    """FINE has the group ``critics`` without critics too: with all others frozen nothing would be trained."""
    model = fine(factorize="none")
    groups = model.param_groups()
    assert groups["critics"] == []
    frozen = {name: 1 for name in groups if name != "critics"}
    with pytest.raises(UserError, match=r"optim\.freeze freezes all parameters of fine in the first epoch"):
        check_groups(model, OptimConfig(freeze=frozen))
    check_groups(fine(), OptimConfig(freeze=frozen))  # the critics have a loss of their own


def test_layers_of_the_encoder_have_rates_that_fall_from_the_top(model):
    """Two layers: decay 0.5 halves the rate from layer to layer, the embeddings' once more."""
    optimizer = build_optimizer(model, OptimConfig(lr=1e-3, group_lr={"text_encoder": 8e-5}, layer_decay=0.5))
    set_rate(optimizer, 0.1)
    rate = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert len(rate) == len(list(model.parameters()))
    expected = {"embeddings": 2e-5, "encoder.layer.0": 4e-5, "encoder.layer.1": 8e-5}
    for name, parameter in model.named_parameters():
        below = name.removeprefix("text_encoder.backbone.")
        wanted = next((value for part, value in expected.items() if below.startswith(f"{part}.")), 1e-3)
        assert rate[id(parameter)] == pytest.approx(0.1 * wanted), name
    assert {group["weight_decay"] for group in optimizer.param_groups if group["name"] == "text_encoder"} == {0, 0.01}


def test_one_rate_for_all_layers_is_the_groups_as_they_were(model):
    groups = build_optimizer(model, OptimConfig()).param_groups
    assert [(group["name"], group["weight_decay"]) for group in groups] == [
        ("text_encoder", 0.01), ("text_encoder", 0.0), ("default", 0.01), ("default", 0.0)
    ]  # fmt: skip
    for name, parameters in model.param_groups().items():
        own = [group["params"] for group in groups if group["name"] == name]
        assert [id(p) for p in own[0]] == [id(p) for p in parameters if p.ndim > 1]
        assert [id(p) for p in own[1]] == [id(p) for p in parameters if p.ndim <= 1]


def test_what_is_frozen_neither_moves_nor_decays(model):
    config = OptimConfig(lr=0.1, weight_decay=0.5, freeze={"text_encoder": 2})
    optimizer = build_optimizer(model, config)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for epoch, frozen in ((1, True), (2, False)):
        for p in model.parameters():
            p.grad = torch.ones_like(p)
        drop_frozen(optimizer, config, epoch)
        optimizer.step()
        for name, p in model.named_parameters():
            assert torch.equal(p, before[name]) == (frozen and name.startswith("text_encoder.")), (epoch, name)


def test_a_model_without_a_text_encoder_takes_the_default_rates():
    check_groups(build("mdf", specs(), config=small("mdf")), OptimConfig())


def test_constant():
    assert factors() == [1.0] * 10


def test_warmup_rises_from_above_zero_to_the_whole_rate():
    assert factors(warmup=0.3) == pytest.approx([1 / 4, 2 / 4, 3 / 4] + [1.0] * 7)


def test_linear_would_reach_zero_one_step_after_the_last():
    assert factors(4, schedule="linear") == pytest.approx([1, 3 / 4, 2 / 4, 1 / 4])
    assert factors(10, schedule="linear", warmup=0.2) == pytest.approx(
        [1 / 3, 2 / 3, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]
    )


def test_cosine():
    half = 2**0.5 / 2
    assert factors(4, schedule="cosine") == pytest.approx([1, (1 + half) / 2, 1 / 2, (1 - half) / 2])


def test_plateau_warms_up_and_then_holds_within_an_epoch():
    assert factors(10, schedule="plateau", warmup=0.2) == pytest.approx([1 / 3, 2 / 3] + [1] * 8)


def plateau(better: str, **settings) -> float:
    return plateau_factor((sign == "+" for sign in better), OptimConfig(**{"schedule": "plateau", **settings}))


@pytest.mark.parametrize(
    ("better", "factor"),
    [
        ("", 1),
        ("+-----", 1),
        ("+------", 1 / 2),
        ("+-----+-----", 1),
        ("+-----------", 1 / 2),
        ("+------------", 1 / 4),
    ],
)
def test_plateau_halves_after_five_epochs_borne_and_counts_anew(better, factor):
    assert plateau(better) == factor


def test_plateaus_patience_and_other_schedules():
    assert [plateau("+---", plateau_patience=patience) for patience in (0, 1, 2, 3)] == [1 / 8, 1 / 2, 1 / 2, 1]
    assert plateau("+---------", schedule="constant") == 1


def test_plateau_counts_as_torch_does():
    """Against ReduceLROnPlateau, on scores that go down, up and nowhere."""
    generator = torch.Generator().manual_seed(0)
    scores = (2 - torch.arange(60) / 60 + 0.3 * torch.randn(60, generator=generator)).tolist()
    parameter = torch.nn.Parameter(torch.zeros(1))
    theirs = torch.optim.SGD([parameter], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, factor=0.5, patience=2, threshold=0)
    better = []
    for n, score in enumerate(scores):
        better.append(score < min(scores[:n], default=torch.inf))
        scheduler.step(score)
        assert plateau_factor(better, OptimConfig(schedule="plateau", plateau_patience=2)) == scheduler.get_last_lr()[0]
    assert 1 < sum(better) < 30
    assert scheduler.get_last_lr()[0] < 1 / 4


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "plateau"])
@pytest.mark.parametrize("warmup", [0, 0.1, 0.99])
@pytest.mark.parametrize("total", [1, 2, 7])
def test_no_step_stands_still(schedule, warmup, total):
    assert all(0 < factor <= 1 for factor in factors(total, schedule=schedule, warmup=warmup))


def test_the_factor_scales_each_groups_own_rate(model):
    optimizer = build_optimizer(model, OptimConfig(lr=1e-2, group_lr={"text_encoder": 1e-4}))
    set_rate(optimizer, 0.5)
    set_rate(optimizer, 0.25)  # of the group's own rate, not of the last one
    assert {(g["name"], g["lr"]) for g in optimizer.param_groups} == {("text_encoder", 2.5e-5), ("default", 2.5e-3)}
