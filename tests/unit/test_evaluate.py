"""What evaluation says is what the saved models answer, and it says nothing it does not know."""

import json
import shutil

import numpy as np
import pytest

from makers_models import small
from sentiprism.data.dataset import Dataset
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.bootstrap import Interval
from sentiprism.evaluation.compare import compare
from sentiprism.evaluation.evaluate import _recovery, evaluate
from sentiprism.evaluation.predictions_file import read_predictions
from sentiprism.metrics import protocol
from sentiprism.models import load_model
from sentiprism.training.engine import Engine
from sentiprism.training.predict import Predictions, predict
from sentiprism.training.run import Run
from sentiprism.training.train import train

METRICS = ("mae", "pearson", "acc_7", "acc_5", "acc2_has0", "f1_has0", "acc2_non0", "f1_non0")


@pytest.fixture
def evaluation(trained, data):
    return evaluate(trained, device="cpu")


def quick(name, tmp_path, **optim) -> Run:
    settings = {"config": small("mdf"), "optim": {"epochs": 1, **optim}}
    return train("mdf", name, settings=settings, out=tmp_path / f"{name}-run", device="cpu", quiet=True)


def test_every_metric_has_its_mean_deviation_and_interval(evaluation, data):
    assert protocol(data.card.protocol).names == METRICS
    assert tuple(evaluation.metrics) == (*METRICS, "f1_5"), "the extra one too"
    for name, found in evaluation.metrics.items():
        assert isinstance(found, Interval)
        single = [protocol("intensity").extended().compute(p.prediction, p.label)[name] for p in evaluation.predictions]
        assert found.mean == pytest.approx(np.mean(single))
        assert found.std == pytest.approx(np.std(single, ddof=1))
        assert found.low <= found.high
    assert evaluation.metrics["mae"].low < evaluation.metrics["mae"].mean < evaluation.metrics["mae"].high


def test_it_says_what_was_evaluated_and_how_it_was_selected(evaluation):
    assert (evaluation.run, evaluation.model, evaluation.dataset) == ("trained", "mdf", "small")
    assert (evaluation.split, evaluation.seeds) == ("test", (1111, 1112))
    assert evaluation.selection == "epoch of the lowest valid MAE; test is not looked at"
    told = json.loads(json.dumps(evaluation.to_dict()))
    assert told["metrics"]["mae"]["mean"] == evaluation.metrics["mae"].mean
    assert told["seeds"] == [1111, 1112]


def test_predictions_are_kept_in_the_order_of_the_split(evaluation, trained, data):
    for seed, answers in zip(evaluation.seeds, evaluation.predictions, strict=True):
        kept = read_predictions(trained.seed_folder(seed) / "predictions-test.parquet")
        assert kept.ids.tolist() == data.test.ids.tolist()
        assert np.array_equal(kept.label, data.test.labels["M"])
        assert np.array_equal(kept.prediction, answers.prediction)
        assert kept.weights.keys() == {"modality", "modality_target"}
        assert kept.weights["modality"].shape == (16, 3)
        assert np.array_equal(kept.weights["modality"], answers.weights["modality"])


def test_the_kept_predictions_give_the_numbers_of_the_table(evaluation, trained):
    kept = [read_predictions(trained.seed_folder(seed) / "predictions-test.parquet") for seed in evaluation.seeds]
    scores = [protocol("intensity").compute(one.prediction, one.label) for one in kept]
    assert all(evaluation.metrics[name].mean == pytest.approx(np.mean([s[name] for s in scores])) for name in METRICS)


def test_each_row_is_the_models_answer_to_that_utterance_alone(evaluation, trained, data):
    saved = load_model(trained.seed_folder(1111) / "model")
    rows = PreparedSplit(data.test, saved.model.features)
    for i in (0, 7, 15):
        alone = saved.model(rows.batch([i])).prediction.item()
        assert evaluation.predictions[0].prediction[i] == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize("size", [1, 3, 16])
def test_the_size_of_batches_changes_nothing(trained, data, size):
    saved, engine = load_model(trained.seed_folder(1111) / "model"), Engine("cpu")
    rows = PreparedSplit(data.test, saved.model.features)
    one, other = (predict(saved.model, rows, engine, batch_size=n) for n in (size, 64))
    assert np.allclose(one.prediction, other.prediction, atol=1e-5)
    assert np.allclose(one.weights["modality"], other.weights["modality"], atol=1e-5)
    assert one.losses["task"] == pytest.approx(other.losses["task"], abs=1e-5)


def test_valid_scores_are_those_the_epoch_was_chosen_by(trained, data):
    found = evaluate(trained, "valid", device="cpu")
    recorded = [trained.summary[seed]["valid"] for seed in trained.finished]
    for name in METRICS:
        assert found.metrics[name].mean == pytest.approx(np.mean([scores[name] for scores in recorded]))


def test_predicting_leaves_a_model_in_the_mode_it_was_in(trained, data):
    saved = load_model(trained.seed_folder(1111) / "model")
    rows = PreparedSplit(data.test, saved.model.features)
    for mode in (True, False):
        predict(saved.model.train(mode), rows, Engine("cpu"))
        assert saved.model.training is mode


# what was planted


def test_recovery_is_a_rank_correlation(evaluation):
    assert evaluation.recovery.keys() == {"text", "audio", "vision", "all"}
    assert all(-1 <= value <= 1 for value in evaluation.recovery.values())


def answers(weights) -> Predictions:
    none = np.zeros(len(weights), np.float32)
    return Predictions(none, none, none, {"modality": np.asarray(weights)})


