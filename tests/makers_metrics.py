"""What tests of the metrics share: all there are, and samples to try them on."""

import numpy as np

from sentiprism.evaluation.bootstrap import Interval, resample
from sentiprism.metrics import PROTOCOLS
from sentiprism.metrics.protocols import Protocol

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


def interval(prediction, label, entry: Protocol, *, level: float = 0.95, **options) -> dict[str, Interval]:
    """Every metric with its interval, of predictions that nothing else is compared with."""
    return resample(prediction, label, entry, **options).intervals(level)
