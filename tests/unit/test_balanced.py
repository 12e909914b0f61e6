"""Rare labels are drawn as often as common ones, smoothly, and the same way after an interruption."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from makers_models import small
from sentiprism.data.sampler import BINS, LengthGroupedSampler, balanced_shares
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.training.progress import TrainingProgress
from sentiprism.training.train import resolve, resume, train
from sentiprism.types import TargetSpec

INTENSITY = TargetSpec()
CLASSES = TargetSpec(kind="classes", classes=("negative", "neutral", "positive"))
LABELS = np.array([-3.0] + [0.0] * 6 + [2.0] * 3)


def test_inverse_density_gives_each_label_an_equal_share():
    shares = balanced_shares(LABELS, INTENSITY)
    assert shares.sum() == pytest.approx(1)
    for label in (-3, 0, 2):
        assert shares[label == LABELS].sum() == pytest.approx(1 / 3)


def test_the_square_root_lies_between():
    shares = balanced_shares(LABELS, INTENSITY, power=0.5)
    weights = np.sqrt([1, 6, 3])  # count · count^-½
    assert [shares[label == LABELS].sum() for label in (-3, 0, 2)] == pytest.approx(weights / weights.sum())


def test_smoothed_density_is_the_histogram_under_a_gaussian():
    labels, sigma = np.array([0.0, 0.0, 0.1]), 0.1
    near = np.exp(-0.5 * (1 / (BINS - 1) / sigma) ** 2)  # of the bin beside
    density = np.array([2 + near, 2 + near, 1 + 2 * near])
    expected = (1 / density) / (1 / density).sum()
    assert balanced_shares(labels, INTENSITY, smoothing=sigma) == pytest.approx(expected)


def test_a_label_between_common_ones_is_no_rarity_once_smoothed():
    labels = np.array([0.0] * 20 + [0.2] + [0.4] * 20 + [3.0])
    rough, smooth = (balanced_shares(labels, INTENSITY, smoothing=s) for s in (0, 0.1))
    assert rough[20] == pytest.approx(rough[-1])
    assert smooth[20] < 0.1 * smooth[-1]


def test_classes_are_balanced_and_have_no_neighbours():
    labels = np.array([0] * 8 + [1] * 4 + [2])
    shares = balanced_shares(labels, CLASSES, smoothing=0.3)
    assert [shares[labels == c].sum() for c in range(3)] == pytest.approx([1 / 3] * 3)


def test_labels_off_the_range_count_at_its_end():
    assert balanced_shares(np.array([-5.0, -3.0, 3.0]), INTENSITY) == pytest.approx([0.25, 0.25, 0.5])


def balanced(labels=None, **settings):
    labels = np.repeat([-3.0, 0.0], [50, 450]) if labels is None else labels
    return LengthGroupedSampler(np.arange(500) % 23, 10, 7, shares=balanced_shares(labels, INTENSITY), **settings)


def test_an_epoch_draws_as_many_and_the_rare_as_often():
    drawn = np.concatenate(list(balanced().epoch(0)))
    assert len(drawn) == 500
    assert abs((drawn < 50).mean() - 0.5) < 0.1
    assert len(set(drawn.tolist())) < 400  # with replacement


def test_a_balanced_epoch_is_a_function_of_seed_number_and_start():
    whole = [batch.tolist() for batch in balanced().epoch(3)]
    sampler = balanced()
    list(sampler.epoch(4))
    assert [batch.tolist() for batch in sampler.epoch(3, start=17)] == whole[17:]
    assert whole != [batch.tolist() for batch in balanced().epoch(4)]


def test_ranks_share_a_balanced_batch():
    whole = [sorted(batch.tolist()) for batch in balanced().epoch(1)]
    ranks = zip(*(balanced(rank=rank, world=2).epoch(1) for rank in (0, 1)), strict=True)
    assert [sorted(np.concatenate(parts).tolist()) for parts in ranks] == whole


class KilledError(BaseException):
    """Stands for a kill: nothing in the program catches it."""


def test_a_balanced_training_differs_and_resumes_bit_identically(home, tmp_path, monkeypatch):
    data = synthetic_dataset("small", sizes=(40, 12, 12))

    def fit(folder: str, sampler: str):
        optim = {"epochs": 2, "batch_size": 8, "save_every": 2, "sampler": sampler}
        settings = {"config": small("mdf"), "optim": optim}
        return train("mdf", data, settings=settings, out=tmp_path / folder, device="cpu", quiet=True)

    def weights(run):
        return load_file(run.seed_folder(1111) / "model" / "weights.safetensors")

    whole, plain = weights(fit("whole", "balanced")), weights(fit("plain", "length"))
    assert any(not torch.equal(whole[key], plain[key]) for key in whole)
    steps = []

    def die(self) -> None:
        steps.append(None)
        if len(steps) == 8:  # five steps an epoch
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(TrainingProgress, "step", die)
        with pytest.raises(KilledError):
            fit("killed", "balanced")
    again = weights(resume(tmp_path / "killed", device="cpu", quiet=True))
    assert all(torch.equal(whole[key], again[key]) for key in whole)


def test_settings_say_what_they_mean():
    config = resolve({"model": "mdf", "dataset": "mosi"}, ["optim.sampler=balanced", "optim.balance=0.5"])
    assert (config.optim.sampler, config.optim.balance) == ("balanced", 0.5)
    with pytest.raises(UserError, match=r"optim\.sampler"):
        resolve({"model": "mdf", "dataset": "mosi"}, ["optim.sampler=random"])
