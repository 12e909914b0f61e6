"""Base class of metrics that plugins define."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from sentiprism.metrics.sums import Array, Floats, Weight
from sentiprism.registry import Registry


class CustomMetric(ABC):
    """A metric that adds a column to result tables; epochs may be selected by it."""

    name: ClassVar[str]
    """Name in ``optim.select`` and JSON."""
    label: ClassVar[str]
    """Heading in tables."""
    meaning: ClassVar[str]
    """Definition, for a footnote."""
    kind: ClassVar[Literal["intensity", "classes"]] = "intensity"
    """Kind of labels that it is defined for."""
    protocols: ClassVar[tuple[str, ...]] = ()
    """Protocols that include it; () = all of its kind."""
    higher_is_better: ClassVar[bool] = True
    percent: ClassVar[bool] = False
    """Whether tables show it multiplied by 100."""

    @abstractmethod
    def compute(self, prediction: Array, label: Array, weight: Floats) -> float:
        """Compute the metric.

        Args:
            prediction: (N,) intensities, or (N, C) logits.
            label: (N,) intensities, or class numbers.
            weight: (N,) how often each utterance counts: 1, or its number of draws in a bootstrap sample.

        Returns:
            A fraction, or a number in the labels' unit; nan if it is undefined.
        """

    def __call__(self, prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None) -> Floats:
        """Compute the metric for several runs (..., N) and bootstrap samples (R, N): (...) or (..., R)."""
        runs, truth = np.asarray(prediction), np.asarray(label)
        inner = 2 if self.kind == "classes" else 1
        leading = np.broadcast_shapes(runs.shape[: runs.ndim - inner], truth.shape[:-1])
        N = truth.shape[-1]
        flat = np.broadcast_to(runs, (*leading, *runs.shape[runs.ndim - inner :])).reshape(-1, *runs.shape[-inner:])
        labels = np.broadcast_to(truth, (*leading, N)).reshape(-1, N)
        weights = np.ones(N) if weight is None else np.asarray(weight, np.float64)
        samples = np.atleast_2d(weights)
        found = [[self.compute(p, y, w) for w in samples] for p, y in zip(flat, labels, strict=True)]
        shape = (*leading, len(samples)) if weights.ndim == 2 else leading
        return np.asarray(found, np.float64).reshape(shape)


METRICS: Registry[CustomMetric] = Registry(
    "", "sentiprism.metrics.custom:CustomMetric", "metric", "sentiprism.metrics", needs=("label", "meaning")
)
