"""Precision fusion: a product of experts by hand, and what a modality of noise does to it."""

from functools import partial

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus
from torch.testing import assert_close

from makers_models import batch, build, missing, rows, small, specs
from makers_store import store_at
from sentiprism.contracts.inputs import predict, total_loss
from sentiprism.data.config import DataConfig, TextConfig
from sentiprism.data.prepare import PreparedSplit, prepare
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.training.config import OptimConfig
from sentiprism.training.optimizer import build_optimizer
from sentiprism.types import MODALITIES, Batch, Sequence

SMALL = small("precision_fusion")
fusion = partial(build, "precision_fusion", specs())
ONE = 0.5413
"""Its softplus is 1."""
STEPS, BATCH = 250, 64


def experts(model, given):
    """Mean (B,) and evidence (B,) of each modality, averaged over the copies."""
    with torch.no_grad():
        found = [[copy(getattr(given, m))[1:] for copy in model.experts[m]] for m in model.modalities]
    return [[torch.stack(part).mean(0).squeeze(1) for part in zip(*copies, strict=True)] for copies in found]


def test_the_prediction_is_the_product_of_the_posteriors_with_the_prior_counted_once():
    model, given = fusion(config={**SMALL, "folds": 2}).eval(), batch(specs(), 4)
    model.prior_mean.data.fill_(0.7)
    model.gain.data, model.temperature.data = torch.tensor([0.3, 1.5, -1.0]), torch.tensor([1.0, -2.0, 0.5])
    top, bottom = torch.full((4,), 0.7), torch.ones(4)
    for m, (mean, evidence) in enumerate(experts(model, given)):
        posterior = 0.7 + softplus(model.gain.data[m]) * (mean - 0.7)
        temperature = softplus(model.temperature.data[m])
        top = top + temperature * ((1 + evidence) * posterior - 0.7)  # its precision times its mean, less the prior's
        bottom = bottom + temperature * evidence
    # Σ τ ((1 + e) p - μ_0) is Σ τ (1 + e) (p - μ_0) + μ_0 Σ τ e
    assert_close(predict(model, given).prediction, top / bottom)


def test_an_expert_alone_keeps_its_posterior_whatever_its_temperature():
    model, given = fusion(config=SMALL).eval(), batch(specs(), 4, missing=("audio", "vision"))
    model.temperature.data.fill_(-5.0)
    model.gain.data.fill_(ONE)
    assert_close(predict(model, given).prediction, experts(model, given)[0][0], atol=1e-4, rtol=0)


def test_without_any_modality_the_prediction_is_the_prior_and_every_share_is_0():
    model = fusion(config=SMALL)
    model.prior_mean.data.fill_(0.4)
    output = predict(model, batch(specs(), 3, missing=MODALITIES))
    assert_close(output.prediction, torch.full((3,), 0.4))
    assert output.weights["modality"].tolist() == [[0.0] * 3] * 3
    assert output.weights["expert"].tolist() == [[0.0, 0.0, 0.0, 1.0]] * 3


def test_a_temperature_of_0_takes_a_modality_out():
    model, given = fusion(config=SMALL).eval(), batch(specs(), 4)
    model.temperature.data = torch.tensor([ONE, -30.0, -30.0])
    output, alone = predict(model, given), missing(missing(given, "audio", 2), "vision", 2)
    assert_close(output.weights["modality"], torch.tensor([[1.0, 0.0, 0.0]]).expand(4, 3), atol=1e-6, rtol=0)
    assert_close(output.prediction[2], predict(model, alone).prediction[2], atol=1e-4, rtol=0)


def test_a_copy_learns_no_mean_of_its_own_fold_and_evidence_of_that_alone():
    model = fusion(config={**SMALL, "folds": 2}).train()
    model.remember(16)  # blocks of 8
    first = rows(batch(specs(), 16), torch.arange(8))
    total_loss(model, model(first)).backward()
    for m in MODALITIES:
        own, other = model.experts[m]
        assert not own.mean.weight.grad.any()
        assert own.evidence.weight.grad.any()
        assert other.mean.weight.grad.any()
        assert not other.evidence.weight.grad.any()


