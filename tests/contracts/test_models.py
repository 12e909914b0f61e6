"""What every registered model keeps, whatever its paper."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from makers_models import CLASSES, INTENSITY, batch, build, pad, rows, small, specs, without_gradient
from makers_text import tiny_bert
from sentiprism.data.prepare import DataConfig, PreparedSplit, TextConfig, prepare
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.models import MODELS, load_model, save_model
from sentiprism.training.config import OptimConfig
from sentiprism.training.experiments import list_experiments, load_experiment
from sentiprism.training.optimizer import build_optimizer
from sentiprism.types import MODALITIES, Batch, ModelOutput, Sequence

NAMES = list(MODELS)
PAIRS = [("text",), ("audio",), ("vision",), ("text", "audio"), ("text", "vision"), ("audio", "vision")]
close = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    tiny_bert(folder)
    return folder


@pytest.fixture(params=["features", "tokens"])
def features(request: pytest.FixtureRequest, bert: Path):
    from sentiprism.text.encoders import load_tokenizer

    return specs() if request.param == "features" else specs(bert, len(load_tokenizer(bert)))


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory):
    """Features, target and a batch of the synthetic dataset."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SENTIPRISM_HOME", str(tmp_path_factory.mktemp("home")))
        data = synthetic_dataset("small", sizes=(64, 8, 8))
        features = prepare(data, DataConfig(text=TextConfig(encoder=None)))
        return features, data.card.target, PreparedSplit(data.train, features).batch(np.arange(64))


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def kept(name: str, contract: str) -> None:
    """Skip where the model's file declares, with a reason, that it does not keep this contract."""
    if reason := MODELS[name].exceptions.get(contract):
        pytest.skip(f"{name}: {reason}")


def answer(model, given: Batch) -> ModelOutput:
    model.eval()
    with torch.no_grad():
        return model(given)


def total(model, output: ModelOutput) -> torch.Tensor:
    return sum(model.config.loss_weights[k] * v for k, v in output.losses.items())


def test_there_are_models():
    assert "mdf" in NAMES


def test_a_model_has_a_citation_and_an_experiment(name):
    assert MODELS[name].citation.year > 2000
    experiments = [load_experiment(e) for e in list_experiments() if e.startswith(f"{name}/")]
    assert experiments
    ours = MODELS[name].citation.venue == "this project"
    assert ours or any(e.published for e in experiments)


@pytest.mark.parametrize("target", [INTENSITY, CLASSES], ids=["intensity", "classes"])
def test_finite_and_right_shaped(name, features, target):
    model, given = build(name, features, target, small(name)), batch(features, 5, target=target)
    output = answer(model, given)
    assert output.prediction.shape == ((5,) if target is INTENSITY else (5, 2))
    for part in (
        output.prediction,
        *output.losses.values(),
        *output.weights.values(),
        *output.features.values(),
    ):
        assert part.isfinite().all()
    assert all(loss.ndim == 0 for loss in output.losses.values())
    assert all(f.shape[0] == 5 and f.ndim == 2 for f in output.features.values())


def test_batch_of_one(name, features):
    model = build(name, features, config=small(name))
    model.train()
    output = model(batch(features, 1))
    total(model, output).backward()
    assert output.prediction.isfinite().all()


def test_padding_changes_nothing(name, features):
    model, given = build(name, features, config=small(name)), batch(features)
    clean, dirty = answer(model, given), answer(model, pad(given, 4, garbage=37.0))
    assert_close(dirty.prediction, clean.prediction, **close)
    for key in clean.losses:
        assert_close(dirty.losses[key], clean.losses[key], **close)


def test_a_sample_has_one_answer_in_any_batch(name, features):
    model, given = build(name, features, config=small(name)), batch(features, 6)
    together = answer(model, given).prediction
    alone = torch.cat([answer(model, rows(given, torch.tensor([i]))).prediction for i in range(6)])
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    assert_close(alone, together, **close)
    assert_close(answer(model, rows(given, order)).prediction, together[order], **close)


@pytest.mark.parametrize("missing", [*PAIRS, MODALITIES], ids="-".join)
def test_modalities_may_be_missing(name, features, missing):
    model = build(name, features, config=small(name))
    given = batch(features, missing=missing)
    output = answer(model, given)
    assert output.prediction.isfinite().all()
    assert all(loss.isfinite() for loss in output.losses.values())
    # what stands in the values of a missing modality is never read
    assert_close(answer(model, pad(given, 3, garbage=1e3)).prediction, output.prediction, **close)
    total(model, model.train()(given)).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_missing_in_one_sample_leaves_the_others_alone(name, features):
    model, given = build(name, features, config=small(name)), batch(features, 4)
    before = answer(model, given).prediction
    for modality in model.modalities:
        values, mask = getattr(given, modality)
        mask = mask.clone()
        mask[2] = False
        after = answer(model, given._replace(**{modality: Sequence(values, mask)})).prediction
        others = torch.tensor([0, 1, 3])
        assert_close(after[others], before[others], **close)
        assert not torch.allclose(after[2], before[2], atol=1e-7), f"{modality} is not used"


