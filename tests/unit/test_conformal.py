"""Intervals hold as often as they promise, and say so by the published rank."""

import numpy as np
import pytest

from sentiprism.errors import UserError
from sentiprism.metrics.conformal import Calibration, probabilities, rank
from sentiprism.types import TargetSpec

RANGE = TargetSpec(low=-3, high=3)
THREE = TargetSpec(kind="classes", classes=("a", "b", "c"))


def test_the_rank_is_the_finite_sample_one_by_hand():
    """⌈(9 + 1) 0.9⌉ = 9: the largest of nine; ⌈(10 + 1) 0.9⌉ = 10; of eight no ninth."""
    assert rank(np.arange(9), 0.9) == 8
    assert rank(np.arange(10), 0.9) == 9
    assert rank(np.arange(99), 0.9) == 89  # ⌈100 x 0.9⌉ = 90
    assert rank(np.arange(8), 0.9) is None
    assert rank([3, 1, 2], 0.5) == 2


def test_an_interval_by_hand():
    label = np.array([0.0, 1.0, 2.0, -1.0])
    made = Calibration.fit(label + np.array([0.1, -0.2, 0.3, 0.4]), label, RANGE, level=0.6)  # ⌈5 x 0.6⌉ = 3: 0.3
    assert (made.quantile, made.samples) == (pytest.approx(0.3), 4)
    said = made.bounds(np.array([0.0, 2.9]))
    assert said["low"].tolist() == pytest.approx([-0.3, 2.6])
    assert said["high"].tolist() == pytest.approx([0.3, 3.0])  # no interval leaves the range
    assert made.covers([0.0, 0.0], [0.3, -0.31]).tolist() == [True, False]
    assert made.size([0.0, 2.9]).tolist() == pytest.approx([0.6, 0.4])


def test_too_few_utterances_leave_nothing_out():
    made = Calibration.fit([0.0, 1.0], [0.5, 1.0], RANGE, level=0.9)
    assert made.quantile is None
    assert made.bounds([1.0])["low"].tolist() == [-3]
    assert made.bounds([1.0])["high"].tolist() == [3]


def test_an_utterance_is_held_against_those_with_the_same_modalities():
    label = np.zeros(99)
    errors = {"audio": np.linspace(0.01, 0.99, 99), "text": np.linspace(0.02, 1.98, 99), "vision": np.ones(49)}
    made = Calibration.fit(
        label, label, RANGE, by_modalities={name: (error, label[: len(error)]) for name, error in errors.items()}
    )
    present = np.array(["text", "vision", "audio", "text+audio"])
    assert made.bounds(np.zeros(4), present)["high"].tolist() == pytest.approx([1.8, 0, 0.9, 0])  # rank 90 of 99
    assert made.bounds(np.zeros(4))["high"].tolist() == [0] * 4
    assert made.covers(np.zeros(4), [1.5, 0.5, 0.5, 0.5], present).tolist() == [True, False, True, False]
    assert made.size(np.zeros(4), present).tolist() == pytest.approx([3.6, 0, 1.8, 0])


def test_sets_of_classes_have_their_modalities_too():
    logits, label = np.log(np.array([[0.7, 0.2, 0.1]] * 60)), np.zeros(60, int)
    made = Calibration.fit(logits, label, THREE, by_modalities={"audio": (logits, label + 1)})
    said = made.bounds(logits[:2], np.array(["text", "audio"]))["set"]
    assert said.tolist() == [[True, False, False], [True, True, False]]


def test_it_reads_back_what_it_writes():
    only = {"text": (np.zeros(60), np.linspace(-1, 1, 60))}
    made = Calibration.fit([0.0, 1.0, 2.0], [0.5, 1.0, 1.5], RANGE, level=0.5, scaled=True, by_modalities=only)
    assert made.by_modalities
    assert Calibration.parse(made.model_dump(mode="json")) == made


def draw(rng, n, *, uneven=False):
    label = rng.uniform(-3, 3, n)
    return label + rng.normal(0, 0.4 + 0.4 * uneven * np.abs(label), n), label


@pytest.mark.parametrize(("scaled", "uneven"), [(False, False), (False, True), (True, True)])
def test_ninety_percent_cover_between_86_and_94_of_100(scaled, uneven):
    """Expected coverage is ⌈(n + 1) 0.9⌉ / (n + 1) where the range cuts nothing off, and never below 0.9."""
    rng, found = np.random.default_rng(0), []
    wide = TargetSpec(low=-30, high=30)
    for _ in range(300):
        made = Calibration.fit(*draw(rng, 499, uneven=uneven), wide, scaled=scaled)
        found.append(made.covers(*draw(rng, 600, uneven=uneven)).mean())
    assert np.mean(found) == pytest.approx(0.9, abs=0.005)
    assert np.mean([0.86 <= share <= 0.94 for share in found]) > (0.9 if scaled else 0.95)


def test_a_scaled_interval_is_wide_where_errors_are_large():
    rng = np.random.default_rng(1)
    made = Calibration.fit(*draw(rng, 4000, uneven=True), RANGE, scaled=True)
    low, high = made.expected(np.array([0.0, 2.5]))
    assert high > 1.5 * low
    plain = Calibration.fit(*draw(rng, 4000, uneven=True), RANGE)
    prediction, label = draw(rng, 4000, uneven=True)
    far = np.abs(label) > 2.0
    assert made.covers(prediction, label)[far].mean() > plain.covers(prediction, label)[far].mean() + 0.01


def test_a_set_by_hand():
    """Scores 1 - p of the true class: 0.5, 0.2 and 0.3; ⌈4 x 0.5⌉ = 2: 0.3 lets in classes of p >= 0.7."""
    p = np.array([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.1, 0.2, 0.7]])
    made = Calibration.fit(np.log(p), np.arange(3), THREE, level=0.5)
    assert made.kind == "set"
    assert made.quantile == pytest.approx(0.3)
    said = made.bounds(np.log([[0.75, 0.2, 0.05], [0.4, 0.35, 0.25]]))["set"]
    assert said.tolist() == [[True, False, False], [True, False, False]]  # the likeliest is always in
    wide = made.model_copy(update={"quantile": 0.64})
    assert wide.bounds(np.log([[0.4, 0.38, 0.22]]))["set"].tolist() == [[True, True, False]]
    assert wide.size(np.log([[0.4, 0.38, 0.22]])).tolist() == [2]
    assert wide.covers(np.log([[0.4, 0.38, 0.22]] * 2), np.array([1, 2])).tolist() == [True, False]


def test_sets_hold_as_often_as_they_promise():
    rng, found = np.random.default_rng(2), []
    for _ in range(200):
        logits = rng.normal(0, 1.5, (900, 3))
        label = (probabilities(logits).cumsum(axis=1) < rng.random((900, 1))).sum(axis=1)
        made = Calibration.fit(logits[:400], label[:400], THREE)
        found.append(made.covers(logits[400:], label[400:]).mean())
    assert np.mean(found) == pytest.approx(0.9, abs=0.01)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(UserError, match=r"level is 1\.5"):
        Calibration.fit([0.0], [0.0], RANGE, level=1.5)
    with pytest.raises(UserError, match="no width to scale"):
        Calibration.fit(np.zeros((3, 3)), np.arange(3), THREE, scaled=True)
