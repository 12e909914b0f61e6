"""The linear reference: scikit-learn's ridge regression, solved in the loop's place of epochs and chosen on valid."""

import json
import shutil

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.preprocessing import StandardScaler
from torch.testing import assert_close

from makers_models import CLASSES, batch, build, missing, pad, rows, small, specs
from makers_text import tiny_bert
from sentiprism.data.dataset import DatasetInfo, Utterance
from sentiprism.data.store import write_dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.models import load_model
from sentiprism.models.ridge import PENALTIES, RidgeConfig, pool
from sentiprism.reproduction.sweep import sweep
from sentiprism.text.encoders import load_tokenizer
from sentiprism.training.run import Run
from sentiprism.training.train import resume, train
from sentiprism.tuning.tune import tune
from sentiprism.types import MODALITIES, TargetSpec

close = {"rtol": 1e-4, "atol": 1e-4}


def pooled(given, modality):
    """Mean and deviation over the real steps of each row that has any, by plain loops."""
    values, mask = getattr(given, modality)
    real = [row[there].double() for row, there in zip(values, mask, strict=True)]
    return np.stack([torch.cat([r.mean(dim=0), r.std(dim=0, correction=0)]).numpy() for r in real])


@pytest.mark.parametrize("penalty", [0.03, 3.0])
def test_it_is_scikit_learns_ridge_on_standardised_features(penalty):
    model, given = build("ridge", specs(), config={"penalty": penalty}).eval(), batch(specs(), 90)
    (solution,) = model.fit([given])
    X = StandardScaler().fit_transform(np.hstack([pooled(given, m) for m in MODALITIES]))
    y = given.labels["M"].double().numpy()
    theirs = Ridge(alpha=penalty * len(y)).fit(X, y)
    found = model(given)
    assert_close(found.prediction.double(), torch.tensor(theirs.predict(X)), **close)
    assert_close(model.linear.weight[0, :48].double(), torch.tensor(theirs.coef_), **close)
    assert solution.settings == {"penalty": penalty}
    assert solution.losses["task"] == pytest.approx(found.losses["task"].item(), rel=1e-4)


def test_classes_are_scikit_learns_ridge_classifier():
    model = build("ridge", specs(), target=CLASSES, config={"penalty": 0.1}).eval()
    given = batch(specs(), 90, target=CLASSES)
    list(model.fit([given]))
    X = StandardScaler().fit_transform(np.hstack([pooled(given, m) for m in MODALITIES]))
    theirs = RidgeClassifier(alpha=0.1 * 90).fit(X, given.labels["M"].numpy())
    logits = model(given).prediction
    assert_close(logits[:, 1].double(), torch.tensor(theirs.decision_function(X)), **close)
    assert logits.argmax(dim=1).tolist() == theirs.predict(X).tolist()


def test_a_missing_modality_is_at_its_mean_and_that_it_is_missing_is_a_feature():
    given = batch(specs(), 60)
    for row in range(0, 60, 3):
        given = missing(given, "audio", row)
    here = given.audio.present
    given = given._replace(labels={"M": given.labels["M"] + 5 * here})  # what is missing says something
    model = build("ridge", specs(), config={"penalty": 1e-6}).eval()
    list(model.fit([given]))
    x = model(given).features["fused"]
    start, width = 2 * 12, 2 * 5
    assert (x[~here, start : start + width] == 0).all()
    assert_close(x[here, start : start + width].mean(dim=0), torch.zeros(width), rtol=0, atol=1e-5)
    assert_close(x[here, start : start + width].std(dim=0, correction=0), torch.ones(width), rtol=0, atol=1e-5)
    assert_close(x.mean(dim=0), torch.zeros(x.shape[1]), rtol=0, atol=1e-5)
    assert x[:, -3:].std(dim=0, correction=0).tolist() == pytest.approx([0, 1, 0], abs=1e-5)  # audio alone varies
    gap = model(given).prediction[here].mean() - model(given).prediction[~here].mean()
    assert 4 < gap < 6


