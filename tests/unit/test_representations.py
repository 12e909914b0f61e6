"""Features and attention maps are what the saved model itself gives, whatever the batch."""

import shutil

import numpy as np
import pytest
import torch
from torch.distributions import Categorical

from makers_models import small
from makers_store import store_at
from sentiprism.data.prepare import PreparedSplit
from sentiprism.errors import UserError
from sentiprism.evaluation.evaluate import load_predictions
from sentiprism.evaluation.opened import open_split
from sentiprism.evaluation.scores import load_scores
from sentiprism.explanation.attention import GRID, _Sum, cell_weights, entropy, mean_attention, models_with_attention
from sentiprism.explanation.representations import ModelOnSplit, load_seed, representations
from sentiprism.metrics import protocol
from sentiprism.models import load_model
from sentiprism.nn.attention import attention_maps
from sentiprism.training.run import Run
from sentiprism.training.train import train


@pytest.fixture(scope="module")
def attending(small_home, tmp_path_factory) -> Run:
    """TMT after one epoch: learned tokens beside sequences of any length."""
    with store_at(small_home):
        settings = {"config": small("tmt"), "optim": {"epochs": 1, "batch_size": 16}}
        return train("tmt", "small", settings=settings, out=tmp_path_factory.mktemp("a") / "run", quiet=True)


def opened(run: Run, split: str = "test", seed: int = 1111) -> ModelOnSplit:
    return load_seed(open_split(run, split, device="cpu"), seed)


def test_features_are_those_of_each_utterance_alone(trained, data):
    found = representations(opened(trained, seed=1112))
    saved = load_model(trained.seed_folder(1112) / "model")
    rows = PreparedSplit(data.test, saved.model.features)
    assert found.rows.tolist() == list(range(16))
    assert np.array_equal(found.label, data.test.labels["M"])
    with torch.inference_mode():
        for i in (0, 7, 15):
            alone = saved.model(rows.batch([i])).features
            assert alone.keys() == found.features.keys()
            for name, values in alone.items():
                assert np.allclose(found.features[name][i], values[0], atol=1e-5)


def test_a_limit_draws_the_same_utterances_every_time(trained, data):
    whole = representations(opened(trained, "train"))
    some, again = (representations(opened(trained, "train"), 10) for _ in range(2))
    assert np.array_equal(some.rows, again.rows)
    assert len(set(some.rows.tolist())) == 10
    for name, values in some.features.items():
        assert np.allclose(values, whole.features[name][some.rows], atol=1e-5)


def test_whole_says_which_utterances_have_every_modality(trained, data):
    found = representations(opened(trained, "train"))
    assert np.array_equal(found.whole, (data.train.planted["contribution"] > 0).all(axis=1))
    assert 0 < found.whole.sum() < len(found.whole)


def test_attention_is_the_mean_of_what_the_layers_saw(attending, data):
    found = mean_attention(opened(attending, "train"), 5)
    model = load_model(attending.seed_folder(1111) / "model").model
    rows = PreparedSplit(data.train, model.features)
    whole = representations(opened(attending, "train")).whole
    chosen = np.sort(np.random.default_rng(0).choice(np.flatnonzero(whole), 5, replace=False))
    with torch.inference_mode(), attention_maps(model) as maps:
        for i in chosen:
            model(rows.batch([i]))
    assert found.keys() == maps.keys()
    fixed = [name for name, one in found.items() if one.relative == (False, False)]
    assert fixed  # token to token
    for name in fixed:
        mean = torch.stack([seen[0].mean(dim=0) for seen in maps[name]]).mean(dim=0)
        assert np.allclose(found[name].weights, mean, atol=1e-6)
    for name, one in found.items():
        spreads = [Categorical(probs=seen[0]).entropy() / np.log(seen.shape[-1]) for seen in maps[name]]
        assert one.entropy == pytest.approx(float(torch.stack([spread.mean() for spread in spreads]).mean()), abs=1e-4)
        assert 0 < one.entropy < 1
        assert np.allclose(one.weights.sum(axis=1), 1, atol=1e-4)
        assert all(n == GRID for n, relative in zip(one.weights.shape, one.relative, strict=True) if relative)
    assert any(one.relative[1] for one in found.values())


