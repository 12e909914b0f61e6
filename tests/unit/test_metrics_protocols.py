"""Protocols: what each offers, for which labels, and what none of them judges."""

import warnings
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from makers_metrics import sample
from sentiprism.data.known import KNOWN
from sentiprism.errors import UserError
from sentiprism.metrics import PROTOCOLS, protocol, protocol_for
from sentiprism.types import TargetSpec

pytestmark = pytest.mark.filterwarnings("error")

INTENSITIES = [name for name, entry in PROTOCOLS.items() if entry.kind == "intensity"]


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
        ([1.0, 2.0], [1.0], "do not match"),
        ([[1.0], [2.0]], [1.0, 2.0], "do not match"),
        ([], [], "no samples"),
        ([1.0], [np.nan], "1 of 1 labels are not finite"),
        ([[1.0, 2.0], [1.0, 2.0]], [1.0, 2.0], "predictions are of 2 runs"),
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
        ("classes", [0.0, 1.0], [0, 1], "do not match"),
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


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_metric_is_explained_in_one_line(name):
    entry = protocol(name)
    lines = entry.footnotes()
    assert [line.partition(":")[0] for line in lines] == [metric.label for metric in entry.metrics.values()]
    assert all(len(line) > len(metric.label) + 10 for line, metric in zip(lines, entry.metrics.values(), strict=True))
    assert not any("\n" in line for line in lines)
    assert entry.footnotes([entry.default_selection]) == [lines[entry.names.index(entry.default_selection)]]


def test_the_same_label_says_what_it_means_where_it_stands():
    (intensity,), (classes,) = (protocol(name).footnotes(["acc2_non0"]) for name in ("intensity", "polarity"))
    assert intensity == "Acc-2 (non0): below 0 against above 0; utterances labelled 0 are left out"
    assert classes == "Acc-2 (non0): positive against negative; neutral labels are left out"


def test_no_two_metrics_of_a_known_dataset_coincide():
    """Acc-7 and Acc-5 were one number on ICT-MMMO, whose labels end at 2."""
    rng = np.random.default_rng(0)
    for known in KNOWN.values():
        entry, target = protocol(known.protocol), known.target
        if target.kind == "classes":
            continue
        scores = []
        for _ in range(5):
            label = np.round(rng.uniform(target.low, target.high, 400), 1)
            prediction = np.clip(label + rng.normal(0, 0.6, 400), target.low, target.high)
            scores.append(list(entry.compute(prediction, label).values()))
        assert len(set(zip(*scores, strict=True))) == len(entry.names), known.name
