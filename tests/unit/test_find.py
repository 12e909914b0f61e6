"""Utterances are found by their labels, lengths, words and a model's errors, and read one by one."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from makers_store import utterance, write
from sentiprism.data.clips import Clip, load_clips
from sentiprism.data.find import UtteranceFilter, find_utterances
from sentiprism.data.store import load_dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.disagreement import read_disagreement
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.evaluation.predictions_file import write_predictions
from sentiprism.training.predict import Predictions
from sentiprism.training.run import Run
from sentiprism.types import TargetSpec

MOODS = TargetSpec(kind="classes", classes=("bad", "good"))


def steps(count: int) -> np.ndarray:
    return np.arange(2 * count, dtype=np.float32).reshape(count, 2)


@pytest.fixture
def mixed(home):
    """Six utterances of different labels, lengths and modalities."""
    rows = [
        ("train", utterance("a", labels={"M": -2.0}, text="Not GOOD at all", sequences={"audio": steps(3)})),
        ("train", utterance("b", labels={"M": 0.5}, text=None, sequences={"vision": steps(9)})),
        ("train", utterance("c", labels={"M": 2.0}, text="Good", sequences={"audio": steps(5), "vision": steps(2)})),
        ("valid", utterance("d", labels={"M": 1.0}, text="straße", sequences={"audio": steps(1)})),
        ("test", utterance("e", labels={"M": -1.0}, text="good and bad", sequences={"audio": steps(7)})),
        ("test", utterance("f", labels={"M": 3.0}, text="fine", sequences={})),
    ]
    return write(rows, "mixed")


def found(dataset, differences=None, **wanted) -> str:
    places = find_utterances(dataset, UtteranceFilter(**wanted), differences)
    return "".join(str(dataset.split(split).ids[number]) for split, number in places)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({}, "abcdef"),
        ({"split": "test"}, "ef"),
        ({"low": 0.5, "high": 2}, "bcd"),
        ({"words": " good "}, "ace"),
        ({"words": "STRASSE"}, "d"),
        ({"missing": "audio"}, "bf"),
        ({"missing": "words"}, "b"),
        ({"missing": "token_ids"}, "abcdef"),
        ({"shortest": 3}, "ae"),
        ({"length_of": "audio", "shortest": 3, "longest": 5}, "ac"),
        ({"length_of": "audio", "longest": 0}, "bf"),
        ({"words": "good", "low": 0}, "c"),
        ({"words": "nothing has this"}, ""),
    ],
)
def test_utterances_that_fit(mixed, wanted, names):
    assert found(mixed, **wanted) == names


def test_the_largest_error_comes_first_and_what_is_not_predicted_is_left_out(mixed):
    differences = {"train": np.array([0.5, np.nan, 2.0]), "valid": np.array([0.1]), "test": np.array([3.0, 2.0])}
    assert found(mixed, differences) == "ecfad"
    assert found(mixed, differences, difference=1) == "ecf"
    assert found(mixed, differences, difference=1, split="train") == "c"
    with pytest.raises(UserError, match="without a run"):
        found(mixed, difference=1)


def test_unknown_names_are_refused(mixed, home):
    moods = write([(s, utterance(s, labels={"M": 1})) for s in ("train", "valid", "test")], "moods", MOODS)
    assert found(moods, label="good") == "trainvalidtest"
    assert found(moods, label="bad") == ""
    for wanted in ({"label": "goof"}, {"missing": "sound"}, {"length_of": "x"}):
        with pytest.raises(UserError, match=r"is called '(goof|sound|x)'"):
            found(moods, **wanted)


def test_one_utterance_is_read_by_its_number_without_torch(mixed, home):
    one = load_dataset("mixed").train.utterance(2)
    assert (one.id, one.video_id, one.text, one.labels) == ("c", "video-c", "Good", {"M": 2.0})
    np.testing.assert_array_equal(one.sequences["audio"], steps(5))
    assert "audio" not in load_dataset("mixed").train.utterance(1).sequences
    for number in (-1, 3):
        with pytest.raises(UserError, match="no utterance number"):
            mixed.train.utterance(number)
    code = "import sys; from sentiprism.data.store import load_dataset; from sentiprism.data.find import *"
    code += "; d = load_dataset('mixed'); find_utterances(d, UtteranceFilter(words='good'))"
    code += "; d.train.utterance(0).sequences['audio'].sum(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_where_utterances_are_in_recordings_is_stored_with_the_dataset(home, tmp_path):
    talk = tmp_path / "talk.wav"
    talk.write_bytes(b"sound")
    source = {"file": talk, "content": "0" * 64, "size": 5}
    clips = {name: Clip(**source, start=n, end=n + 1.5) for n, name in enumerate(("train", "test"))}
    rows = [(split, utterance(split)) for split in ("train", "valid", "test")]
    write(rows, "clips", clips=clips)
    assert load_clips("clips") == clips
    assert load_clips("clips")["test"].find() == talk
    talk.write_bytes(b"another sound")
    assert load_clips("clips")["test"].find() is None, "the file was replaced"
    (home / "datasets" / "clips" / "clips.json").write_text('{"recordings": [], "clips": {"train": [7, 0, 1]}}')
    assert load_clips("clips") == {}
    (home / "datasets" / "clips" / "clips.json").write_text("[")
    assert load_clips("clips") == {}
    assert load_clips("nowhere") == {}


def predictions(ids, values) -> Predictions:
    values = np.array(values, np.float32)
    label = np.zeros(len(ids), np.int64 if values.ndim > 1 else np.float32)
    return Predictions(np.array(ids), label, values, {})


def test_predictions_of_the_seeds_are_joined_by_id_and_averaged(trained, data, monkeypatch, tmp_path):
    run = Run.open(shutil.copytree(trained.folder, tmp_path / "run"))
    for file in run.folder.glob("seed-*/predictions-*"):
        file.unlink()
    assert read_disagreement(run, data) is None
    evaluate(run, "test", device="cpu")
    own = read_disagreement(run.folder, data)
    assert own.splits == ("test",)
    errors = own.difference["test"]
    np.testing.assert_allclose(errors, np.abs(own.prediction["test"] - data.test.labels["M"]), rtol=1e-5)
    assert find_utterances(data, UtteranceFilter(), own.difference)[0].number == errors.argmax()

    monkeypatch.setenv("SENTIPRISM_HOME", str(tmp_path / "home"))
    rows = [("train", utterance(n, labels={"M": -2.0 + 2 * k})) for k, n in enumerate("abc")]
    other = write([*rows, ("valid", utterance("v")), ("test", utterance("t"))], "other")
    assert read_disagreement(run, other) is None
    for seed, values in ((1, [1.0, 2.0]), (2, [0.0, 1.0])):
        write_predictions(file_of(run, seed, "other"), predictions(["c", "a"], values))
    made = read_disagreement(run, other)
    np.testing.assert_allclose(made.prediction["train"], [1.5, np.nan, 0.5])
    np.testing.assert_allclose(made.difference["train"], [3.5, np.nan, 1.5])
    assert np.isnan(made.difference["test"]).all()
    assert found(other, made.difference) == "ac"

    rows = [("train", utterance(n, labels={"M": 0})) for n in "xyz"]
    moods = write([*rows, ("valid", utterance("v")), ("test", utterance("t"))], "moods", MOODS)
    write_predictions(file_of(run, 1, "moods"), predictions(["x", "y"], [[0.0, np.log(3)], [5.0, 0.0]]))
    made = read_disagreement(run, moods)
    np.testing.assert_allclose(made.difference["train"], [0.5, 0.0, np.nan], atol=1e-6, err_msg="0.75 against 0.25")
    assert found(moods, made.difference) == "xy"
    write_predictions(file_of(run, 1, "moods"), predictions(["x", "y"], [0.0, 1.0]))
    with pytest.raises(UserError, match="predicts intensities"):
        read_disagreement(run, moods)


def file_of(run, seed, dataset):
    return run.folder / f"seed-{seed}" / f"predictions-{dataset}-train.parquet"