def test_entropy_is_a_share_of_that_of_an_even_row():
    even, sharp, masked = [0.25] * 4, [0.97, 0.01, 0.01, 0.01], [0.5, 0.5, 0, 0]
    assert entropy(np.array([[even, even]])) == pytest.approx(1)
    assert entropy(np.array([[sharp]])) == pytest.approx(-(0.97 * np.log(0.97) + 0.03 * np.log(0.01)) / np.log(4))
    assert entropy(np.array([[masked]])) == pytest.approx(1), "of the steps that it may see"
    assert entropy(np.array([[[1.0, 0, 0, 0], even]])) == pytest.approx(1), "a row without a choice does not count"
    assert np.isnan(entropy(np.ones((2, 3, 1))))


def test_a_model_without_attention_names_those_that_have_it(trained, data):
    with pytest.raises(UserError, match="mdf has no attention layers") as error:
        mean_attention(opened(trained))
    assert "mdf" not in error.value.remedy
    assert {"tmt", "tmt_amw"} <= set(models_with_attention())
    assert all(name in error.value.remedy for name in models_with_attention())


@pytest.mark.parametrize("steps", [1, 5, GRID, 50])
def test_every_step_lies_in_places_as_a_whole(steps):
    shares = cell_weights(steps)
    assert shares.shape == (GRID, steps)
    assert np.allclose(shares.sum(axis=0), 1, atol=1e-5)
    assert np.allclose(shares.sum(axis=1), steps / GRID, atol=1e-5)
    if steps == GRID:
        assert np.allclose(shares, np.eye(GRID), atol=1e-5)


def test_maps_of_one_shape_are_averaged_cell_by_cell():
    total = _Sum()
    total.add(np.array([[1.0, 0.0]], np.float32))
    total.add(np.array([[0.5, 0.5]], np.float32))
    assert total.mean().weights.tolist() == [[0.75, 0.25]]
    assert total.mean().relative == (False, False)


def test_a_second_length_makes_an_axis_relative():
    """Attention to the first half of any source is attention to the first half of the cell_weights."""
    total = _Sum()
    for steps in (4, 4, 10):
        half = np.zeros((2, steps), np.float32)
        half[:, : steps // 2] = 2 / steps
        total.add(half)
    found = total.mean()
    assert found.relative == (False, True)
    assert found.weights.shape == (2, GRID)
    assert np.allclose(found.weights[:, : GRID // 2], 2 / GRID, atol=1e-5)
    assert np.allclose(found.weights[:, GRID // 2 :], 0, atol=1e-5)


def test_answers_are_read_where_they_are_kept_and_made_where_not(trained, data, tmp_path):
    run = Run(shutil.copytree(trained.folder, tmp_path / "copy"))
    for path in run.folder.glob("*/predictions-*.parquet"):
        path.unlink()
    made = load_predictions(run, "valid", device="cpu")
    assert tuple(made) == run.finished == (1111, 1112)
    shutil.rmtree(run.seed_folder(1111) / "model")  # nothing can be made now
    read = load_predictions(run, "valid", device="cpu")
    assert all(np.array_equal(made[seed].prediction, read[seed].prediction) for seed in made)
    expected = [protocol("intensity").compute(one.prediction, one.label)["mae"] for one in made.values()]
    assert load_scores(run, "valid")["mae"].tolist() == expected


def test_only_finished_seeds_can_be_chosen(trained):
    assert trained.choose_seed() == 1111
    assert trained.choose_seed(1112) == 1112
    with pytest.raises(UserError, match="seed 5 of trained is not finished; choose one of: 1111, 1112"):
        trained.choose_seed(5)
