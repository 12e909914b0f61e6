"""What is planted can be found again, and the weights of unimodal errors follow it."""

import logging
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import spearmanr

from makers_store import store_at
from sentiprism.data.dataset import DatasetInfo, Utterance
from sentiprism.data.store import load_dataset, load_tuning, write_dataset
from sentiprism.data.synthetic import SHARED, UNIQUE, synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.types import MODALITIES, TargetSpec

SMALL = {"sizes": (40, 12, 16)}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    with store_at(tmp_path_factory.mktemp("home")):
        yield synthetic_dataset()


def time_means(split, modalities):
    """(N, D): mean over the real steps, 0 where missing, and whether the modality is there."""
    columns = [np.ones((len(split), 1))]
    for name in modalities:
        rows = split.sequences[name]
        columns += [
            np.stack([rows[i].mean(0) if len(rows[i]) else np.zeros(rows.width) for i in range(len(split))]),
            (rows.lengths > 0).astype(float)[:, None],
        ]
    return np.concatenate(columns, axis=1)


def ridge(dataset, modalities):
    """Test predictions of a ridge regression (penalty 1) on time means."""
    X, y = time_means(dataset.train, modalities), dataset.train.labels["M"]
    weights = np.linalg.solve(X.T @ X + np.eye(X.shape[1]), X.T @ y)
    return time_means(dataset.test, modalities) @ weights


def r2(dataset, prediction):
    y = dataset.test.labels["M"]
    return 1 - ((prediction - y) ** 2).mean() / y.var()


def test_together_the_modalities_explain_the_label_and_alone_less(dataset):
    together = r2(dataset, ridge(dataset, MODALITIES))
    alone = [r2(dataset, ridge(dataset, [name])) for name in MODALITIES]
    assert together > 0.9
    assert all(0.2 < score < 0.6 for score in alone)


def test_a_unimodal_error_falls_with_the_planted_contribution(dataset):
    y, share = dataset.test.labels["M"], dataset.test.planted["contribution"]
    for m, name in enumerate(MODALITIES):
        there = dataset.test.sequences[name].lengths > 0
        error = np.abs(ridge(dataset, [name]) - y)
        assert spearmanr(error[there], share[there, m]).statistic < -0.4


def test_the_label_is_the_planted_sum(dataset):
    for split in (dataset.train, dataset.valid, dataset.test):
        planted = split.planted
        assert planted["signal"] == pytest.approx(UNIQUE * planted["contribution"] * planted["unique"], abs=1e-6)
        hidden = SHARED * planted["shared"][:, 0] + planted["signal"].sum(1)
        assert np.corrcoef(3 * np.tanh(hidden), split.labels["M"])[0, 1] > 0.99


def test_labels_spread_over_the_range(dataset):
    bins = np.bincount(np.round(dataset.train.labels["M"]).astype(int) + 3, minlength=7)
    assert bins.min() > 0.03 * len(dataset.train)


def test_shares_are_a_simplex_and_one_modality_often_dominates(dataset):
    share = dataset.train.planted["contribution"]
    assert share.sum(1) == pytest.approx(np.ones(len(share)), abs=1e-6)
    assert share.min() >= 0
    assert (share.max(1) > 0.6).mean() > 0.5


def test_a_missing_modality_has_no_frames_and_no_part_in_the_label(dataset):
    gone = np.stack([dataset.train.sequences[name].lengths == 0 for name in MODALITIES], axis=1)
    assert 0.05 < gone.mean() < 0.15
    assert not gone.all(1).any()
    for key in ("contribution", "unique", "signal"):
        assert (dataset.train.planted[key][gone] == 0).all()
        assert (dataset.train.planted[key][~gone] != 0).all()
    some = np.flatnonzero(gone[:, 1])[:3]
    assert not dataset.train.sequences["audio"].take(some).mask.any()
    for m, name in enumerate(MODALITIES):
        assert dataset.card.splits["train"].missing[name] == gone[:, m].sum()


def test_sequences_are_ragged_and_carry_the_shared_factor_in_every_modality(dataset):
    for name, width in zip(MODALITIES, (24, 16, 20), strict=True):
        rows = dataset.train.sequences[name]
        there = rows.lengths > 0
        assert len(set(rows.lengths[there])) > 10
        assert rows.width == width
        X, s = time_means(dataset.train, [name])[there], dataset.train.planted["shared"][there, 0]
        fit = X @ np.linalg.lstsq(X, s, rcond=None)[0]
        assert np.corrcoef(fit, s)[0, 1] > 0.9


def test_the_recipe_decides_the_content(home):
    first = synthetic_dataset("a", **SMALL).card.content
    assert synthetic_dataset("b", **SMALL).card.content == first
    assert synthetic_dataset("b", **SMALL, seed=1).card.content != first
    assert synthetic_dataset("b", **SMALL).card.content == first
    assert [load_dataset(name).card.content for name in "ab"] == [first, first]


def test_a_stored_dataset_is_opened_and_not_made_again(home):
    synthetic_dataset(**SMALL)
    card = home / "datasets" / "synthetic" / "card.json"
    before = card.stat()
    synthetic_dataset(**SMALL)
    assert card.stat().st_ino == before.st_ino
    synthetic_dataset(**SMALL, noise=0.6)
    assert card.stat().st_ino != before.st_ino


def test_missing_moves_no_other_draw(home):
    whole, holes = (synthetic_dataset(str(rate), **SMALL, missing=rate).train for rate in (0.0, 0.4))
    both = holes.sequences["vision"].lengths > 0
    assert (whole.sequences["vision"].lengths[both] == holes.sequences["vision"].lengths[both]).all()
    assert (whole.planted["shared"] == holes.planted["shared"]).all()


def test_another_dataset_is_never_replaced(home):
    utterances = [
        (split, Utterance(split, split, None, {"M": 0.0}, {"audio": np.ones((2, 3), np.float32)}))
        for split in ("train", "valid", "test")
    ]
    write_dataset("mine", utterances, DatasetInfo(title="t", source="mine", target=TargetSpec(), protocol="intensity"))
    with pytest.raises(UserError, match="mine"):
        synthetic_dataset("mine", **SMALL)
    assert load_dataset("mine").card.source == "mine"


@pytest.mark.parametrize(
    "wrong",
    [{"missing": 1.0}, {"sizes": (0, 1, 1)}, {"widths": (4, 8, 8)}, {"noise": -1}, {"concentration": 0}],
)
def test_a_parameter_out_of_range_is_named(home, wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        synthetic_dataset(**wrong)
    assert not (home / "datasets").exists()


def test_it_is_made_where_it_is_first_asked_for_and_said_so_once(home, dataset, caplog):
    with caplog.at_level(logging.WARNING):
        assert load_tuning("synthetic").card.content == dataset.card.content
    assert "note: making the synthetic dataset in" in caplog.text
    caplog.clear()
    assert load_dataset("synthetic").card == dataset.card
    assert synthetic_dataset().card == dataset.card
    assert not caplog.text


def test_processes_that_ask_for_it_at_once_find_the_same(home, dataset):
    code = "from sentiprism.data.store import load_dataset; print(load_dataset('synthetic').card.content)"
    asking = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [one.communicate() for one in asking]
    assert [out.strip() for out, _ in told] == [dataset.card.content] * 2, told
    assert sum("making the synthetic dataset in" in err for _, err in told) == 1
