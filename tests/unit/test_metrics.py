"""The metrics against hand-computed values, against scikit-learn, and at every edge the field trips over."""

import warnings
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, r2_score

from sentiprism.errors import UserError
from sentiprism.metrics import PROTOCOLS, classes, intensity, protocol, protocol_for, sims
from sentiprism.metrics.protocols import Protocol
from sentiprism.types import TargetSpec

pytestmark = pytest.mark.filterwarnings("error")

INTENSITIES = [name for name, entry in PROTOCOLS.items() if entry.kind == "intensity"]
METRICS = [(entry.name, metric) for entry in PROTOCOLS.values() for metric in entry.names]


def sample(entry: Protocol, rng: np.random.Generator, n: int, runs: int | None = None):
    """Predictions and labels of a protocol, with zeros, edges and values off the range among them."""
    lead = () if runs is None else (runs,)
    if entry.kind == "classes":
        width = entry.width or 4
        return rng.normal(size=(*lead, n, width)).astype(np.float32), rng.integers(width, size=n)
    label = rng.choice(np.float32([-3, -2.5, -1, -0.4, -0.1, 0, 0.1, 0.4, 0.7, 1, 2.6, 3]), n)
    noise = rng.choice(np.float32([-1, -0.5, 0, 0, 0.3, 1.5]), (*lead, n))
    return label + noise, label


# By hand ---------------------------------------------------------------------------------------------------

PREDICTION = [2.6, -0.5, 0.0, 0.4, -3.9, 1.5]
LABEL = [3.0, 0.0, -1.0, 0.0, -2.6, 2.5]
#      Acc-7  3=3   0=0   0/-1  0=0   -3=-3  2=2    -> 5/6
#      Acc-5  2=2   0=0   0/-1  0=0   -2=-2  2=2    -> 5/6
#      has0   ++    -/+   +/-   ++    --     ++     -> 4/6
#      non0   ++          --          --     ++     -> 4/4


def test_intensity_metrics_by_hand():
    found = protocol("intensity").compute(PREDICTION, LABEL)
    assert found["mae"] == pytest.approx((0.4 + 0.5 + 1.0 + 0.4 + 1.3 + 1.0) / 6, abs=1e-7)
    assert found["acc_7"] == found["acc_5"] == pytest.approx(5 / 6)
    assert found["acc2_has0"] == pytest.approx(4 / 6)
    # negative: 1 right of 2 predicted and 2 true; non-negative: 3 right of 4 and 4
    assert found["f1_has0"] == pytest.approx((2 * 0.5 + 4 * 0.75) / 6)
    assert found["acc2_non0"] == found["f1_non0"] == 1.0
    assert list(found) == ["mae", "pearson", "acc_7", "acc_5", "acc2_has0", "f1_has0", "acc2_non0", "f1_non0"]


def test_pearson_by_hand():
    # deviations (-1, 0, 1) and (-1, 1, 0): covariance 1, variances 2 and 2
    assert intensity.pearson([0, 1, 2], [0, 2, 1]) == pytest.approx(0.5)
    assert intensity.pearson([0, 1, 2], [1, 0, -1]) == pytest.approx(-1)


def test_values_are_not_rounded():
    assert intensity.acc2_has0([1, 1, 1], [1, 1, -1]) == 2 / 3


def test_weighted_f1_weighs_by_truth_and_legacy_by_prediction():
    prediction, label = [1, 1, 1, 1], [1, -1, -1, -1]
    # positive: 2*1/(1+4) = 0.4, of 1 label in 4 and 4 predictions in 4; negative: 0
    assert intensity.f1_non0(prediction, label) == pytest.approx(0.1)
    assert intensity.f1_legacy(prediction, label) == pytest.approx(0.4)
    assert all("legacy" not in name for _, name in METRICS)


def test_sims_metrics_by_hand():
    prediction, label = [1.7, 0.0, -0.1, 0.1, 0.05, -0.8], [1.0, 0.2, -0.2, 0.0, -0.6, -1.0]
    found = protocol("simsv2").compute(prediction, label)
    #  Acc-2   ++   -/+   --   +/-   +/-   --    -> 3/6
    #  Acc-3   22   1/2   00   11    1/0   00    -> 4/6
    #  Acc-5   44   2/3   1/1  22    2/1   00    -> 4/6
    #  weak         -/+   --   +/-               -> 1/3
    assert found["acc_2"] == pytest.approx(3 / 6)
    assert found["acc_3"] == found["acc_5"] == pytest.approx(4 / 6)
    assert found["acc2_weak"] == pytest.approx(1 / 3)
    # positive: 1 right of 3 predicted, 2 true; negative: 2 right of 3 predicted, 4 true
    assert found["f1"] == pytest.approx((2 * (2 / 5) + 4 * (4 / 7)) / 6)
    assert found["mae"] == pytest.approx((0 + 0.2 + 0.1 + 0.1 + 0.65 + 0.2) / 6, abs=1e-7)
    clipped = [1.0, 0.0, -0.1, 0.1, 0.05, -0.8]
    assert found["pearson"] == pytest.approx(np.corrcoef(clipped, label)[0, 1])
    assert found["r2"] == pytest.approx(r2_score(label, clipped))
    assert set(protocol("simsv2").names) - set(protocol("sims").names) == {"acc2_weak", "r2"}