def test_weights_are_shares_of_present_modalities(name, features):
    kept(name, "weights")
    model = build(name, features, config=small(name))
    for missing in ((), *PAIRS):
        weights = answer(model, batch(features, missing=missing)).weights
        assert "modality" in weights
        shares = weights["modality"]
        assert shares.shape == (6, 3)
        assert (shares >= 0).all()
        assert_close(shares.sum(1), torch.ones(6))
        for i, modality in enumerate(MODALITIES):
            if modality in missing and len(missing) < 3:
                assert (shares[:, i] == 0).all()


def test_every_parameter_learns(name, features):
    model = build(name, features, config=small(name))
    model.train()
    total(model, model(batch(features, 16))).backward()
    assert without_gradient(model) == []


def test_a_parameter_that_does_not_learn_is_found():
    model = build("lf_dnn", specs(), config=small("lf_dnn"))
    model.bias = torch.nn.Parameter(torch.zeros(1))
    model.exceptions = {"gradient": "a bias that nothing reads is no exception because prose has the word"}
    total(model, model(batch(specs(), 16))).backward()
    assert without_gradient(model) == ["bias"]
    model.bias.requires_grad_(False)
    assert without_gradient(model) == [], "frozen on purpose"


def test_every_parameter_is_in_one_group(name, features):
    model = build(name, features, config=small(name))
    grouped = [id(p) for group in model.param_groups().values() for p in group]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters() if p.requires_grad)


def test_loss_names_are_the_configs(name, features):
    model = build(name, features, config=small(name))
    losses = answer(model, batch(features)).losses
    assert losses.keys() == model.config.loss_weights.keys() == MODELS[name].Config.LOSSES.keys()


def test_no_labels_no_losses(name, features):
    model = build(name, features, config=small(name))
    with_labels, without = (answer(model, batch(features, labels=labels)) for labels in (True, False))
    assert without.losses == {}
    assert_close(without.prediction, with_labels.prediction)


def test_each_loss_switches_off(name):
    given = specs()
    for loss in MODELS[name].Config.LOSSES:
        weights = dict.fromkeys(MODELS[name].Config.LOSSES, 0.0) | {loss: MODELS[name].Config.LOSSES[loss] or 1.0}
        model = build(name, given, config={**small(name), "loss_weights": weights})
        output = answer(model, batch(given))
        assert_close(total(model, output), output.losses[loss] * model.config.loss_weights[loss])


def test_an_unknown_loss_is_named(name):
    with pytest.raises(UserError, match="taks"):
        build(name, specs(), config={"loss_weights": {"taks": 1.0}})


def test_overfits_eight_samples(name):
    kept(name, "overfit")
    given, features = batch(specs(), 8), specs()
    fields = MODELS[name].Config.model_fields
    model = build(name, features, config=small(name) | {f: 0.0 for f in fields if f.endswith("dropout")})
    optimizer = build_optimizer(model, OptimConfig(lr=2e-3, weight_decay=0))
    for _ in range(20):  # most need two or three rounds
        model.train()
        for _ in range(100):
            optimizer.zero_grad()
            total(model, model(given)).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        error = (answer(model, given).prediction - given.labels["M"]).abs().mean()
        if error < 0.15:
            break
    assert error < 0.15


def test_same_seed_same_weights(name):
    one, two, other = (build(name, specs(), config=small(name), seed=seed) for seed in (1, 1, 2))
    for (key, a), b in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
        assert torch.equal(a, b), key
    assert any(
        not torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


def test_utterances_differ_at_the_start(name, synthetic):
    """A tenth of the fused vector's energy, or more, differs between utterances: no constants drown the input."""
    kept(name, "energy")
    features, target, given = synthetic
    shares = []
    for seed in range(3):
        fused = answer(build(name, features, target, small(name), seed=seed), given).features["fused"].double()
        shares.append(((fused - fused.mean(dim=0)).square().sum() / fused.square().sum()).item())
    assert sum(shares) / 3 >= 0.1, shares


def test_config_and_weights_round_trip(name, features, tmp_path):
    model, given = build(name, features, config=small(name)), batch(features)
    save_model(model, tmp_path / "model", {"dataset": "none"})
    again = load_model(tmp_path / "model")
    assert again.model.config == model.config
    assert again.model.target == model.target
    assert again.metadata == {"dataset": "none"}
    assert torch.equal(answer(again.model, given).prediction, answer(model, given).prediction)