def test_the_scale_of_the_features_makes_no_difference():
    given = batch(specs(), 80)
    scale, shift = torch.tensor([1e6, 1e-4, 1, 30, 1]), torch.tensor([-3e6, 5e-4, 10, 0, 2])
    audio = given.audio._replace(values=given.audio.values * scale + shift)
    found = []
    for one in (given, given._replace(audio=audio)):
        model = build("ridge", specs(), config={"penalty": 0.1}).eval()
        list(model.fit([one]))
        found.append(model(one).prediction)
    assert_close(found[1], found[0], rtol=1e-3, atol=1e-3)


def test_a_feature_that_does_not_vary_has_no_say():
    given = batch(specs(), 40)
    values = given.audio.values.clone()
    values[..., 0] = 7.0
    given = given._replace(audio=given.audio._replace(values=values))
    model = build("ridge", specs(), config={"penalty": 0.1}).eval()
    list(model.fit([given]))
    other = values.clone()
    other[..., 0] = 1e9  # only where train never was
    assert_close(model(given._replace(audio=given.audio._replace(values=other))).prediction, model(given).prediction)


def test_batches_make_no_difference():
    given, models = batch(specs(), 64), []
    for parts in ([slice(0, 64)], [slice(0, 10), slice(10, 64)]):
        model = build("ridge", specs(), config={"penalty": 0.1}).eval()
        list(model.fit([rows(given, torch.arange(64)[part]) for part in parts]))
        models.append(model)
    assert_close(models[0].linear.weight, models[1].linear.weight, **close)


# in the training loop


def test_valid_chooses_the_penalty(data, tmp_path):
    run = train("ridge", data, out=tmp_path / "run", device="cpu", quiet=True)
    lines = [json.loads(line) for line in (run.seed_folder(1111) / "metrics.jsonl").read_text().splitlines()]
    assert [row["solution"]["penalty"] for row in lines] == list(PENALTIES)
    best = min(lines, key=lambda row: row["valid"]["mae"])
    assert run.summary[1111] == best
    assert 0 < lines[0]["train"]["task"] == lines[0]["train"]["total"]
    train_losses = [row["train"]["task"] for row in lines]
    assert train_losses == sorted(train_losses, reverse=True)  # the weaker the penalty, the closer the fit
    found = evaluate(run, "valid", device="cpu")
    assert found.metrics["mae"].mean == pytest.approx(best["valid"]["mae"])
    assert found.selection == "penalty of the lowest valid MAE; test is not looked at"
    saved = load_model(run.seed_folder(1111) / "model")
    assert saved.metadata["selection"].endswith(f"; penalty {best['solution']['penalty']:g}")


def test_every_seed_gives_the_same_model_so_it_is_trained_once(data, tmp_path, capsys):
    line = "ridge is fitted in closed form: every seed gives the same model, so it is trained once"
    made = [
        train("ridge", data, seeds=seeds, out=tmp_path / str(place), device="cpu")
        for place, seeds in enumerate([(1111,), (1112, 1113)])
    ]
    assert capsys.readouterr().err.count(line) == 2
    assert [run.config.seeds for run in made] == [run.finished for run in made] == [(1111,), (1112,)]
    first, second = (evaluate(run, device="cpu") for run in made)
    assert np.array_equal(first.stacked, second.stacked)
    assert "±" not in second.metrics["mae"].cells()[0]
    again = resume(made[0].folder, seeds=3, device="cpu")
    assert line in capsys.readouterr().err
    assert Run(again.folder).config.seeds == again.finished == (1111,)
    others = train(
        "mdf",
        data,
        seeds=2,
        settings={"config": small("mdf"), "optim": {"epochs": 1}},
        out=tmp_path / "mdf",
        device="cpu",
    )
    assert others.finished == (1111, 1112)
    assert line not in capsys.readouterr().err


def test_a_run_of_several_seeds_by_an_earlier_version_is_a_finished_row(data, tmp_path):
    given = {"experiment": "ridge/sentiprism2026_mmmo", "seeds": 2, "out": tmp_path / "runs", "device": "cpu"}
    folders = sweep("ridge", "config.penalty=0.1,1", "small", quiet=True, **given)
    assert [Run(folder).finished for folder in folders] == [(1111,)] * 2
    for folder in folders:
        old = Run(folder)
        old.extend(old.with_seeds(2))
        shutil.copytree(old.seed_folder(1111), old.seed_folder(1112))
        old.record(1112, old.summary[1111])
    before = [path.stat().st_mtime_ns for path in sorted((tmp_path / "runs").rglob("*.safetensors"))]
    assert sweep("ridge", "config.penalty=0.1,1", "small", quiet=True, **given) == folders
    assert [path.stat().st_mtime_ns for path in sorted((tmp_path / "runs").rglob("*.safetensors"))] == before
    assert [Run(folder).finished for folder in folders] == [(1111, 1112)] * 2