def test_class_metrics_by_hand():
    logits = [[2, 1], [0, 3], [1, 1], [0, 1]]  # equal logits are class 0
    found = protocol("binary").compute(logits, [0, 1, 1, 0])
    assert found == {"acc_2": 0.5, "f1": 0.5}


def test_two_class_reading_of_three_classes():
    label = [0, 0, 1, 2, 2, 2]
    perfect = protocol("polarity").compute(np.eye(3)[label], label)
    # Has0 reads neutral as negative, and its logits tie at 0, which is not positive; MMSA's Non0 answers 0.4
    assert perfect == dict.fromkeys(perfect, 1.0)
    assert len(perfect) == 6
    # the neutral logit has no say: 2 beats 0 although 1 is the largest
    assert classes.acc2_non0([[0, 9, 1], [0, 9, 1]], [2, 0]) == 0.5
    assert classes.accuracy([[0, 9, 1], [0, 9, 1]], [2, 1]) == 0.5
    assert np.isnan(classes.acc2_non0([[0, 9, 1]], [1]))
    assert np.isnan(classes.f1_non0([[0, 9, 1]], [1]))


# Against scikit-learn --------------------------------------------------------------------------------------

VALUES = st.sampled_from([-3.5, -2.5, -1.5, -1, -0.7, -0.5, -0.1, -0.0, 0.0, 0.1, 1 / 3, 0.5, 0.7, 1, 1.5, 2.6])
PAIRS = st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=30)


@given(PAIRS)
@settings(deadline=None)
def test_signs_agree_with_scikit_learn(pairs):
    p, y = np.float32(pairs).T
    assert intensity.acc2_has0(p, y) == pytest.approx(accuracy_score(y >= 0, p >= 0))
    assert intensity.f1_has0(p, y) == pytest.approx(f1_score(y >= 0, p >= 0, average="weighted"))
    q, t = p[y != 0] > 0, y[y != 0] > 0
    if len(t):
        assert intensity.acc2_non0(p, y) == pytest.approx(accuracy_score(t, q))
        assert intensity.f1_non0(p, y) == pytest.approx(f1_score(t, q, average="weighted"))
        assert intensity.f1_legacy(p, y) == pytest.approx(f1_score(q, t, average="weighted"))


@given(PAIRS)
@settings(deadline=None)
def test_sims_agrees_with_bins_by_cases(pairs):
    p, y = np.float32(pairs).T
    edges = {2: [0], 3: [-0.1, 0.1], 5: [-0.7, -0.1, 0.1, 0.7]}
    for count, function in ((2, sims.acc_2), (3, sims.acc_3), (5, sims.acc_5)):
        a, b = (sum((side > np.float32(edge)).astype(int) for edge in edges[count]) for side in (p, y))
        assert function(p, y) == pytest.approx(accuracy_score(b, a))
        if count == 2:
            assert sims.f1(p, y) == pytest.approx(f1_score(b, a, average="weighted"))


@given(st.integers(2, 5), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_classes_agree_with_scikit_learn(width, n, seed):
    rng = np.random.default_rng(seed)
    logits, label = rng.normal(size=(n, width)), rng.integers(width, size=n)
    chosen = logits.argmax(1)
    assert classes.accuracy(logits, label) == pytest.approx(accuracy_score(label, chosen))
    assert classes.f1(logits, label) == pytest.approx(f1_score(label, chosen, average="weighted"))


@given(st.integers(2, 40), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 100.0]))
@settings(deadline=None)
def test_correlation_and_r2_agree_with_references(n, seed, offset):
    rng = np.random.default_rng(seed)
    p, y = rng.normal(size=(2, n)).astype(np.float32) + np.float32(offset)
    assert intensity.pearson(p, y) == pytest.approx(np.corrcoef(p, y)[0, 1], abs=1e-9)
    p, y = np.clip(np.stack([p, y]) - np.float32(offset), -1, 1)
    if len(np.unique(y)) > 1:
        assert sims.r2(p, y) == pytest.approx(r2_score(y.astype(float), p.astype(float)), rel=1e-9)


