"""The linear reference: its minimum is ridge regression's, its pooling is masked, its encoder stays as it is."""

import pytest
import torch
from torch.testing import assert_close

from makers_models import CLASSES, batch, build, pad, specs
from makers_text import tiny_bert
from sentiprism.features.text import load_tokenizer
from sentiprism.models.ridge import pool
from sentiprism.training.config import OptimConfig
from sentiprism.training.optimizer import build_optimizer, rate_factor, set_rate

PENALTY = {"loss_weights": {"l2": 0.05}}


def total(model, output):
    return sum(model.config.loss_weights[name] * loss for name, loss in output.losses.items())


def closed_form(x, y, penalty):
    """W = (XᵀX / N + λ)⁻¹ Xᵀy / N of centred X and y."""
    x, y = x.double(), y.double()
    X, Y = x - x.mean(dim=0), y - y.mean()
    w = torch.linalg.solve(X.T @ X / len(x) + penalty * torch.eye(x.shape[1]).double(), X.T @ Y / len(x))
    return w.float(), (y.mean() - x.mean(dim=0) @ w).float()


def test_the_minimum_of_the_loss_is_the_closed_form_of_ridge_regression():
    model, given = build("ridge", specs(), config=PENALTY), batch(specs(), 64)
    w, b = closed_form(model(given).features["fused"], given.labels["M"], 0.05)
    with torch.no_grad():
        model.linear.weight[0], model.linear.bias[0] = w, b
    total(model, model(given)).backward()
    assert_close(model.linear.weight.grad, torch.zeros(1, 48), rtol=0, atol=1e-6)
    assert_close(model.linear.bias.grad, torch.zeros(1), rtol=0, atol=1e-6)


def test_the_loops_optimiser_reaches_the_closed_form():
    model, given = build("ridge", specs(), config={**PENALTY, "deviation": False}), batch(specs(), 64)
    given = given._replace(labels={"M": given.labels["M"] + 1})  # a bias to find
    config = OptimConfig(lr=0.1, weight_decay=0, schedule="cosine")
    optimizer = build_optimizer(model, config)
    for step in range(300):
        set_rate(optimizer, rate_factor(step, 300, config))
        optimizer.zero_grad()
        total(model, model(given)).backward()
        optimizer.step()
    w, b = closed_form(model(given).features["fused"], given.labels["M"], 0.05)
    assert_close(model.linear.weight[0], w, rtol=0, atol=1e-3)
    assert_close(model.linear.bias[0], b, rtol=0, atol=1e-3)


def test_the_penalty_is_the_squared_norm_without_the_bias():
    model = build("ridge", specs())
    torch.nn.init.constant_(model.linear.weight, 0.5)
    torch.nn.init.constant_(model.linear.bias, 9.0)
    assert model(batch(specs())).losses["l2"].item() == pytest.approx(48 * 0.25)


def test_mean_and_deviation_are_over_the_real_steps():
    values, mask = torch.tensor([[[1.0], [3.0], [99.0]]]), torch.tensor([[True, True, False]])
    assert pool(values, mask, deviation=True).tolist() == [[2.0, 1.0]]
    assert pool(values, mask, deviation=False).tolist() == [[2.0]]
    assert pool(values, ~mask.any(dim=1, keepdim=True).expand(1, 3), deviation=True).tolist() == [[0.0, 0.0]]


def test_padding_changes_nothing_in_the_pooled_features():
    model, given = build("ridge", specs()), batch(specs())
    assert_close(model(pad(given, 3, 1e4)).features, model(given).features)


def test_without_the_deviation_half_the_weights_are_left():
    assert build("ridge", specs(), config={"deviation": False}).linear.in_features == 24


def test_the_text_encoder_stays_as_it_is(tmp_path):
    tiny_bert(tmp_path)
    features = specs(tmp_path, len(load_tokenizer(tmp_path)))
    model, given = build("ridge", features, target=CLASSES), batch(features, target=CLASSES)
    assert set(model.param_groups()) == {"default"}
    assert len(model.param_groups()["default"]) == 2
    model.train()
    assert torch.equal(model(given).prediction, model(given).prediction)  # nothing is dropped out