def test_the_loss_of_the_prediction_trains_temperatures_and_no_expert():
    weights = {"task": 1.0, "unimodal": 0.0, "nll": 0.0}
    model = fusion(config={**SMALL, "loss_weights": weights})
    total_loss(model, model(batch(specs(), 16))).backward()
    assert model.temperature.grad.ne(0).all()
    assert not any(p.grad is not None and bool(p.grad.any()) for p in model.experts.parameters())


def test_an_expert_does_not_learn_from_what_another_one_says():
    gradients = []
    for seed in (0, 1):
        model = fusion(config={**SMALL, "dropout": 0.0, "input_dropout": 0.0})
        given = batch(specs(), 8)
        values = torch.randn(given.text.values.shape, generator=torch.Generator().manual_seed(seed))
        total_loss(model, model(given._replace(text=Sequence(values, given.text.mask)))).backward()
        gradients.append(model.experts["audio"][0].mean.weight.grad)
    assert gradients[0].any()
    assert_close(*gradients)


def test_what_says_how_far_to_trust_has_a_learning_rate_of_its_own():
    model = fusion(config=SMALL)
    trust = {id(p) for p in model.param_groups()["trust"]}
    names = {name for name, p in model.named_parameters() if id(p) in trust}
    evidence = {f"experts.{m}.0.evidence.{part}" for m in MODALITIES for part in ("weight", "bias")}
    assert names == evidence | {"prior_mean", "prior_logvar", "gain", "temperature"}
    rates = {group["lr"] for group in build_optimizer(model, OptimConfig(lr=1e-3)).param_groups}
    assert rates == {1e-3, 1e-2}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Features, train and test of the synthetic dataset; and the same with noise in the place of the audio."""
    with store_at(tmp_path_factory.mktemp("home")):
        data = synthetic_dataset("planted", sizes=(600, 8, 400), missing=0.0)
        features = prepare(data, DataConfig(text=TextConfig(encoder=None)))
        real = [PreparedSplit(split, features).batch(np.arange(len(split))) for split in (data.train, data.test)]
    return features, real, [noisy(given, seed) for seed, given in enumerate(real)]


def noisy(given: Batch, seed: int) -> Batch:
    """The batch with noise in the place of the audio, of the same lengths."""
    values = torch.randn(given.audio.values.shape, generator=torch.Generator().manual_seed(seed))
    return given._replace(audio=Sequence(values, given.audio.mask))


def fit(features, train: Batch, *modalities: str):
    """A model of some modalities, trained for a little while."""
    config = {"modalities": modalities, "width": 16, "text_hidden": None, "dropout": 0.1, "input_dropout": 0.1}
    model = build("precision_fusion", features, config=config)
    model.remember(len(train.index))
    optimizer, draw = build_optimizer(model, OptimConfig(lr=5e-3)), torch.Generator().manual_seed(0)
    model.train()
    for _ in range(STEPS):
        optimizer.zero_grad()
        chosen = torch.randperm(len(train.index), generator=draw)[:BATCH]
        total_loss(model, model(rows(train, chosen))).backward()
        optimizer.step()
    return model


def test_a_modality_of_noise_loses_its_precision_and_does_not_raise_the_error(planted):
    features, real, noise = planted
    without = predict(fit(features, real[0], "text", "vision"), real[1])
    beside = predict(fit(features, noise[0], *MODALITIES), noise[1])
    heard = predict(fit(features, real[0], *MODALITIES), real[1])
    label = real[1].labels["M"]
    plain, more, less = ((one.prediction - label).abs() for one in (without, beside, heard))
    assert (more - plain).mean() < 2 * (more - plain).std() / len(label) ** 0.5, "noise raises the error beyond chance"
    assert (less - plain).mean() < -2 * (less - plain).std() / len(label) ** 0.5, "a real modality does not lower it"
    quiet, loud = (one.weights["modality"][:, 1].mean() for one in (beside, heard))
    assert quiet < loud / 2
    assert quiet < 0.12