# Edges -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "integer"),
    [
        (0.5, 0),
        (1.5, 2),
        (2.5, 2),
        (-0.5, 0),
        (-1.5, -2),
        (-2.5, -2),
        (7, 3),
        (-7, -3),
        (1 / 3, 0),
        (2 / 3, 1),
    ],
)
def test_acc_7_rounds_half_to_even(value, integer):
    assert [float(intensity.acc_7([value], [whole])) for whole in range(-3, 4)] == [
        float(whole == integer) for whole in range(-3, 4)
    ]


def test_both_sides_are_clipped_before_rounding():
    assert intensity.acc_7([2.6], [3.0]) == 1
    assert intensity.acc_7([2.0], [2.6]) == 0
    assert intensity.acc_5([2.0], [2.6]) == 1
    assert intensity.acc_5([9.0], [2.0]) == 1


def test_prediction_of_zero_is_positive_with_zeros_and_negative_without():
    for zero in (0.0, -0.0):
        assert intensity.acc2_has0([zero], [1.0]) == 1
        assert intensity.acc2_non0([zero], [1.0]) == 0
        assert intensity.acc2_non0([zero], [-1.0]) == 1
        assert intensity.acc2_has0([1.0], [zero]) == 1
        assert np.isnan(intensity.acc2_non0([1.0], [zero]))
        assert sims.acc_2([zero], [-1.0]) == 1


def test_thirds_of_mosei():
    label = np.float32([-1 / 3, 1 / 3, 2 / 3, 4 / 3, 8 / 3, -8 / 3])
    assert intensity.acc_7([0, 0, 1, 1, 3, -3], label) == 1
    assert intensity.acc_5([0, 0, 1, 1, 2, -2], label) == 1
    assert intensity.acc2_non0(label, label) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bin_edges_do_not_move_with_precision(dtype):
    edge = np.array([0.1, 0.7, -0.1, -0.7], dtype=dtype)
    inside = np.array([0.05, 0.3, -0.3, -0.9], dtype=dtype)
    assert sims.acc_5(edge, inside) == 1  # an edge belongs to the bin below
    assert sims.acc_5(edge.astype(np.float32), edge.astype(np.float64)) == 1
    above = np.nextafter(edge.astype(np.float32), np.float32(2))
    assert sims.acc_5(above, inside) == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weak_labels_include_their_edge(dtype):
    assert sims.acc2_weak(np.array([1, -1, 1], dtype), np.array([0.4, -0.4, -0.5], dtype)) == 1
    assert np.isnan(sims.acc2_weak([0.1], [0.5]))


@pytest.mark.parametrize("constant", [0.1, 0.0, -2.7, 1 / 3])
@pytest.mark.parametrize("n", [1, 3, 686])
def test_constant_predictions_have_no_correlation(constant, n):
    label = np.linspace(-1, 1, n)
    assert np.isnan(intensity.pearson(np.full(n, constant), label))
    assert np.isnan(intensity.pearson(label, np.full(n, constant)))
    assert np.isnan(sims.pearson(np.linspace(2, 3, n), label))
    assert np.isnan(sims.r2(label, np.full(n, constant)))


@pytest.mark.parametrize("n", [4, 12, 301])
def test_constant_resample_of_varied_predictions_has_no_correlation(n):
    # the sample that differs comes first and is never drawn; sums of 0.1 leave rounding behind, not 0
    rng = np.random.default_rng(n)
    prediction, label = np.append(2.3, np.full(n, 0.1)), rng.normal(size=n + 1)
    weight = np.column_stack([np.zeros(50), rng.multinomial(n + 1, np.full(n, 1 / n), 50)])
    assert np.isnan(intensity.pearson(prediction, label, weight)).all()
    weight[:, 0] = 1
    assert np.isfinite(intensity.pearson(prediction, label, weight)).all()


def test_nearly_constant_predictions_still_correlate():
    label = np.arange(100.0)
    prediction = (np.float32(2) + label * 2.0**-22).astype(np.float32)
    assert intensity.pearson(prediction, label) == pytest.approx(1)


def test_no_label_off_zero_is_nan_and_no_error():
    found = protocol("intensity").compute([1.0, -1.0], [0.0, 0.0])
    assert np.isnan(found["acc2_non0"])
    assert np.isnan(found["f1_non0"])
    assert found["acc2_has0"] == 0.5


