"""The average of the weights is the model that is saved, whatever buffers it has."""

import torch
from torch import nn

from makers_models import batch, build, small, specs
from makers_text import tiny_bert
from sentiprism.models import load_model, save_model
from sentiprism.text.encoders import load_tokenizer
from sentiprism.training.average import WeightAverage
from sentiprism.training.config import OptimConfig
from sentiprism.training.optimizer import build_optimizer
from sentiprism.types import Sequence


def test_the_judged_average_predicts_what_the_saved_model_does(tmp_path):
    """An encoder's position numbers are a buffer of integers, which a saved model does not hold."""
    features = specs(folder := tiny_bert(tmp_path / "bert"), len(load_tokenizer(folder)))
    model, given = build("mdf", features, config=small("mdf")), batch(features, 4)
    words = torch.randint(5, features.text.width, (4, 60))  # at 0.95 every fifth number from 13 on would be one less
    given = given._replace(text=Sequence(words, torch.ones_like(words, dtype=torch.bool)))
    average, optimizer = WeightAverage(model, 0.95), build_optimizer(model, OptimConfig(lr=1e-2))
    for _ in range(5):
        optimizer.zero_grad()
        model(given).losses["task"].backward()
        optimizer.step()
        average.update(model)
    save_model(average.module, tmp_path / "model", {})
    judged, saved, trained = average.module, load_model(tmp_path / "model").model, model
    with torch.no_grad():
        judged, saved, trained = (one.eval()(given).prediction for one in (judged, saved, trained))
    assert torch.equal(judged, saved)
    assert not torch.allclose(judged, trained)


def test_float_buffers_are_averaged_and_whole_numbers_are_the_models():
    model = nn.BatchNorm1d(3)
    average = WeightAverage(model, 0.75)
    for step in (1, 2):
        model(torch.full((4, 3), 10.0 * step) + torch.arange(4.0)[:, None])
        before = average.module.running_mean.clone()
        average.update(model)
        expected = model.running_mean if step == 1 else 0.75 * before + 0.25 * model.running_mean
        torch.testing.assert_close(average.module.running_mean, expected)
        assert average.module.num_batches_tracked == model.num_batches_tracked == step
