"""Bins of intensities: the classes of a dataset's accuracy metric."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.metrics import intensity, sims
from sentiprism.metrics.protocols import Protocol
from sentiprism.metrics.sums import Array, singles
from sentiprism.types import TargetSpec

Integers = npt.NDArray[np.int64]

SEVEN = ("HN", "N", "WN", "Neu", "WP", "P", "HP")
"""Highly negative, negative, weakly negative, neutral, weakly positive, positive, highly positive (DLF, Figure 4)."""
POLARITY = ("negative", "neutral", "positive")


@dataclass(frozen=True)
class Bins:
    """Classes of a dataset, from the lowest up.

    Args:
        names: short names, in order.
        metric: the protocol's metric that is the accuracy over these classes.
        rule: how a value is mapped to a class, in words.
        of: (N,) intensities or class numbers, or (N, C) logits -> (N,) numbers from 0 on.
        ordered: False if the order of the classes has no meaning.
    """

    names: tuple[str, ...]
    metric: str
    rule: str
    of: Callable[[npt.ArrayLike], Integers]
    ordered: bool = True

    def table(self, prediction: npt.ArrayLike, label: npt.ArrayLike) -> Integers:
        """(K, K) utterances by class of the label (row) and of the prediction (column)."""
        K, truth = len(self.names), self.of(label)
        return np.bincount(truth * K + self.of(prediction), minlength=K * K).reshape(K, K)

    def accuracies(self, prediction: npt.ArrayLike, label: npt.ArrayLike) -> dict[str, float]:
        """Per-class recall: the share of a class's utterances that are predicted correctly; NaN without utterances.

        Their mean, weighted by class size, is the accuracy of `metric`, which hides poor recall of rare classes.
        """
        table = self.table(prediction, label)
        sizes = table.sum(axis=1)
        shares = np.divide(table.diagonal(), sizes, out=np.full(len(sizes), np.nan), where=sizes > 0)
        return dict(zip(self.names, shares.tolist(), strict=True))


def bins_of(protocol: Protocol, target: TargetSpec) -> Bins:
    """Bins or classes of a dataset.

    ``intensity``: the seven integers of Acc-7, half to even, so that HN is -2.5 and below and the neutral -0.5 to
    0.5. ``mmmo``: the five integers of its Acc-5, ``sims``: its five bins. ``signed``: below 0, and the rest. Classes:
    their own names.

    Args:
        protocol: the dataset's protocol.
        target: has the names of its classes, if any.

    Raises:
        UserError: there are no classes for the range of intensities.
    """
    if protocol.kind == "classes":
        ordered = protocol.name == "five"
        return Bins(target.classes, protocol.default_selection, "the largest logit", _classes, ordered)
    if protocol.name == "intensity":
        return Bins(SEVEN, "acc_7", "clipped to [-3, 3] and rounded", lambda v: _integers(intensity.rounded(v, 3)) + 3)
    if (found := five_bins(protocol)) is not None:
        return found
    if protocol.name == "signed":
        return Bins(("< 0", "≥ 0"), "acc2_has0", "by sign", lambda v: _integers(singles(v) >= 0))
    raise UserError(
        f"intensities on [{target.low:g}, {target.high:g}] have no classes",
        "draw a figure without classes: weights, gates, runs",
    )


def five_bins(protocol: Protocol) -> Bins | None:
    """The five classes of a dataset's Acc-5; None if it has no such metric."""
    if protocol.name in {"intensity", "mmmo"}:
        rule = "clipped to [-2, 2] and rounded"
        return Bins(SEVEN[1:-1], "acc_5", rule, lambda v: _integers(intensity.rounded(v, 2)) + 2)
    if protocol.name.startswith("sims"):
        rule = f"cut at {', '.join(map(str, sims.FIVE))}"
        return Bins(SEVEN[1:-1], "acc_5", rule, lambda v: _integers(sims.bins(v, *sims.FIVE)))
    return None


def polarity_bins(label: npt.ArrayLike) -> Integers:
    """(N,) intensities around 0 -> 0 below, 1 at and 2 above it: `POLARITY`."""
    return _integers(np.sign(singles(label))) + 1


def _classes(values: npt.ArrayLike) -> Integers:
    given = np.asarray(values)
    return _integers(given.argmax(axis=-1) if given.ndim > 1 else given)


def _integers(values: Array) -> Integers:
    return np.asarray(values, np.int64)
