"""The metrics at every edge the field trips over, and along the axis of resamples."""

import numpy as np
import pytest

from makers_metrics import METRICS, sample
from sentiprism.metrics import PROTOCOLS, intensity, protocol, sims

pytestmark = pytest.mark.filterwarnings("error")


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
