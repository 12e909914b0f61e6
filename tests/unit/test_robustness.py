"""Curves begin at the clean number, end where the damage is whole, and are what predicting each point would give."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from makers_metrics import interval
from makers_models import small
from makers_text import tiny_bert
from sentiprism.data.corruption import Corruption, corrupt
from sentiprism.data.dataset import DatasetInfo, Utterance
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.store import write_dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.evaluation.robustness import kept as known
from sentiprism.evaluation.robustness import load_robustness, robustness
from sentiprism.metrics import protocol
from sentiprism.models import load_model
from sentiprism.report import figures
from sentiprism.training.engine import Engine
from sentiprism.training.predict import predict
from sentiprism.training.run import Run
from sentiprism.training.train import train
from sentiprism.types import TargetSpec


@pytest.fixture
def copied(trained, data, tmp_path) -> Run:
    return Run(shutil.copytree(trained.folder, tmp_path / "copied"))


def test_every_curve_begins_clean_and_its_area_is_the_trapezoids(copied):
    found = robustness(copied, points=3, device="cpu")
    clean = evaluate(copied, device="cpu").metrics
    kinds = ("missing", "swap", "noise", "frames", "delay")
    assert [(c.kind, c.modality) for c in found.curves] == [(k, m) for k in kinds for m in ("text", "audio", "vision")]
    for curve in found.curves:
        assert curve.strengths == ((0, 1, 2) if curve.kind == "noise" else (0, 0.5, 1))
        for name in found.protocol.names:
            assert tuple(curve.points[0][name]) == pytest.approx(tuple(clean[name]), nan_ok=True)
        a, b, c = (point["mae"] for point in curve.points)
        assert curve.area["mae"].mean == pytest.approx((a.mean + 2 * b.mean + c.mean) / 4)
        assert curve.area["mae"].low < curve.area["mae"].mean < curve.area["mae"].high
        assert c.mean != a.mean


@pytest.mark.parametrize("kind", ["missing", "swap", "frames"])
def test_a_point_is_what_predicting_the_damaged_split_gives(copied, data, kind):
    (curve,) = robustness(copied, kinds=[kind], modalities=["audio"], points=4, seed=3, device="cpu").curves
    strength, answers = curve.strengths[1], []
    for seed in copied.finished:
        model = load_model(copied.seed_folder(seed) / "model").model
        damaged = corrupt(PreparedSplit(data.test, model.features), Corruption(kind, "audio", strength, 3))
        answers.append(predict(model, damaged, Engine("cpu")).prediction)
    expected = interval(np.stack(answers), data.test.labels["M"], protocol("intensity"), videos=data.test.video_ids)[
        "mae"
    ]
    assert tuple(curve.points[1]["mae"]) == pytest.approx(tuple(expected), abs=1e-5)


def test_the_same_damage_twice_and_another_with_another_seed(copied):
    one, same, other = (
        robustness(copied, kinds=["missing"], modalities=["text"], points=3, seed=s, device="cpu").curves[0]
        for s in (0, 0, 1)
    )
    assert one == same
    assert one.points[1]["mae"].mean != other.points[1]["mae"].mean
    assert one.points[2]["mae"].mean == other.points[2]["mae"].mean  # all are struck


def test_what_was_measured_is_kept_and_drawn_from(copied):
    made = robustness(copied, kinds=["missing", "noise"], points=3, device="cpu")
    kept = load_robustness(copied, device="cpu")
    assert repr(replace(kept, protocol=None)) == repr(replace(made, protocol=None))  # nan is nan
    told = json.loads((copied.folder / "robustness-test.json").read_text())
    assert told["curves"][0]["area"]["mae"]["mean"] == made.curves[0].area["mae"].mean
    figure = figures.robustness(copied, metric="pearson")
    assert [len(ax.lines) for ax in figure.axes] == [3, 3]  # the constant predictor has no correlation
    for line, curve in zip(figure.axes[1].lines, made.curves[3:], strict=True):
        assert line.get_xdata().tolist() == [0, 1, 2]
        assert line.get_ydata() == pytest.approx([point["pearson"].mean for point in curve.points])
    (copied.folder / "robustness-test.json").write_text(json.dumps(told | {"seeds": [1]}))
    assert known(copied) is None  # another seed has been trained since
    for damaged in ({}, None, told | {"curves": []}, told | {"curves": [told["curves"][0] | {"points": [None]}]}):
        (copied.folder / "robustness-test.json").write_text(json.dumps(damaged))
        with pytest.raises(UserError, match="measure again"):
            load_robustness(copied, device="cpu")


def test_a_part_that_is_measured_again_leaves_the_rest_as_it_was(copied):
    whole = robustness(copied, kinds=["missing", "noise"], points=3, device="cpu")
    part = robustness(copied, kinds=["noise"], modalities=["audio"], points=4, device="cpu")
    assert [(one.kind, one.modality) for one in part.curves] == [("noise", "audio")]
    merged = known(copied)
    assert [(one.kind, one.modality) for one in merged.curves] == [(one.kind, one.modality) for one in whole.curves]
    for one, before in zip(merged.curves, whole.curves, strict=True):
        expected = part.curves[0] if (one.kind, one.modality) == ("noise", "audio") else before
        assert one == expected
    (copied.folder / "robustness-test.json").write_text("{")  # damaged: nothing of it can be left
    robustness(copied, kinds=["swap"], modalities=["text"], points=2, device="cpu")
    assert [(one.kind, one.modality) for one in known(copied).curves] == [("swap", "text")]


def test_what_cannot_be_done_says_what_can(copied):
    for given, said in (
        ({"kinds": ["words"]}, "text: missing, swap"),
        ({"kinds": ["nois"]}, "did you mean 'noise'"),
        ({"modalities": ["face"]}, "choose one of: audio"),
        ({"points": 1}, "give 2 to"),
    ):
        with pytest.raises(UserError, match=said):
            robustness(copied, device="cpu", **given)
    assert not (copied.folder / "robustness-test.json").exists()


@pytest.fixture
def spoken(home, tmp_path) -> Run:
    """A reference that learnt that w1 is good and w2 is bad, from three words an utterance."""
    encoder = tiny_bert(tmp_path / "bert")

    def utterance(split: str, n: int) -> tuple[str, Utterance]:
        label = 2.0 if n % 2 else -2.0
        word = "w1" if n % 2 else "w2"
        return split, Utterance(f"{split}{n}", f"{split}{n}", f"{word} {word} {word}", {"M": label})

    rows = [utterance(split, n) for split, size in (("train", 40), ("valid", 10), ("test", 40)) for n in range(size)]
    write_dataset(
        "spoken", rows, DatasetInfo(title="", source="test", target=TargetSpec(low=-3, high=3), protocol="intensity")
    )
    settings = {
        "config": small("text_only"),
        "data": {"text": {"encoder": str(encoder)}},
        "optim": {"epochs": 6, "batch_size": 8, "lr": 1e-2, "group_lr": {"text_encoder": 1e-3}},
    }
    return train("text_only", "spoken", settings=settings, out=tmp_path / "run", device="cpu", quiet=True)


def test_word_errors_cost_more_the_more_there_are(spoken):
    gone, curve = robustness(spoken, kinds=["words", "missing"], points=3, device="cpu").curves
    assert (gone.kind, curve.kind) == ("missing", "words")
    assert curve.strengths == (0, 0.25, 0.5)
    clean, some, more = (point["mae"].mean for point in curve.points)
    assert clean < 0.7
    assert clean < some < more < gone.points[-1]["mae"].mean
    assert gone.points[-1]["mae"].mean > 1.5