def test_recovery_counts_whole_utterances_alone(data):
    planted = data.test.planted["contribution"]
    whole = (planted > 0).all(axis=1)
    assert 0 < whole.sum() < len(whole)
    assert _recovery([answers(planted)], data.test) == pytest.approx(
        dict.fromkeys(("text", "audio", "vision", "all"), 1)
    )
    spoilt = np.where(whole[:, None], planted, 1 - planted)  # wrong where a modality is missing
    assert _recovery([answers(spoilt)], data.test) == _recovery([answers(planted)], data.test)
    both = _recovery([answers(planted), answers(-planted)], data.test)
    assert both == pytest.approx(dict.fromkeys(both, 0))


def test_there_is_nothing_to_recover_from_weights_that_are_not_there(data):
    assert _recovery([answers([[1.0]])._replace(weights={})], data.test) == {}


def test_a_modality_out_of_use_has_no_recovery(data, tmp_path, recwarn):
    settings = {"config": {**small("mdf"), "modalities": ["text", "audio"]}, "optim": {"epochs": 1}}
    run = train("mdf", data, settings=settings, out=tmp_path / "run", device="cpu", quiet=True)
    found = evaluate(run, device="cpu").recovery
    assert found.keys() == {"text", "audio", "all"}
    assert all(np.isfinite(list(found.values())))
    assert not [warning for warning in recwarn if "constant" in str(warning.message)]


# comparisons


def test_a_run_differs_in_nothing_from_a_copy_of_itself(trained_many, many, tmp_path):
    found = compare([trained_many, shutil.copytree(trained_many.folder, tmp_path / "copy")], device="cpu")
    assert len(found.evaluations) == 2
    (difference,) = found.differences
    for name in METRICS:
        assert tuple(difference[name]) == (0, 0, 0, 1, 1)


def test_a_difference_is_the_later_run_less_the_first(trained_many, fit, many):
    other = fit(epochs=1, given=many)
    found = compare([trained_many, other], device="cpu")
    first, second = found.evaluations
    for name in METRICS:
        difference = found.differences[0][name]
        assert difference.mean == pytest.approx(second.metrics[name].mean - first.metrics[name].mean, abs=1e-6)
        assert difference.low <= difference.high
        assert 0 < difference.p <= 1
    assert json.loads(json.dumps(found.to_dict()))["differences"][0]["mae"]["mean"] == found.differences[0]["mae"].mean
    assert len(compare([trained_many], device="cpu").differences) == 0


def test_runs_of_different_datasets_are_not_compared(home, tmp_path):
    runs = []
    for name, seed, size in (("one", 0, 8), ("labels", 1, 8), ("sizes", 0, 4)):
        synthetic_dataset(name, sizes=(16, 8, size), seed=seed)
        runs.append(quick(name, tmp_path))
    for other in runs[1:]:  # the same ids with other labels, and other ids
        with pytest.raises(UserError, match="compare runs of one dataset"):
            compare([runs[0], other], device="cpu")


def test_nothing_is_compared_with_nothing():
    with pytest.raises(UserError, match="no runs to compare"):
        compare([])


# refusals


def test_a_run_without_a_finished_seed_is_refused(fit, data):
    run = fit(epochs=1)
    (run.folder / "summary.json").unlink()
    with pytest.raises(UserError, match=r"no seed of .* is finished; resume it: sentiprism train --resume"):
        evaluate(run, device="cpu")


def test_other_data_than_the_runs_are_refused(home, tmp_path):
    data = synthetic_dataset("own", sizes=(16, 8, 8))
    run = quick("own", tmp_path)
    assert evaluate(run, dataset=data, device="cpu").split == "test"
    synthetic_dataset("own", sizes=(16, 8, 8), seed=1)
    with pytest.raises(UserError, match="dataset own has changed"):
        evaluate(run, device="cpu")
    assert evaluate(run, dataset=data, device="cpu").dataset == "own"


def test_an_unknown_split_answers_with_the_near_match(trained, data):
    with pytest.raises(UserError, match="no split is called 'tset'; did you mean 'test'"):
        evaluate(trained, "tset", device="cpu")


def test_a_model_that_is_gone_or_damaged_is_named(fit, data):
    run = fit(epochs=1)
    model = run.seed_folder(1111) / "model"
    described = (model / "config.json").read_text()
    for damage, reason in (
        (described[:50], "is not JSON"),
        ("[]", "is not a mapping"),
        (described.replace('"metadata"', '"meta"'), "metadata should be a mapping"),
        (described.replace('"format": 2', '"format": 1'), "has format 1, not 2"),
        (described.replace('"mdf"', '"mdff"'), "did you mean 'mdf'"),
        (described.replace('"width": 16', '"width": 24', 1), r"is \(.*\) torch\.float32, not \(.*\) torch\.float32"),
    ):
        assert damage != described
        (model / "config.json").write_text(damage)
        with pytest.raises(UserError, match=reason) as error:
            evaluate(run, device="cpu")
        assert "\n" not in str(error.value)
    (model / "config.json").unlink()
    with pytest.raises(UserError, match="is not a saved model"):
        evaluate(run, device="cpu")


def test_evaluation_is_the_one_that_opens_the_test_split(trained, data):
    sealed = Dataset(data.card, data.train, data.valid, None)
    assert evaluate(trained, "valid", dataset=sealed, device="cpu").split == "valid"
    with pytest.raises(AttributeError):
        evaluate(trained, "test", dataset=sealed, device="cpu")
