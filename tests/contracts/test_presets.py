"""What every preset of every model keeps; where one cannot, its model's file says why (``exceptions``)."""

import pytest
import torch
from torch.testing import assert_close

from makers_models import batch, build, missing, pad, rows, small, specs
from sentiprism.models import MODELS
from sentiprism.types import MODALITIES

PRESETS = [(name, preset) for name, kind in MODELS.items() for preset in kind.Config.PRESETS if preset != "paper"]
close = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(params=PRESETS, ids=" ".join)
def model(request: pytest.FixtureRequest):
    name, preset = request.param
    built = build(name, specs(), config={"preset": preset, **small(name)}).eval()
    built.preset = preset
    return built


def kept(model, contract: str) -> None:
    if reason := model.exceptions.get(f"{contract} under {model.preset}"):
        pytest.skip(f"{model.name}: {reason}")


@torch.no_grad()
def test_padding_changes_nothing(model):
    kept(model, "padding")
    given = batch(specs())
    clean, dirty = model(given), model(pad(given, 4, garbage=37.0))
    assert_close(dirty.prediction, clean.prediction, **close)
    for key in clean.losses:
        assert_close(dirty.losses[key], clean.losses[key], **close)


@torch.no_grad()
def test_garbage_in_the_padding_is_never_read(model):
    given = batch(specs())
    assert_close(model(pad(given, 0, garbage=37.0)).prediction, model(given).prediction, **close)


@torch.no_grad()
def test_a_sample_has_one_prediction_in_any_batch(model):
    kept(model, "padding")
    given = batch(specs(), 5)
    alone = torch.cat([model(rows(given, torch.tensor([i]))).prediction for i in range(5)])
    assert_close(alone, model(given).prediction, **close)


def test_modalities_may_be_missing_in_one_sample_or_in_all(model):
    for modality in MODALITIES:
        given = missing(batch(specs(), 4), modality, 2)
        with torch.no_grad():
            before, after = model(batch(specs(), 4)).prediction, model(given).prediction
        others = torch.tensor([0, 1, 3])
        assert_close(after[others], before[others], **close)
    output = model.train()(batch(specs(), 6, missing=("audio", "vision")))
    total = sum(model.config.loss_weights[k] * v for k, v in output.losses.items())
    total.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
