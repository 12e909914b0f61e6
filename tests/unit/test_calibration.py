"""A run's interval is fitted on valid, counted on test, noted with the model and written beside the answers."""

import json
import shutil
from math import ceil

import numpy as np
import pytest

from makers_models import small
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.calibration import LEVELS, calibrate
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.evaluation.predictions_file import read_predictions, write_predictions
from sentiprism.metrics.conformal import LEAST, Calibration
from sentiprism.models import load_model
from sentiprism.models.artifact import annotate
from sentiprism.report import figures
from sentiprism.training.engine import Engine
from sentiprism.training.predict import Predictions, predict
from sentiprism.training.run import Run
from sentiprism.training.train import train
from sentiprism.types import MODALITIES, TargetSpec


@pytest.fixture
def copied(trained, data, tmp_path) -> Run:
    return Run(shutil.copytree(trained.folder, tmp_path / "copied"))


@pytest.fixture
def known(copied) -> Run:
    """Kept predictions with errors of deviation 0.5, but 2 where the label is extreme."""
    rng = np.random.default_rng(0)
    for split, n in (("valid", 400), ("test", 1000)):
        label = rng.uniform(-3, 3, n).astype(np.float32)
        for seed in copied.finished:
            error = rng.normal(0, np.where(np.abs(label) > 2.5, 2.0, 0.5)).astype(np.float32)
            kept = Predictions(np.arange(n), label, label + error, {}, present=np.full(n, "text+audio+vision"))
            write_predictions(copied.seed_folder(seed) / f"predictions-{split}.parquet", kept)
    return copied


def test_coverage_is_counted_by_class_of_the_label_with_the_extremes_apart(known):
    found = calibrate(known, store=False, device="cpu")
    answers = read_predictions(known.seed_folder(1111) / "predictions-test.parquet")
    assert tuple(found.classes) == ("HN", "N", "WN", "Neu", "WP", "P", "HP")
    assert sum(one.utterances for one in found.classes.values()) == 1000
    assert 0.86 < found.groups["all"].coverage.mean < 0.94
    assert found.groups["all"].coverage.low < found.groups["all"].coverage.mean < found.groups["all"].coverage.high
    assert found.groups["extremes"].coverage.mean < 0.8
    assert found.groups["others"].coverage.mean > 0.93
    outer = found.classes["HN"].utterances + found.classes["HP"].utterances
    assert found.groups["extremes"].utterances == outer == int((np.abs(answers.label) > 2.5).sum())
    held = read_predictions(known.seed_folder(1111) / "predictions-valid.parquet")
    own = Calibration.fit(held.prediction, held.label, TargetSpec(low=-3, high=3))
    assert (
        found.calibrations[0].quantile
        == found.calibrations[0].by_modalities["text+audio+vision"].quantile
        == own.quantile
    )
    assert found.predictions[0].bounds["low"].tolist() == own.bounds(answers.prediction)["low"].tolist()
    assert json.loads(json.dumps(found.to_dict()))["groups"]["all"]["utterances"] == 1000


def test_reliability_lies_near_the_diagonal(known):
    found = calibrate(known, store=False, device="cpu")
    assert found.reliability["all"] == pytest.approx(LEVELS, abs=0.06)
    assert list(found.reliability["others"]) == sorted(found.reliability["others"])
    assert found.reliability["extremes"][LEVELS.index(0.5)] < 0.35
    at = found.reliability["all"][LEVELS.index(0.9)]
    assert at == pytest.approx(found.groups["all"].coverage.mean)


def test_the_interval_is_noted_with_the_model_and_written_beside_every_answer(copied):
    before = evaluate(copied, device="cpu")
    assert before.predictions[0].bounds == {}
    assert load_model(copied.seed_folder(1112) / "model").calibration is None
    found = calibrate(copied, level=0.8, device="cpu")
    for number, seed in enumerate(copied.finished):
        saved = load_model(copied.seed_folder(seed) / "model")
        assert saved.calibration == found.calibrations[number]
        assert saved.metadata["seed"] == seed  # what was noted stays
        for split in ("valid", "test"):
            kept = read_predictions(copied.seed_folder(seed) / f"predictions-{split}.parquet")
            assert (kept.bounds["low"] <= kept.prediction).all()
            assert (kept.prediction <= kept.bounds["high"]).all()
            assert kept.weights.keys() == {"modality", "modality_target"}
    after = evaluate(copied, device="cpu")  # predicts anew
    assert after.metrics == before.metrics
    assert np.array_equal(after.predictions[0].bounds["high"], found.predictions[0].bounds["high"])