def test_on_features_of_any_scale_it_is_better_than_a_constant_where_they_say_something(home, tmp_path):
    """As `extract` makes them: pitch in hundreds of Hz, energies in thousandths, a column of zeros."""
    rng = np.random.default_rng(0)

    def utterances():
        for split, count in (("train", 120), ("valid", 40), ("test", 80)):
            for i in range(count):
                label = rng.uniform(-3, 3)
                steps = rng.normal([label, label / 2, 0, 0], 1, (int(rng.integers(3, 9)), 4))
                values = (steps * [120, 1e-3, 1e5, 0] + [400, 0.01, -1e6, 0]).astype(np.float32)
                yield split, Utterance(f"{split}{i}", f"{split}{i // 4}", None, {"M": label}, {"audio": values})

    write_dataset(
        "raw", utterances(), DatasetInfo(title="", source="a test", target=TargetSpec(), protocol="intensity")
    )
    run = train("ridge", "raw", out=tmp_path / "run", device="cpu", quiet=True)
    found = evaluate(run, device="cpu")
    assert found.metrics["mae"].mean < 0.6 * found.constant.metrics["mae"].mean
    assert found.mark == ""


def test_settings_without_a_meaning_are_refused(data, tmp_path):
    for given, name in (
        ({"data": {"modality_dropout": 0.1}}, "data.modality_dropout"),
        ({"data": {"feature_noise": 0.1}}, "data.feature_noise"),
        ({"optim": {"sampler": "balanced"}}, "optim.sampler"),
    ):
        with pytest.raises(UserError, match=f"fitted in closed form, where {name} has no effect"):
            train("ridge", data, settings=given, out=tmp_path / "run", device="cpu", quiet=True)
    assert not (tmp_path / "run").exists()


def test_a_search_of_its_settings_leaves_the_optimiser_out(data, tmp_path):
    found = tune("ridge", data, trials=2, out=tmp_path / "study", device="cpu", quiet=True)
    assert set(found.study.space) == {"config.deviation"}
    assert found.ranked


def test_the_configuration_of_an_earlier_version_opens():
    old = {"preset": "paper", "task": "mse", "deviation": True, "loss_weights": {"task": 1.0, "l2": 0.05}}
    found = RidgeConfig.parse(old)
    assert (found.penalty, found.loss_weights) == (0.05, {"task": 1.0})
    with pytest.raises(UserError, match="above 0"):
        RidgeConfig.parse({"penalty": 0})


# pooling


def test_mean_and_deviation_are_over_the_real_steps():
    values, mask = torch.tensor([[[1.0], [3.0], [99.0]]]), torch.tensor([[True, True, False]])
    assert pool(values, mask, deviation=True).tolist() == [[2.0, 1.0]]
    assert pool(values, mask, deviation=False).tolist() == [[2.0]]
    assert pool(values, ~mask.any(dim=1, keepdim=True).expand(1, 3), deviation=True).tolist() == [[0.0, 0.0]]


def test_padding_changes_nothing_in_the_pooled_features():
    model, given = build("ridge", specs()), batch(specs())
    assert_close(model(pad(given, 3, 1e4)).features, model(given).features)


def test_without_the_deviation_half_the_weights_are_left():
    assert build("ridge", specs(), config={"deviation": False}).linear.in_features == 24 + 3


def test_the_text_encoder_stays_as_it_is(tmp_path):
    tiny_bert(tmp_path)
    features = specs(tmp_path, len(load_tokenizer(tmp_path)))
    model, given = build("ridge", features, target=CLASSES), batch(features, target=CLASSES)
    assert set(model.param_groups()) == {"default"}
    assert len(model.param_groups()["default"]) == 2
    model.train()
    assert torch.equal(model(given).prediction, model(given).prediction)  # nothing is dropped out
