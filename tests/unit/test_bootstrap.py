"""Intervals that cover what they promise, and paired differences."""

import numpy as np
import pytest

from makers_metrics import interval
from sentiprism.errors import UserError
from sentiprism.evaluation import bootstrap, resampling
from sentiprism.evaluation.bootstrap import mixed, resample
from sentiprism.evaluation.differences import holm, paired
from sentiprism.metrics import PROTOCOLS, protocol

pytestmark = pytest.mark.filterwarnings("error")

INTENSITY = protocol("intensity")


@pytest.fixture
def runs() -> tuple[np.ndarray, np.ndarray]:
    """Predictions of three seeds on 80 samples."""
    rng = np.random.default_rng(7)
    label = np.round(rng.uniform(-3, 3, 80) * 3) / 3
    return label + rng.normal(0, 0.8, (3, 80)), label


def test_mean_and_deviation_are_over_seeds(runs):
    prediction, label = runs
    alone = [INTENSITY.compute(one, label) for one in prediction]
    for name, found in interval(prediction, label, INTENSITY).items():
        values = [one[name] for one in alone]
        assert found.mean == pytest.approx(np.mean(values))
        assert found.std == pytest.approx(np.std(values, ddof=1))
        assert found.low < found.mean < found.high


def test_interval_is_the_percentiles_of_the_seed_mean(runs):
    prediction, label = runs
    found = interval(prediction, label, INTENSITY, resamples=50, level=0.8, seed=4)
    index = np.random.default_rng(4).integers(80, size=(50, 80))
    drawn = [
        [INTENSITY.compute(one[row], label[row]) for one in prediction] for row in index
    ]  # the loop the weights stand for
    for name in INTENSITY.names:
        means = [np.mean([one[name] for one in resample]) for resample in drawn]
        assert (found[name].low, found[name].high) == pytest.approx(tuple(np.quantile(means, [0.1, 0.9])))


def test_one_seed_has_an_interval_and_no_deviation(runs):
    prediction, label = runs
    one, same = interval(prediction[0], label, INTENSITY), interval(prediction[:1], label, INTENSITY)
    assert np.isnan(one["mae"].std)
    assert (one["mae"].low, one["mae"].high) == (same["mae"].low, same["mae"].high)
    assert one["mae"].low < one["mae"].mean < one["mae"].high


def test_same_seed_same_interval(runs):
    prediction, label = runs
    assert interval(prediction, label, INTENSITY) == interval(prediction, label, INTENSITY)
    other = interval(prediction, label, INTENSITY, seed=1)
    assert other["mae"].low != interval(prediction, label, INTENSITY)["mae"].low
    assert other["mae"].mean == interval(prediction, label, INTENSITY)["mae"].mean