# The axis of resamples -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "metric"), METRICS)
def test_resamples_by_weight_by_index_and_one_by_one_agree(name, metric):
    entry, rng = PROTOCOLS[name], np.random.default_rng(3)
    function = entry.metrics[metric].function
    for n in (1, 2, 5, 60):
        runs, label = sample(entry, rng, n, runs=3)
        index = rng.integers(n, size=(20, n))
        weight = np.stack([np.bincount(row, minlength=n) for row in index])
        loop = [[float(function(run[row], label[row])) for row in index] for run in runs]
        gathered = np.stack([function(run[index], label[index]) for run in runs])
        np.testing.assert_allclose(function(runs, label, weight), loop, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(gathered, loop, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(
            function(runs, label), [function(run, label) for run in runs], rtol=1e-12, atol=1e-12
        )
        np.testing.assert_allclose(function(runs, label, weight[0]), np.array(loop)[:, 0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_order_of_samples_does_not_matter(name):
    entry, rng = PROTOCOLS[name], np.random.default_rng(5)
    prediction, label = sample(entry, rng, 200)
    order = rng.permutation(200)
    assert entry.compute(prediction[order], label[order]) == pytest.approx(entry.compute(prediction, label))


# Protocols -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROTOCOLS)
def test_perfect_predictions_are_the_best_there_is(name):
    entry = protocol(name)
    assert entry.name == name
    assert entry.default_selection in entry.names
    _, label = sample(entry, np.random.default_rng(0), 100)
    perfect = label if entry.kind == "intensity" else np.eye(entry.width or 4)[label]
    for metric, value in entry.compute(perfect, label).items():
        assert value == pytest.approx(1.0 if entry.higher_is_better(metric) else 0.0)
        assert isinstance(value, float)


def test_direction_and_scale():
    entry = protocol("intensity")
    assert not entry.higher_is_better("mae")
    assert entry.higher_is_better("pearson")
    assert {name for name in entry.names if entry.metrics[name].scale == 1} == {"mae", "pearson"}
    with pytest.raises(UserError, match="did you mean 'acc_7'"):
        entry.higher_is_better("acc7")


def test_protocols_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        protocol("sims").name = "mine"
    with pytest.raises(TypeError):
        PROTOCOLS["mine"] = protocol("sims")


def test_unknown_protocol_names_the_near_one():
    with pytest.raises(UserError, match="did you mean 'simsv2'"):
        protocol("sims-v2")


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (TargetSpec(low=-3, high=3), "intensity"),
        (TargetSpec(low=-1, high=1), "signed"),
        (TargetSpec(low=-2, high=5), "signed"),
        (TargetSpec(low=0, high=1), "range"),
        (TargetSpec(low=1, high=5), "range"),
        (TargetSpec(kind="classes", classes=("no", "yes")), "binary"),
        (TargetSpec(kind="classes", classes=("a", "b", "c")), "classes"),
    ],
)
def test_own_range_gets_only_what_it_can_mean(target, name):
    assert protocol_for(target).name == name


def test_range_offers_neither_bins_nor_signs():
    assert protocol("range").names == ("mae", "pearson")
    assert set(protocol("signed").names) == {
        "mae",
        "pearson",
        "acc2_has0",
        "f1_has0",
        "acc2_non0",
        "f1_non0",
    }


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_predictions_that_are_not_finite_are_refused(name, bad):
    prediction, label = sample(PROTOCOLS[name], np.random.default_rng(0), 9)
    prediction = prediction.astype(np.float64)
    prediction.flat[4] = bad
    with pytest.raises(UserError, match=r"1 of \d+ predictions are not finite"):
        PROTOCOLS[name].compute(prediction, label)


@pytest.mark.parametrize("name", INTENSITIES)
@pytest.mark.parametrize(
    ("prediction", "label", "cause"),
    [
        ([1.0, 2.0], [1.0], "do not fit"),
        ([[1.0], [2.0]], [1.0, 2.0], "do not fit"),
        ([], [], "no samples"),
        ([1.0], [np.nan], "1 of 1 labels are not finite"),
        ([[1.0, 2.0], [1.0, 2.0]], [1.0, 2.0], "2 runs at once"),
    ],
)
def test_what_cannot_be_judged_is_refused(name, prediction, label, cause):
    with pytest.raises(UserError, match=cause):
        PROTOCOLS[name].compute(prediction, label)


@pytest.mark.parametrize(
    ("name", "prediction", "label", "cause"),
    [
        ("classes", [[0.0, 1.0]], [2], "from 0 to 1"),
        ("classes", [[0.0, 1.0]], [-1], "from 0 to 1"),
        ("classes", [[0.0, 1.0]], [0.5], "from 0 to 1"),
        ("classes", [0.0, 1.0], [0, 1], "do not fit"),
        ("polarity", [[0.0, 1.0]], [0], "is for 3 classes, not 2"),
        ("binary", [[0.0, 1.0, 2.0]], [0], "is for 2 classes, not 3"),
    ],
)
def test_classes_that_do_not_fit_are_refused(name, prediction, label, cause):
    with pytest.raises(UserError, match=cause):
        PROTOCOLS[name].compute(prediction, label)


def test_metrics_leave_their_inputs_alone_and_never_warn():
    prediction, label = np.float32([0.0, 0.0]), np.float32([0.0, 0.0])
    kept = prediction.copy(), label.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in INTENSITIES:
            protocol(name).compute(prediction, label)
    np.testing.assert_array_equal((prediction, label), kept)
