"""Contracts of metrics from plugins."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sentiprism.contracts.result import Contract, expect
from sentiprism.metrics import PROTOCOLS
from sentiprism.metrics.custom import METRICS, CustomMetric
from sentiprism.metrics.sums import Array

N, CLASSES = 200, 2
NEAR = 1e-6


def _drawn(metric: CustomMetric) -> tuple[Array, Array, Array]:
    """Random predictions, labels, and perfect predictions."""
    draw = np.random.default_rng(0)
    if metric.kind == "classes":
        truth = draw.integers(0, CLASSES, N)
        return draw.normal(size=(N, CLASSES)), truth, np.eye(CLASSES)[truth]
    label = draw.uniform(-1, 1, N)
    return label + draw.normal(scale=0.5, size=N), label, label


def check_named(name: str) -> None:
    """The metric has a new name, a heading and a meaning."""
    kind = METRICS[name]
    expect(kind.label and kind.meaning, "label or meaning is empty")
    expect(not any(name in one.known for one in PROTOCOLS.values()), "a protocol has a metric of this name")
    unknown = set(kind.protocols) - set(PROTOCOLS)
    expect(not unknown, f"there is no protocol {', '.join(sorted(unknown))}")


def check_finite(name: str) -> None:
    """The metric is a finite number."""
    metric = METRICS[name]()
    prediction, label, _ = _drawn(metric)
    expect(np.isfinite(metric(prediction, label)), "it is not finite for 200 utterances")


def check_direction(name: str) -> None:
    """Perfect predictions are at least as good as noisy ones."""
    metric = METRICS[name]()
    prediction, label, perfect = _drawn(metric)
    best, noisy = float(metric(perfect, label)), float(metric(prediction, label))
    better = best >= noisy if metric.higher_is_better else best <= noisy
    expect(better, f"perfect predictions have {best:g} and noisy ones {noisy:g}: see higher_is_better")


def check_order(name: str) -> None:
    """The order of utterances does not matter."""
    metric = METRICS[name]()
    prediction, label, _ = _drawn(metric)
    order = np.random.default_rng(1).permutation(N)
    _expect_near(metric, lambda: metric(prediction[order], label[order]), metric(prediction, label), "another order")


def check_weight(name: str) -> None:
    """An utterance with weight 2 counts twice, and one with weight 0 not at all."""
    metric = METRICS[name]()
    prediction, label, _ = _drawn(metric)
    weight = np.random.default_rng(2).integers(0, 3, N)
    repeated = np.repeat(np.arange(N), weight)
    wanted = metric(prediction[repeated], label[repeated])
    _expect_near(metric, lambda: metric(prediction, label, weight.astype(float)), wanted, "weights")


def _expect_near(metric: CustomMetric, compute: Callable[[], npt.ArrayLike], wanted: npt.ArrayLike, what: str) -> None:
    found = float(np.asarray(compute()))
    near = np.isclose(found, float(np.asarray(wanted)), rtol=NEAR, atol=NEAR)
    expect(near, f"with {what} {metric.label} is {found:g} instead of {float(np.asarray(wanted)):g}")


OF_METRICS = (
    Contract("named", check_named),
    Contract("finite", check_finite),
    Contract("direction", check_direction),
    Contract("order", check_order),
    Contract("weight", check_weight),
)