def test_every_set_of_modalities_has_its_own_interval(home, tmp_path):
    data = synthetic_dataset("many", sizes=(40, 120, 90))
    options = {"settings": {"config": small("mdf"), "optim": {"epochs": 1}}, "device": "cpu", "quiet": True}
    run = train("mdf", data, out=tmp_path / "run", **options)
    found = calibrate(run, device="cpu")
    assert set(found.only) == {"text", "audio", "vision", "text+audio", "text+vision", "audio+vision"}
    saved = load_model(run.seed_folder(1111) / "model")
    made = saved.calibration
    assert set(made.by_modalities) == {*found.only, "text+audio+vision"}
    held, seen = (PreparedSplit(split, saved.model.features) for split in (data.valid, data.test))
    assert (held.present(MODALITIES) == "audio").sum() < LEAST  # so that all with a voice are stripped to it
    for name in ("audio", "text+vision"):
        kept = tuple(name.split("+"))
        rows = np.all([held.steps(one) > 0 for one in kept], axis=0)
        alone = predict(saved.model, held.only(kept), Engine("cpu")).prediction[rows]
        error = np.sort(np.abs(alone.astype(float) - data.valid.labels["M"][rows]))
        assert made.by_modalities[name].quantile == pytest.approx(error[ceil(0.9 * (len(error) + 1)) - 1])
        rows = np.all([seen.steps(one) > 0 for one in kept], axis=0)
        alone = predict(saved.model, seen.only(kept), Engine("cpu")).prediction[rows]
        inside = made.by_modalities[name].covers(alone, data.test.labels["M"][rows])
        assert found.only[name].coverage.mean == pytest.approx(inside.mean())
        assert found.only[name].utterances == rows.sum()
    path = run.seed_folder(1111) / "predictions-test.parquet"
    answer = read_predictions(path)
    write_predictions(path, answer._replace(present=None, bounds={}))  # as an earlier version did
    again = calibrate(run, device="cpu").predictions[0]
    assert np.array_equal(again.bounds["low"], answer.bounds["low"])
    assert answer.present.tolist() == seen.present(MODALITIES).tolist()
    (row, *_), half = np.flatnonzero(answer.present == "text+audio"), made.by_modalities["text+audio"].quantile
    assert answer.bounds["high"][row] == pytest.approx(min(answer.prediction[row] + half, 3), abs=1e-5)


def test_utterances_that_lack_a_modality_are_ranked_by_themselves_where_they_are_enough(known):
    """Half of valid has a voice alone, and errors four times as large as the others'."""
    rng, seed = np.random.default_rng(0), 1111
    label = rng.uniform(-3, 3, 800).astype(np.float32)
    present = np.where(np.arange(800) % 2, "audio", "text+audio+vision")
    error = rng.normal(0, np.where(present == "audio", 0.8, 0.2)).astype(np.float32)
    kept = Predictions(np.arange(800), label, label + error, {}, present=present)
    for each in known.finished:
        write_predictions(known.seed_folder(each) / "predictions-valid.parquet", kept)
    found = calibrate(known, store=False, device="cpu").calibrations[known.finished.index(seed)].by_modalities
    assert (found["audio"].samples, found["text+audio+vision"].samples) == (400, 400)
    assert found["audio"].quantile == pytest.approx(1.645 * 0.8, rel=0.15)
    assert found["text+audio+vision"].quantile == pytest.approx(1.645 * 0.2, rel=0.15)


def test_a_kill_while_it_is_noted_leaves_the_model_as_it_was(copied, monkeypatch):
    folder = copied.seed_folder(1111) / "model"
    before = (folder / "config.json").read_text()
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda fd: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            annotate(folder, calibration={"kind": "interval"})
    assert (folder / "config.json").read_text() == before
    with pytest.raises(UserError, match="not a saved model"):
        annotate(copied.folder, x=1)


def test_sets_of_classes_are_kept_too(tmp_path):
    inside = np.array([[True, False], [True, True]])
    kept = Predictions(np.array(["a", "b"]), np.array([0, 1]), np.eye(2, dtype=np.float32), {}, bounds={"set": inside})
    write_predictions(tmp_path / "p.parquet", kept)
    assert read_predictions(tmp_path / "p.parquet").bounds["set"].tolist() == inside.tolist()


def test_valid_is_no_place_to_count(copied):
    with pytest.raises(UserError, match="measure their coverage on test"):
        calibrate(copied, "valid", device="cpu")


def test_the_figure_shows_the_counted_shares_and_notes_nothing(known):
    found = calibrate(known, store=False, device="cpu")
    figure = figures.reliability(known)
    curves, bars = figure.axes
    lines = {line.get_label(): line for line in curves.lines[1:]}
    assert lines.keys() == {"all", "extremes", "others"}
    assert lines["extremes"].get_ydata() == pytest.approx([100 * x for x in found.reliability["extremes"]])
    heights = [bar.get_height() for bar in bars.patches]
    assert heights == pytest.approx([100 * one.coverage.mean for one in found.classes.values()])
    assert load_model(known.seed_folder(1111) / "model").calibration is None
