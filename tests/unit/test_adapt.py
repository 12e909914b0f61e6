"""A saved model is fine-tuned on labelled clips, and what that is worth is measured on videos left out."""

import json

import numpy as np
import pytest
import torch

from makers_adapt import pitch_model, read_labels, record
from makers_analysis import saved_model, spec
from makers_store import store_at
from makers_table import table
from makers_text import tiny_bert
from makers_transfer import fit, words_and_voices
from sentiprism.analysis.adapt import adapt, extract_options
from sentiprism.analysis.recording import ExtractOptions
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.store import load_dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.adaptation import BeforeAfter, measure
from sentiprism.evaluation.within import within_videos
from sentiprism.metrics import PROTOCOLS
from sentiprism.models import load_model
from sentiprism.models.artifact import describe_model
from sentiprism.recipe import Network, Recipe
from sentiprism.training import adapt as training
from sentiprism.training.engine import Engine
from sentiprism.types import FeatureSpec, ModalitySpec

pytest.importorskip("librosa", reason="librosa (extra media) is not installed")

SETTINGS = {"epochs": 20, "lr": 1e-2, "batch_size": 8, "folds": 3}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A store, a model for which a high voice is positive, and clips of people of whom the opposite is true."""
    root = tmp_path_factory.mktemp("adapt")
    with store_at(root / "home"):
        model = pitch_model(root)
        record(root / "clips", videos=12, clips=2, seed=1, sign=-1)
    return root, model


@pytest.fixture(autouse=True)
def _home(place, monkeypatch):
    monkeypatch.setenv("SENTIPRISM_HOME", str(place[0] / "home"))


def run(place, out, **more):
    root, model = place
    given = {"model": model, "settings": SETTINGS, "device": "cpu", **more}
    return adapt(root / "clips", given.pop("labels", root / "clips.csv"), out=out, **given)


@pytest.fixture(scope="module")
def made(place, tmp_path_factory):
    """A model adapted to the clips."""
    with store_at(place[0] / "home"):
        return run(place, tmp_path_factory.mktemp("models") / "mine")


def test_a_model_learns_from_clips_and_its_notes_say_what_was_measured(place, made):
    found = made.crossed
    assert (found.utterances, found.units) == (24, (12, "videos"))
    errors = {name: row["mae"].mean for name, row in found.metrics.items()}
    assert errors["before"] > errors["constant predictor"] > errors["after"]  # the base has learned the opposite
    assert found.within["before"] < -0.9 < 0.7 < found.within["after"]
    change = found.differences["mae"]
    assert change.mean == pytest.approx(errors["after"] - errors["before"])
    assert change.high < 0
    assert found.helped
    assert found.beats_constant
    assert found.verdict.startswith("it helped: MAE after minus before -")
    saved = load_model(made.folder)
    before = load_model(place[1])
    assert saved.model.features == before.model.features  # standardised by the statistics of the model it came from
    assert saved.metadata["limits"] == made.verdicts == [f"cross-validated on 24 clips: {found.verdict}"]
    assert saved.metadata["adapted"]["cross_validated"]["helped"] is True
    assert saved.metadata["selection"].endswith("for 20 epochs; nothing was selected")
    assert saved.calibration is None  # too few clips for an interval
    assert json.loads(json.dumps(made.to_dict()))["cross_validated"]["videos"] == 12


def test_the_same_clips_give_the_same_model(place, made, tmp_path):
    again = run(place, tmp_path / "again")
    weights = [(one.folder / "weights.safetensors").read_bytes() for one in (made, again)]
    assert weights[0] == weights[1]
    assert str(made.crossed) == str(again.crossed)


def test_what_has_nothing_to_learn_did_not_help(made, tmp_path):
    """The labels have nothing to do with the voice, and hardly a step is taken."""
    labels = record(tmp_path / "noise", videos=12, clips=2, seed=3, shuffled=True)
    settings = {**SETTINGS, "epochs": 1, "lr": 1e-6}
    made = adapt(tmp_path / "noise", labels, out=tmp_path / "mine", model=made.folder, settings=settings, device="cpu")
    assert made.crossed.helped is False
    assert made.crossed.verdict.startswith("it did not help: MAE after minus before")
    assert (tmp_path / "mine" / "config.json").is_file()  # saved, with the note
    assert "it did not help" in load_model(tmp_path / "mine").metadata["limits"][-1]


def test_rows_of_the_split_test_are_never_trained_on(place, tmp_path):
    root, _ = place
    rows = [
        {**row, "split": "test" if row["speaker"] in {"v0", "v1"} else "train"}
        for row in read_labels(root / "clips.csv")
    ]
    made = run(place, tmp_path / "a", labels=table(tmp_path / "l.csv", rows))
    assert (made.crossed.utterances, made.tested.utterances) == (20, 4)
    assert made.tested.helped is None  # two videos
    assert "whether it helped cannot be told: videos (2) are too few" in made.tested.verdict
    moved = [{**row, "label": -float(row["label"])} if row["split"] == "test" else row for row in rows]
    other = run(place, tmp_path / "b", labels=table(tmp_path / "m.csv", moved))
    weights = [(one.folder / "weights.safetensors").read_bytes() for one in (made, other)]
    assert weights[0] == weights[1]
    assert made.tested != other.tested
    named = [{("Part" if key == "split" else key): value for key, value in row.items()} for row in rows]
    mapped = run(place, tmp_path / "d", labels=table(tmp_path / "o.csv", named), columns={"split": "Part"})
    assert (mapped.crossed.utterances, mapped.tested.utterances) == (20, 4)
    odd = [{**row, "split": "tets"} for row in rows]
    with pytest.raises(UserError, match="split is 'tets'"):
        run(place, tmp_path / "e", labels=table(tmp_path / "p.csv", odd))
    mixed = [{**row, "split": "test" if n == 0 else "train"} for n, row in enumerate(rows)]
    with pytest.raises(UserError, match="video 'v0' is in the split test and in another"):
        run(place, tmp_path / "c", labels=table(tmp_path / "n.csv", mixed))


def test_no_gradient_of_the_text_encoder_is_computed(tmp_path, monkeypatch):
    """It stays as it is; the rest of the model is trained."""
    monkeypatch.setenv("SENTIPRISM_HOME", str(tmp_path / "home"))
    words_and_voices("words")
    base = fit("words", tmp_path / "run", tiny_bert(tmp_path / "tiny")).seed_folder(1111) / "model"
    computed = set()

    def load(folder):
        saved = load_model(folder)
        for name, parameter in saved.model.named_parameters():
            parameter.register_hook(lambda gradient, name=name: computed.add(name))
        return saved

    monkeypatch.setattr(training, "load_model", load)
    split = load_dataset("words").train
    data = PreparedSplit(split, describe_model(base).features)
    tuned = training.fine_tune(base, data, PROTOCOLS["intensity"], Engine("cpu"), training.AdaptConfig(epochs=2))
    before = load_model(base).model.state_dict()
    assert computed
    assert not any(name.startswith("text_encoder.") for name in computed)
    for name, tensor in tuned.named_parameters():
        assert torch.equal(tensor, before[name]) == (name not in computed), name


def test_labels_are_mapped_to_the_models_scale(place, made, tmp_path):
    root, _ = place
    rows = [{**row, "label": 5 + float(row["label"]) * 5 / 3} for row in read_labels(root / "clips.csv")]
    mapped = run(place, tmp_path / "a", labels=table(tmp_path / "l.csv", rows), low=0, high=10)
    found = [one.crossed.metrics["after"]["mae"].mean for one in (mapped, made)]
    assert found[0] == pytest.approx(found[1], abs=1e-3)
    with pytest.raises(UserError, match=r"is outside the range \[-3, 3\]"):
        run(place, tmp_path / "c", labels=tmp_path / "l.csv")


def test_what_cannot_be_adapted_is_refused_before_anything_is_extracted(place, tmp_path):
    root, _ = place
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(UserError, match="full exists already"):
        run(place, tmp_path / "full")
    with pytest.raises(UserError, match="is not a saved model"):
        run(place, tmp_path / "a", model=tmp_path)
    recipe = describe_model(place[1]).features.audio.recipe
    ridge = saved_model(tmp_path / "ridge", FeatureSpec(audio=spec(recipe)), "ridge")
    with pytest.raises(UserError, match="a ridge is fitted in closed form: it cannot be trained further"):
        run(place, tmp_path / "a", model=ridge)
    few = table(tmp_path / "few.csv", read_labels(root / "clips.csv")[:12])
    with pytest.raises(UserError, match="only 12 labelled clips are left for training; label at least 20"):
        run(place, tmp_path / "b", labels=few, allow_missing=True)
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()


def test_leaving_videos_out_makes_r_of_noise_negative_and_centring_does_not():
    """The mean of the other videos is anti-correlated with that of the one left out."""
    rng = np.random.default_rng(0)
    videos = np.repeat(np.arange(12), 20)
    label = rng.normal(size=12)[videos] + rng.normal(size=240)
    others = np.array([label[videos != video].mean() for video in range(12)])[videos]
    noise = others + 1e-3 * rng.normal(size=240)
    assert np.corrcoef(noise, label)[0, 1] < -0.3
    assert abs(within_videos(noise, label, videos)) < 0.15
    assert np.isnan(within_videos(others, label, videos))
    effect = measure(BeforeAfter(label, videos, others, noise, noise), PROTOCOLS["intensity"])
    assert effect.helped is False
    assert effect.differences["mae"].mean == 0


def test_a_network_is_asked_for_as_the_model_knows_it():
    """Its revision, layer and rate; how pictures are pooled only where it sees."""
    network = Network(model="someone/ears", revision="abc", layer=3, rate=12.5)
    recipe = Recipe(extractor="hf-audio", columns=("a",), units=("1",), per="utterance", network=network)
    spec = ModalitySpec(kind="features", width=1, recipe=recipe)
    eyes = spec.model_copy(update={"recipe": recipe.model_copy(update={"extractor": "hf-vision", "per": "frame"})})
    options = extract_options(FeatureSpec(audio=spec, vision=eyes), {}, "given")
    assert (options.audio, options.per) == ("hf-audio:someone/ears", "utterance")
    assert options.audio_settings == {"layer": "3", "rate": "12.5", "revision": "abc"}
    assert (options.vision, options.vision_per) == ("hf-vision:someone/ears", "frame")
    assert options.vision_settings == {**options.audio_settings, "crop": "face", "pooling": "mean"}
    only = extract_options(FeatureSpec(audio=spec, vision=eyes), {"modalities": ["audio"]}, "recognised")
    assert (only.vision, only.text) == ("none", "recognised")


def test_each_modality_may_have_steps_of_its_own():
    options = ExtractOptions(per="frame", vision_per="utterance")
    assert [options.steps_of(name) for name in ("audio", "vision")] == ["frame", "utterance"]
    assert [ExtractOptions(per="word").steps_of(name) for name in ("audio", "vision")] == ["word", "word"]
    assert ExtractOptions(vision_per="word").by_word
