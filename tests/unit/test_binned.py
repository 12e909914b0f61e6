"""The five classes of an Acc-5: as a metric of intensities, and as what is predicted in their place."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from makers_models import small
from sentiprism.data.binned import binned
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.compare import compare
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.evaluation.robustness import robustness
from sentiprism.explanation.modalities import explain
from sentiprism.metrics import protocol
from sentiprism.metrics.bins import bins_of, five_bins
from sentiprism.report.figures import confusion
from sentiprism.training.train import resume, train
from sentiprism.tuning.tune import tune
from sentiprism.types import TargetSpec

NAMES = ("N", "WN", "Neu", "WP", "P")


@pytest.fixture
def data(home):
    return synthetic_dataset("small", sizes=(64, 24, 24))


@pytest.mark.parametrize(("name", "limit"), [("intensity", 3), ("mmmo", 2), ("sims", 1), ("simsv2", 1)])
def test_f1_of_five_classes_is_scikit_learns(name, limit):
    rng = np.random.default_rng(0)
    scorer, classes = protocol(name), five_bins(protocol(name))
    assert "f1_5" not in scorer.names, "tables do not show it where nobody asks for it"
    for _ in range(20):
        label, prediction = (rng.uniform(-limit, limit, 60).round(1).astype(np.float32) for _ in range(2))
        found = scorer.extended().compute(prediction, label)
        expected = f1_score(classes.of(label), classes.of(prediction), average="weighted", zero_division=0)
        assert found["f1_5"] == pytest.approx(expected)
        assert found["acc_5"] == pytest.approx(np.mean(classes.of(label) == classes.of(prediction)))


def test_edges_of_the_classes_are_those_of_the_metric():
    assert five_bins(protocol("sims")).of([-0.7, -0.69, -0.1, 0.1, 0.11, 0.7, 0.71]).tolist() == [0, 1, 1, 2, 3, 3, 4]
    assert five_bins(protocol("intensity")).of([-3, -1.5, -0.5, 0.5, 1.5, 2.6]).tolist() == [0, 0, 2, 2, 4, 4]
    assert five_bins(protocol("signed")) is None


def test_classes_judged_as_such_have_the_accuracy_of_the_intensities():
    rng = np.random.default_rng(1)
    label, prediction = (rng.uniform(-1, 1, 50).astype(np.float32) for _ in range(2))
    sims, classes = protocol("sims"), five_bins(protocol("sims"))
    asked = sims.extended().compute(prediction, label)
    found = protocol("five").compute(np.eye(5)[classes.of(prediction)], classes.of(label))
    assert found == pytest.approx({name: asked[name] for name in ("acc_5", "f1_5")})


def test_labels_become_classes_and_nothing_else_changes(data):
    made = binned(data, "acc_5")
    assert (made.card.protocol, made.card.target) == ("five", TargetSpec(kind="classes", classes=NAMES))
    assert (made.card.content, made.name) == (data.card.content, data.name)
    classes = five_bins(protocol("intensity"))
    for split in ("train", "valid", "test"):
        labels, before = made.split(split).labels["M"], data.split(split).labels["M"]
        assert labels.dtype == np.int64
        assert labels.tolist() == classes.of(before).tolist()
        assert made.split(split).sequences is data.split(split).sequences
    assert bins_of(protocol("five"), made.card.target).ordered
    assert binned(made, "acc_5") is made, "once is enough"
    assert binned(data, None) is data
    assert not hasattr(binned(data.tuning(), "acc_5"), "test")


def test_a_dataset_without_the_metric_is_refused(data):
    card = data.card.model_copy(update={"protocol": "signed"})
    with pytest.raises(UserError, match=r"have no Acc-5 to take classes from; leave data\.bins out"):
        train(
            "lf_dnn",
            type(data)(card, data.train, data.valid, data.test),
            settings={"data": {"bins": "acc_5", "text": {"encoder": None}}},
            device="cpu",
        )


def test_a_model_of_the_five_classes_is_trained_resumed_measured_and_explained(data, tmp_path):
    settings = {
        "config": small("tmt_amw"),
        "data": {"bins": "acc_5", "text": {"encoder": None}},
        "optim": {"epochs": 2, "batch_size": 16, "sampler": "balanced", "select": "f1_5"},
    }
    run = train("tmt_amw", data, settings=settings, out=tmp_path / "five", device="cpu", quiet=True)
    assert run.environment["dataset"]["protocol"] == "five"
    again = resume(run.folder, seeds=2, device="cpu", quiet=True)
    measured = evaluate(again, device="cpu")
    assert measured.protocol.names == ("acc_5", "f1_5")
    assert "valid F1-5" in measured.selection
    assert measured.predictions[0].prediction.shape == (24, 5)
    assert measured.predictions[0].label.tolist() == five_bins(protocol("intensity")).of(data.test.labels["M"]).tolist()
    assert measured.constant is not None
    given = evaluate(again, dataset=data, device="cpu")
    assert given.metrics == measured.metrics, "a dataset that is given has its labels binned too"
    assert len(robustness(again, kinds=["missing"], modalities=["audio"], points=2, device="cpu").curves) == 1
    assert explain(again, device="cpu").seeds == (1111, 1112)
    figure = confusion(again, device="cpu")
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()][: len(NAMES)] == list(NAMES)
    plain = train(
        "tmt_amw",
        data,
        settings=settings | {"data": {"text": {"encoder": None}}, "optim": {"epochs": 1}},
        out=tmp_path / "plain",
        device="cpu",
        quiet=True,
    )
    with pytest.raises(UserError):
        compare([again, plain], device="cpu")


def test_an_extra_metric_is_measured_and_is_no_test_among_others(many, tmp_path):
    settings = {"config": small("lf_dnn"), "data": {"text": {"encoder": None}}, "optim": {"epochs": 1}}
    runs = [
        train("lf_dnn", many, seeds=(seed,), settings=settings, out=tmp_path / str(seed), device="cpu", quiet=True)
        for seed in (1, 2)
    ]
    found = compare(runs, device="cpu")
    one = found.evaluations[0]
    classes = five_bins(one.protocol)
    expected = f1_score(
        classes.of(one.predictions[0].label),
        classes.of(one.predictions[0].prediction),
        average="weighted",
        zero_division=0,
    )
    assert one.metrics["f1_5"].mean == pytest.approx(expected)
    assert one.metrics["f1_5"].low <= expected <= one.metrics["f1_5"].high
    assert one.to_dict()["metrics"]["f1_5"]["mean"] == one.metrics["f1_5"].mean
    assert "f1_5" in one.constant.metrics
    assert found.tests == len(one.protocol.names)
    assert "f1_5" not in found.render("csv")
    with pytest.raises(UserError, match="has no metric 'f1_5'"):
        train("lf_dnn", many, settings=settings | {"optim": {"select": "f1_5"}}, out=tmp_path / "x", device="cpu")


def test_settings_are_searched_by_the_accuracy_of_the_five(data, tmp_path):
    pytest.importorskip("optuna")
    settings = {"config": small("lf_dnn"), "data": {"bins": "acc_5", "text": {"encoder": None}}, "optim": {"epochs": 1}}
    found = tune("lf_dnn", data, trials=1, settings=settings, out=tmp_path / "study", device="cpu", quiet=True)
    assert found.study.select == "acc_5"