def test_wider_level_wider_interval(runs):
    prediction, label = runs
    narrow, wide = (interval(prediction, label, INTENSITY, level=level)["mae"] for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_blocks_hold_every_resample(runs, monkeypatch):
    prediction, label = runs
    monkeypatch.setattr(resampling, "BLOCK", 7 * 80)
    weights = list(resampling.draws(80, 30, seed=0))
    assert [len(block) for block in weights] == [7, 7, 7, 7, 2]
    assert all((block.sum(axis=1) == 80).all() for block in weights)
    assert len(np.unique(np.concatenate(weights), axis=0)) == 30
    drawn = bootstrap._seed_means(
        prediction.astype(np.float32), label.astype(np.float32), INTENSITY, resamples=30, seed=0
    )
    assert {len(values) for values in drawn.values()} == {30}


def test_interval_covers_the_truth_about_95_times_in_100():
    # |error| of N(0, 1) noise has mean sqrt(2 / pi), known without any sample; correlation is 0
    rng = np.random.default_rng(11)
    truth, trials, covered, correlated = np.sqrt(2 / np.pi), 400, 0, 0
    for trial in range(trials):
        label = rng.normal(size=150)
        prediction = label + rng.normal(size=150)
        found = interval(prediction, label, protocol("range"), resamples=300, seed=trial)
        covered += found["mae"].low <= truth <= found["mae"].high
        correlated += found["pearson"].low <= np.sqrt(0.5) <= found["pearson"].high
    # binomial standard error is 1.1 %, and the percentile interval is a little narrow at N = 150
    assert 0.91 <= covered / trials <= 0.98
    assert 0.91 <= correlated / trials <= 0.98


@pytest.mark.parametrize("name", ["binary", "classes", "polarity"])
def test_classes_have_intervals_too(name):
    entry, rng = PROTOCOLS[name], np.random.default_rng(2)
    label = rng.integers(entry.width or 4, size=60)
    logits = np.eye(entry.width or 4)[label] + rng.normal(size=(2, 60, entry.width or 4))
    for metric, found in interval(logits, label, entry, resamples=200).items():
        assert 0 <= found.low < found.mean < found.high <= 1, metric
    difference = paired(logits, logits[0], label, entry, resamples=20)
    assert list(difference) == list(entry.names)


def test_undefined_metrics_are_nan_and_the_rest_is_not():
    found = interval([[0.5, 0.5, 0.5], [0.1, 0.2, 0.3]], [0.0, 0.0, 0.0], INTENSITY, resamples=50)
    assert np.isnan(found["acc2_non0"]).all()
    assert np.isnan(found["pearson"]).all()
    assert np.isfinite(found["mae"]).all()


def test_seed_that_collapsed_is_not_hidden(runs):
    prediction, label = runs
    prediction[1] = 0.25
    found = interval(prediction, label, INTENSITY, resamples=50)
    assert np.isnan(found["pearson"]).all()
    assert np.isfinite(found["mae"]).all()
    assert np.isnan(paired(prediction, prediction[0], label, INTENSITY, resamples=50)["pearson"]).all()


def test_resamples_without_the_metric_are_left_out():
    # one label in four is not 0: about (3/4)^4 = 32 % of resamples have none
    found = interval([1.0, -1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0], INTENSITY)["acc2_non0"]
    assert (found.mean, found.low, found.high) == (1.0, 1.0, 1.0)


def test_paired_difference_is_antisymmetric(runs):
    prediction, label = runs
    better = label + 0.8 * (prediction[:2] - label)
    forth, back = paired(prediction, better, label, INTENSITY), paired(better, prediction, label, INTENSITY)
    for name in INTENSITY.names:
        assert forth[name].mean == pytest.approx(-back[name].mean)
        assert (forth[name].low, forth[name].high) == pytest.approx((-back[name].high, -back[name].low))
        assert forth[name].p == back[name].p
    alone = (interval(one, label, INTENSITY)["mae"].mean for one in (prediction, better))
    assert forth["mae"].mean == pytest.approx(next(alone) - next(alone))


def test_model_against_itself_does_not_differ(runs):
    prediction, label = runs
    for found in paired(prediction, prediction, label, INTENSITY).values():
        assert found == (0.0, 0.0, 0.0, 1.0, 1.0)


def test_pairing_sees_what_intervals_alone_do_not(runs):
    prediction, label = runs
    worse = label + 1.1 * (prediction - label)  # every error a tenth larger: certain, and small beside the spread
    a, b = interval(prediction, label, INTENSITY)["mae"], interval(worse, label, INTENSITY)["mae"]
    assert a.high > b.low
    found = paired(worse, prediction, label, INTENSITY)["mae"]
    assert found.low > 0
    assert found.p == pytest.approx(2 / 5001)


def test_p_value_is_uniform_where_there_is_no_difference():
    rng = np.random.default_rng(5)
    p = []
    for trial in range(300):
        label = rng.normal(size=100)
        a, b = label + rng.normal(size=(2, 100))
        p.append(paired(a, b, label, protocol("range"), resamples=200, seed=trial)["mae"].p)
    assert 0.02 <= np.mean(np.less_equal(p, 0.05)) <= 0.10
    assert 0.4 <= np.median(p) <= 0.6


def test_a_run_with_other_samples_is_refused(runs):
    prediction, label = runs
    with pytest.raises(UserError, match="do not match"):
        paired(prediction, prediction[:, :-1], label, INTENSITY)


@pytest.mark.parametrize(("option", "cause"), [({"resamples": 0}, "resamples"), ({"level": 1.0}, "level")])
def test_options_without_sense_are_refused(runs, option, cause):
    with pytest.raises(UserError, match=cause):
        interval(*runs, INTENSITY, **option)
    with pytest.raises(UserError, match="not finite"):
        interval([np.nan, 1.0], [0.0, 1.0], INTENSITY)


def test_holm_by_hand():
    """Sorted 0.01, 0.02, 0.03, 0.2 of four tests: 4 x 0.01, 3 x 0.02, then 2 x 0.03 = 0.06 ties with it, 0.2."""
    found = holm({"a": 0.02, "b": 0.2, "c": 0.01, "d": 0.03, "e": float("nan")})
    assert [found[name] for name in "cadb"] == pytest.approx([0.04, 0.06, 0.06, 0.2])
    assert np.isnan(found["e"])
    assert holm({"a": 0.4, "b": 0.9}) == {"a": 0.8, "b": 0.9}
    assert holm({"a": 0.03, "b": 0.011}) == pytest.approx({"a": 0.03, "b": 0.022})  # a step down is never below
    assert holm({"a": 0.7, "b": 0.6}) == {"a": 1.0, "b": 1.0}


def test_differences_are_corrected_over_the_metrics(runs):
    prediction, label = runs
    found = paired(label + 1.1 * (prediction - label), prediction, label, INTENSITY)
    assert {name: one.holm for name, one in found.items()} == holm({name: one.p for name, one in found.items()})
    assert found["mae"].holm > found["mae"].p


def test_a_mix_of_metrics_is_judged_on_the_same_resamples(runs):
    prediction, label = runs
    worse = label + 2 * (prediction - label)
    a, b = (resample(one, label, INTENSITY, resamples=100) for one in (prediction, worse))
    found = mixed([a, b], [0.25, 0.75]).intervals()["mae"]
    alone = [interval(one, label, INTENSITY, resamples=100)["mae"] for one in (prediction, worse)]
    assert found.mean == pytest.approx(1.75 * alone[0].mean, rel=1e-5)  # 0.25 + 0.75 x 2
    assert (found.low, found.high) == pytest.approx((1.75 * alone[0].low, 1.75 * alone[0].high), rel=1e-5)
