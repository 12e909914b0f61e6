"""The named classes are exactly the bins of the dataset's own accuracy."""

import numpy as np
import pytest

from sentiprism.errors import UserError
from sentiprism.metrics import PROTOCOLS
from sentiprism.metrics.bins import bins_of, polarity_bins
from sentiprism.types import TargetSpec

CLASSES = TargetSpec(kind="classes", classes=("negative", "neutral", "positive"))


def test_seven_classes_round_half_to_even():
    kinds = bins_of(PROTOCOLS["intensity"], TargetSpec())
    values = [-3.4, -2.6, -2.5, -1.5, -0.6, -0.5, 0.0, 0.5, 0.6, 1.5, 2.5, 2.6, 9]
    expected = ["HN", "HN", "N", "N", "WN", "Neu", "Neu", "Neu", "WP", "P", "P", "HP", "HP"]
    assert [kinds.names[i] for i in kinds.of(values)] == expected


def test_five_classes_of_sims_are_closed_on_the_right():
    kinds = bins_of(PROTOCOLS["sims"], TargetSpec(low=-1, high=1))
    values = np.array([-0.7, -0.69, -0.1, -0.09, 0.1, 0.11, 0.7, 0.71, 2], np.float32)
    assert [kinds.names[i] for i in kinds.of(values)] == ["N", "WN", "WN", "Neu", "Neu", "WP", "WP", "P", "P"]


@pytest.mark.parametrize("name", ["intensity", "mmmo", "sims", "simsv2", "signed", "polarity"])
def test_the_diagonal_is_the_accuracy_of_the_protocol(name):
    rng, protocol = np.random.default_rng(0), PROTOCOLS[name]
    if protocol.kind == "classes":
        label, prediction, target = rng.integers(3, size=400), rng.normal(size=(400, 3)), CLASSES
    else:
        label, target = rng.uniform(-3, 3, 400).round(1), TargetSpec()
        prediction = label + rng.normal(size=400)
    kinds = bins_of(protocol, target)
    table = kinds.table(prediction, label)
    assert table.shape == (len(kinds.names),) * 2
    assert table.sum() == 400
    assert np.trace(table) / 400 == pytest.approx(protocol.compute(prediction, label)[kinds.metric])


def test_rows_are_labels_and_columns_predictions():
    table = bins_of(PROTOCOLS["signed"], TargetSpec()).table([1, 1, -1], [-1, -2, -3])
    assert table.tolist() == [[1, 2], [0, 0]]


def test_each_class_has_an_accuracy_of_its_own():
    kinds = bins_of(PROTOCOLS["intensity"], TargetSpec())
    found = kinds.accuracies([-2.9, -1.4, 0.2, 2.6, 2.6, 2.4], [-3, -2.6, 0, 3, 2.8, 3])
    assert found["HN"] == 0.5
    assert found["Neu"] == 1
    assert found["HP"] == pytest.approx(2 / 3)
    assert np.isnan(found["WP"])


def test_class_accuracies_weighted_by_size_are_the_protocols():
    rng, protocol = np.random.default_rng(1), PROTOCOLS["intensity"]
    label = rng.uniform(-3, 3, 300).round(1)
    prediction = label + rng.normal(size=300)
    kinds = bins_of(protocol, TargetSpec())
    sizes = kinds.table(prediction, label).sum(axis=1)
    mean = np.average(list(kinds.accuracies(prediction, label).values()), weights=sizes)
    assert mean == pytest.approx(protocol.compute(prediction, label)["acc_7"])


def test_polarity_is_the_sign():
    assert polarity_bins([-0.2, 0.0, 3]).tolist() == [0, 1, 2]


def test_a_range_without_classes_is_refused():
    with pytest.raises(UserError, match=r"\[0, 100\]"):
        bins_of(PROTOCOLS["range"], TargetSpec(low=0, high=100))
