"""The metrics against hand-computed values and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, r2_score

from makers_metrics import METRICS
from sentiprism.metrics import classification, intensity, protocol, sims

pytestmark = pytest.mark.filterwarnings("error")


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
    assert classification.acc2_non0([[0, 9, 1], [0, 9, 1]], [2, 0]) == 0.5
    assert classification.accuracy([[0, 9, 1], [0, 9, 1]], [2, 1]) == 0.5
    assert np.isnan(classification.acc2_non0([[0, 9, 1]], [1]))
    assert np.isnan(classification.f1_non0([[0, 9, 1]], [1]))


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
    assert classification.accuracy(logits, label) == pytest.approx(accuracy_score(label, chosen))
    assert classification.f1(logits, label) == pytest.approx(f1_score(label, chosen, average="weighted"))


@given(st.integers(2, 40), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 100.0]))
@settings(deadline=None)
def test_correlation_and_r2_agree_with_references(n, seed, offset):
    rng = np.random.default_rng(seed)
    p, y = rng.normal(size=(2, n)).astype(np.float32) + np.float32(offset)
    assert intensity.pearson(p, y) == pytest.approx(np.corrcoef(p, y)[0, 1], abs=1e-9)
    p, y = np.clip(np.stack([p, y]) - np.float32(offset), -1, 1)
    if len(np.unique(y)) > 1:
        assert sims.r2(p, y) == pytest.approx(r2_score(y.astype(float), p.astype(float)), rel=1e-9)
