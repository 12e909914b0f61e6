"""What a model's modality weights become when the inputs are damaged."""

import json
import shutil

import numpy as np
import pytest

from makers_models import small
from sentiprism.data.corruption import Corruption, corrupt
from sentiprism.data.prepare import PreparedSplit
from sentiprism.errors import UserError
from sentiprism.evaluation.robustness import kept, load_robustness, robustness
from sentiprism.models import load_model
from sentiprism.report import figures
from sentiprism.training.engine import Engine
from sentiprism.training.predict import predict
from sentiprism.training.run import Run
from sentiprism.training.train import train
from sentiprism.types import MODALITIES


@pytest.fixture
def copied(trained, data, tmp_path) -> Run:
    return Run(shutil.copytree(trained.folder, tmp_path / "copied"))


def weights(run: Run, data, case: Corruption | None = None) -> dict[str, float]:
    """Mean weights over the seeds' models and utterances, by predicting what the curve is of."""
    found = []
    for seed in run.finished:
        model = load_model(run.seed_folder(seed) / "model").model
        rows = PreparedSplit(data.test, model.features)
        rows = rows if case is None else corrupt(rows, case)
        found.append(predict(model, rows, Engine("cpu")).weights["modality"])
    return dict(zip(MODALITIES, np.mean(found, axis=(0, 1)).tolist(), strict=True))


def test_weights_stand_beside_the_metrics_at_each_strength(copied, data):
    found = robustness(copied, kinds=["missing", "frames"], modalities=["audio"], points=3, device="cpu")
    for curve in found.curves:
        assert len(curve.weights) == len(curve.strengths) == 3
        for strength, told in zip(curve.strengths, curve.weights, strict=True):
            case = Corruption(curve.kind, "audio", strength, 0) if strength else None
            assert told == pytest.approx(weights(copied, data, case), abs=1e-6), (curve.kind, strength)
            assert sum(told.values()) == pytest.approx(1)
    missing = next(curve for curve in found.curves if curve.kind == "missing")
    assert missing.weights[0]["audio"] > missing.weights[1]["audio"] > missing.weights[2]["audio"] == 0
    stored = json.loads((copied.folder / "robustness-test.json").read_text())
    assert [curve["weights"] for curve in stored["curves"]] == [list(curve.weights) for curve in found.curves]
    assert kept(copied).curves[0].weights == found.curves[0].weights


def test_they_are_drawn_as_lines_of_the_damaged_modality(copied):
    found = robustness(copied, kinds=["missing"], points=3, device="cpu")
    figure = figures.robustness(copied, metric="weight", device="cpu")
    (ax,) = figure.axes
    lines = {line.get_label(): line.get_ydata() for line in ax.lines}
    assert lines.keys() == set(MODALITIES)
    for curve in found.curves:
        np.testing.assert_allclose(lines[curve.modality], [told[curve.modality] for told in curve.weights])
    assert ax.get_ylabel() == "its weight"


def test_what_has_no_weights_says_so(copied, data, tmp_path):
    run = train(
        "lf_dnn",
        data,
        settings={"config": small("lf_dnn"), "data": {"text": {"encoder": None}}, "optim": {"epochs": 1}},
        out=tmp_path / "plain",
        device="cpu",
        quiet=True,
    )
    assert {curve.weights for curve in robustness(run, kinds=["missing"], points=2, device="cpu").curves} == {()}
    with pytest.raises(UserError, match="plain has no modality weights by strength; choose a metric"):
        figures.robustness(run, metric="weight", device="cpu")
    robustness(copied, kinds=["missing"], points=2, device="cpu")
    path = copied.folder / "robustness-test.json"
    stored = json.loads(path.read_text())
    for curve in stored["curves"]:
        del curve["weights"]
    path.write_text(json.dumps(stored))
    assert load_robustness(copied).curves[0].weights == (), "a file of an earlier version"
    with pytest.raises(UserError, match="measure again with: sentiprism robustness"):
        figures.robustness(copied, metric="weight", device="cpu")
    stored["curves"][0]["weights"] = [{"text": 1.0}]
    path.write_text(json.dumps(stored))
    with pytest.raises(UserError, match="should have a point for each strength"):
        load_robustness(copied)
    with pytest.raises(UserError, match="did you mean 'weight'"):
        figures.robustness(copied, metric="weigth", device="cpu")
