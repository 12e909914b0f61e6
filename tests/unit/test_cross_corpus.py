"""A run on a dataset that it was not trained on: scales are mapped and said so, what is not there is masked."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from makers_models import small
from sentiprism.data.dataset import Dataset, DatasetInfo, Split, Utterance
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.store import load_dataset, write_dataset
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.cross_corpus import describe_exposure, evaluate_on, fit_features, map_predictions
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.evaluation.measurement import Evaluation
from sentiprism.evaluation.predictions_file import read_predictions
from sentiprism.metrics import protocol_for
from sentiprism.models import load_model
from sentiprism.recipe import Recipe
from sentiprism.training.config import RunConfig
from sentiprism.training.engine import Engine
from sentiprism.training.predict import predict
from sentiprism.training.run import Run
from sentiprism.training.train import train
from sentiprism.types import FeatureSpec, ModalitySpec, TargetSpec

SCALE = TargetSpec(low=0.0, high=1.0)


def moved(split: Split, target: TargetSpec, without: tuple[str, ...], prefix: str) -> list[tuple[str, Utterance]]:
    """The utterances of a split of [-3, 3] with labels on another range, or as classes by sign."""

    def label(value: float) -> float:
        if target.classes:
            return float(value > 0)
        return target.low + (value + 3) * (target.high - target.low) / 6

    return [
        (
            split.name,
            Utterance(
                f"{prefix}{split.ids[i]}",
                f"{prefix}{split.video_ids[i]}",
                None,
                {"M": label(float(split.labels["M"][i]))},
                {name: np.array(rows[i]) for name, rows in split.sequences.items() if name not in without},
            ),
        )
        for i in range(len(split))
    ]


@pytest.fixture
def other(data: Dataset) -> Callable[..., Dataset]:
    """The small dataset under another name, on another scale, without some of it."""

    def make(
        name: str, target: TargetSpec = SCALE, without: tuple[str, ...] = (), prefix: str = "new", **card: Any
    ) -> Dataset:
        rows = [row for part in (data.train, data.valid, data.test) for row in moved(part, target, without, prefix)]
        about = {"title": name, "source": "test", "protocol": protocol_for(target).name, **card}
        return write_dataset(name, rows, DatasetInfo(target=target, **about), replace=True)

    return make


def told(found: Evaluation) -> str:
    """As JSON, in which NaN equals NaN."""
    return json.dumps(found.to_dict())


def test_predictions_are_mapped_linearly_and_it_is_said(trained, data, other):
    home, found = evaluate(trained, device="cpu"), evaluate_on(trained, other("unit"), device="cpu")
    assert (found.dataset, found.protocol.name, found.seeds) == ("unit", "range", (1111, 1112))
    for one, two in zip(home.predictions, found.predictions, strict=True):
        assert two.prediction == pytest.approx((one.prediction + 3) / 6, abs=1e-6)
    assert found.metrics["mae"].mean == pytest.approx(home.metrics["mae"].mean / 6, abs=1e-5)
    assert found.metrics["pearson"].mean == pytest.approx(home.metrics["pearson"].mean, abs=1e-5)
    assert "predictions are mapped linearly from [-3, 3] to [0, 1]" in found.notes
    assert "trained and selected on small; nothing was fitted to unit" in found.notes
    assert "no video of test has the name of one in train and valid of small" in found.notes
    assert found.selection == "epoch of the lowest valid MAE; test is not looked at (of small)"
    assert found.constant.description.endswith("of unit")
    assert json.loads(json.dumps(found.to_dict()))["notes"] == list(found.notes)
    assert home.notes == ()


def test_predictions_are_kept_beside_those_on_the_runs_own_dataset(trained, data, other):
    evaluate(trained, device="cpu")
    own = (trained.seed_folder(1111) / "predictions-test.parquet").read_bytes()
    found = evaluate_on(trained, other("kept"), device="cpu")
    assert (trained.seed_folder(1111) / "predictions-test.parquet").read_bytes() == own
    kept = read_predictions(trained.seed_folder(1111) / "predictions-kept-test.parquet")
    assert np.array_equal(kept.prediction, found.predictions[0].prediction)


def test_a_dataset_in_a_folder_writes_nothing_outside_the_run(trained, data, other):
    made = other("far")
    named = replace(made, card=made.card.model_copy(update={"name": "../../far"}))
    with pytest.raises(UserError, match="dataset name"):
        evaluate_on(trained, named, device="cpu")


def test_the_runs_own_dataset_is_evaluated_as_ever(trained, data):
    assert told(evaluate_on(trained, "small", device="cpu")) == told(evaluate(trained, device="cpu"))


def test_a_modality_that_is_not_there_is_masked(trained, data, other):
    found = evaluate_on(trained, other("silent", without=("audio",)), device="cpu")
    model = load_model(trained.seed_folder(1111) / "model").model
    masked = PreparedSplit(data.test, model.features).only(("text", "vision"))
    expected = (predict(model, masked, Engine("cpu")).prediction + 3) / 6
    assert found.predictions[0].prediction == pytest.approx(expected, abs=1e-5)
    assert "audio: silent has none in test, it is masked" in found.notes
    assert "vision: both have 20 features per step, treated as the same features" in found.notes
    assert all("audio" not in str(names) for names in found.predictions[0].present)


def test_videos_that_were_trained_on_are_counted(trained, data, other):
    found = evaluate_on(trained, other("seen", prefix=""), "train", device="cpu")
    count = len({*data.train.video_ids.tolist()})
    assert f"{count} of {count} videos of train have names of videos in train and valid of small: they are not new" in (
        found.notes
    )


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"target": TargetSpec(kind="classes", classes=("bad", "good"))}, "the run predicts intensities"),
        ({"without": ("audio", "vision"), "text_encoder": "bert"}, "has text features of bert"),
        (
            {
                "recipes": {
                    "audio": Recipe(extractor="speech", columns=tuple(f"c{n}" for n in range(16)), units=("1",) * 16)
                }
            },
            "does not state that its audio features are those of the model",
        ),
    ],
)
def test_what_cannot_be_mapped_or_read_is_refused(trained, data, other, made, message):
    with pytest.raises(UserError, match=message):
        evaluate_on(trained, other("refused", **made), device="cpu")
    assert not list(trained.folder.rglob("predictions-refused*"))


def test_features_of_another_width_are_refused_where_the_model_uses_them(data, other, tmp_path):
    synthetic_dataset("wide", sizes=(16, 8, 8), widths=(24, 18, 20))
    settings = {"config": {**small("mdf"), "modalities": ["text"]}, "optim": {"epochs": 1}}
    words = train("mdf", "small", settings=settings, out=tmp_path / "words", device="cpu", quiet=True)
    assert evaluate_on(words, "wide", device="cpu").dataset == "wide"
    settings["config"]["modalities"] = ["text", "audio"]
    both = train("mdf", "small", settings=settings, out=tmp_path / "both", device="cpu", quiet=True)
    with pytest.raises(UserError, match="wide has 18 audio features per step, the model needs 16"):
        evaluate_on(both, "wide", device="cpu")


def test_a_dataset_of_nothing_that_the_model_reads_is_refused(data, other, tmp_path):
    settings = {"config": {**small("mdf"), "modalities": ["audio"]}, "optim": {"epochs": 1}}
    voice = train("mdf", "small", settings=settings, out=tmp_path / "voice", device="cpu", quiet=True)
    with pytest.raises(UserError, match="has no audio in test"):
        evaluate_on(voice, other("mute", without=("audio",)), device="cpu")


def test_classes_are_put_in_the_order_of_the_dataset():
    own = TargetSpec(kind="classes", classes=("bad", "fine", "good"))
    change, said = map_predictions(own, TargetSpec(kind="classes", classes=("good", "bad", "fine")))
    assert change(np.array([[0.0, 1.0, 2.0]])).tolist() == [[2.0, 0.0, 1.0]]
    assert said == "both have the same classes"
    with pytest.raises(UserError, match="the dataset has bad, good"):
        map_predictions(own, TargetSpec(kind="classes", classes=("bad", "good")))
    same, said = map_predictions(TargetSpec(), TargetSpec())
    assert same(np.array([1.5], np.float32)).tolist() == [1.5]
    assert said == "both scales are [-3, 3]: predictions are not mapped"


def test_text_is_read_as_the_dataset_has_it(data, tiny):
    """A model of transcripts reads stored ids of its vocabulary, and a model of stored ids reads transcripts."""
    spec = ModalitySpec(kind="tokens", width=1157, encoder=str(tiny), source="ids", context=2)
    words = replace(data.test, texts=("w1",) * len(data.test))
    found, notes = fit_features(FeatureSpec(text=spec), ("text",), data.card, words)
    assert (found.text.source, found.text.context, notes) == ("raw", 2, [])
    found, notes = fit_features(FeatureSpec(text=spec), ("text",), data.card, data.test)
    assert notes == ["text: small has no transcripts in test, it is masked"]


def test_a_dataset_may_be_named_or_given(trained: Run, data: Dataset, other) -> None:
    other("named")
    by_name = evaluate_on(trained, "named", device="cpu")
    assert told(by_name) == told(evaluate_on(trained, load_dataset("named"), device="cpu"))


def test_a_dataset_that_was_learned_from_is_no_other_one():
    joined = RunConfig(model="mdf", dataset="mosi,mosei")
    assert describe_exposure(joined, "mosei") == "mosei is one of its training datasets"
    assert describe_exposure(joined, "meld") == "nothing was fitted to meld"
    begun = RunConfig(model="mdf", dataset="mosi", init="starter")
    assert describe_exposure(begun, "mosei") == (
        "its weights started from starter, whose training data may include mosei"
    )
