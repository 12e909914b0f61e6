"""Split-conformal prediction intervals of intensities, and prediction sets of classes.

Nonconformity scores of held-out utterances are ranked; the score of rank ⌈(n + 1)(1 - α)⌉ is an upper bound for that
of a new utterance with probability at least 1 - α, for any model, if the new one is exchangeable with them (Vovk et
al. 2005; Lei et al. 2018). The coverage is marginal: it holds on average, not for each kind of utterance, and only
approximately if the held-out utterances also selected the epoch. One kind is known beforehand: the modalities that an
utterance has. Held-out utterances with the same modalities are ranked separately (Mondrian categories, Vovk et al.
2003). If there are too few, others are used with the remaining modalities removed; coverage then holds if modalities
are missing at random.
"""

from collections.abc import Mapping
from math import ceil, floor
from types import MappingProxyType
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import AliasChoices, Field

from sentiprism.config import Config
from sentiprism.errors import UserError
from sentiprism.types import TargetSpec

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

FLOOR = 0.1
"""Smallest expected error of the scaled interval, as a share of the mean error."""
LEAST = 50
"""Fewest utterances for calibrating a set of modalities separately. With fewer utterances in total, the range of
`coverage_range` is reported."""


class Calibration(Config):
    """Turn a prediction into an interval or a set of classes; stored with a saved model."""

    kind: Literal["interval", "set"]
    level: float = Field(gt=0, lt=1)
    """Nominal coverage 1 - α."""
    quantile: float | None = Field(ge=0)
    """Largest nonconformity score inside; None = no bound, with too few utterances for the level."""
    samples: int = Field(gt=0)
    """Number n of utterances ranked."""
    low: float = 0.0
    high: float = 0.0
    """For intervals: the labels' range, to which intervals are clipped."""
    base: float = 1.0
    slope: float = 0.0
    floor: float = 0.0
    """For intervals: normalisation σ(ŷ) = max(floor, base + slope |ŷ - centre|); half-widths are proportional to it."""
    by_modalities: "dict[str, Calibration]" = Field({}, validation_alias=AliasChoices("by_modalities", "only"))
    """Mondrian calibration by the modalities of an utterance ("text+audio"); for other sets, this calibration itself is
    used. Files of earlier versions call it ``only``."""

    @classmethod
    def fit(
        cls,
        prediction: npt.ArrayLike,
        label: npt.ArrayLike,
        target: TargetSpec,
        *,
        level: float = 0.9,
        scaled: bool = False,
        by_modalities: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]] = MappingProxyType({}),
    ) -> Self:
        """Calibrate on held-out utterances.

        Nonconformity scores are |y - ŷ| for intensities (divided by σ(ŷ) if scaled), and 1 - p_y for classes (Sadinle
        et al. 2019).

        Args:
            prediction: (N,) intensities, or (N, C) logits.
            label: (N,) intensities or class numbers.
            target: range of the intensities, or the classes.
            level: nominal coverage.
            scaled: let the width depend on the predicted intensity: σ is a line fitted to the errors of one half of
                the utterances, and the other half is ranked.
            by_modalities: predictions and labels with only these modalities; sets with fewer than `LEAST` are ignored.

        Raises:
            UserError: the level is not inside (0, 1), or ``scaled`` is given for classes.
        """
        check_level(level)
        predicted, truth = np.asarray(prediction, np.float64), np.asarray(label)
        fitted: dict[str, Any] = {
            "by_modalities": {
                name: cls.fit(*one, target, level=level, scaled=scaled)
                for name, one in by_modalities.items()
                if len(np.asarray(one[1])) >= LEAST
            }
        }
        if target.kind == "classes":
            if scaled:
                raise UserError("sets of classes have no width to scale", "leave out `scaled`")
            scores = 1 - probabilities(predicted)[np.arange(len(truth)), truth.astype(np.int64)]
            return cls(kind="set", level=level, quantile=rank(scores, level), samples=len(scores), **fitted)
        fitted |= {"low": target.low, "high": target.high}
        if scaled:
            order = np.random.default_rng(0).permutation(len(truth))
            first, order = order[: len(order) // 2], order[len(order) // 2 :]
            fitted |= _line(predicted[first], truth[first], target)
            predicted, truth = predicted[order], truth[order]
        made = cls(kind="interval", level=level, quantile=None, samples=len(truth), **fitted)
        scores = np.abs(predicted - truth) / made.expected(predicted)
        return made.model_copy(update={"quantile": rank(scores, level)})

    @property
    def scaled(self) -> bool:
        """Whether the width follows the predicted intensity."""
        return self.floor > 0

    def expected(self, prediction: Floats) -> Floats:
        """(N,) normalisation σ(ŷ) of the nonconformity score; 1 if not scaled."""
        far = np.abs(prediction - (self.low + self.high) / 2)
        return np.asarray(np.maximum(self.base + self.slope * far, self.floor))

    def bounds(self, prediction: npt.ArrayLike, present: Array | None = None) -> dict[str, Array]:
        """Intervals or sets of predictions: "low" and "high" (N,) float32, or "set" (N, C) bool.

        The most probable class is always in the set.

        Args:
            prediction: (N,) intensities, or (N, C) logits.
            present: (N,) the modalities of each, as in `by_modalities`; None = do not distinguish.
        """
        predicted = np.asarray(prediction, np.float64)
        found = self._bounds(predicted)
        for name, one in self.by_modalities.items() if present is not None else ():
            rows = present == name
            for end, values in one._bounds(predicted[rows]).items():
                found[end][rows] = values
        return found

    def _bounds(self, predicted: Floats) -> dict[str, Array]:
        if self.kind == "set":
            p = probabilities(predicted)
            inside = np.ones(p.shape, bool) if self.quantile is None else 1 - p <= self.quantile
            inside[np.arange(len(p)), p.argmax(axis=1)] = True
            return {"set": inside}
        half = np.inf if self.quantile is None else self.quantile * self.expected(predicted)
        low, high = (np.clip(end, self.low, self.high) for end in (predicted - half, predicted + half))
        return {"low": low.astype(np.float32), "high": high.astype(np.float32)}

    def covers(
        self, prediction: npt.ArrayLike, label: npt.ArrayLike, present: Array | None = None
    ) -> npt.NDArray[np.bool_]:
        """(N,) whether the label is inside the interval or set."""
        bounds, truth = self.bounds(prediction, present), np.asarray(label)
        if self.kind == "set":
            return np.asarray(bounds["set"][np.arange(len(truth)), truth.astype(np.int64)])
        slack = 1e-6 * (self.high - self.low)  # bounds are stored as float32
        return np.asarray((truth >= bounds["low"] - slack) & (truth <= bounds["high"] + slack))

    def size(self, prediction: npt.ArrayLike, present: Array | None = None) -> Floats:
        """(N,) width of the interval, or number of classes in the set."""
        bounds = self.bounds(prediction, present)
        if self.kind == "set":
            return np.asarray(bounds["set"].sum(axis=1) * 1.0)
        return np.asarray(bounds["high"].astype(np.float64) - bounds["low"])


def ranked(count: int, *, scaled: bool) -> int:
    """Number of held-out utterances that are ranked: all, or half of them for a scaled interval."""
    return count - count // 2 if scaled else count


def check_level(level: float) -> None:
    """Refuse a level outside (0, 1).

    Raises:
        UserError: it is not inside (0, 1).
    """
    if not 0 < level < 1:
        raise UserError(f"level is {level}", "give a share between 0 and 1, for example 0.9")


def check_size(count: int, level: float, *, scaled: bool) -> None:
    """Refuse a level with too few utterances: n + 1 must be at least 1 / (1 - level).

    Raises:
        UserError: there are too few (the message says how many are needed), or the level is not inside (0, 1).
    """
    check_level(level)
    n = ranked(count, scaled=scaled)
    if ceil(round((n + 1) * level, 9)) <= n:
        return
    least = ceil(round(level / (1 - level), 9))
    needed = 2 * least - 1 if scaled else least
    highest = floor(100 * n / (n + 1)) / 100
    half = f", of which {n} are ranked" if scaled else ""
    raise UserError(
        f"{count} held-out utterances{half} are too few for a level of {level:g}",
        f"choose a level of at most {highest:g}, or calibrate on at least {needed} utterances",
    )


def coverage_range(n: int, level: float, share: float = 0.9) -> tuple[float, float]:
    """Range in which the true coverage lies with probability ``share``, over draws of the n utterances.

    Coverage is Beta(k, n + 1 - k) distributed, k = ⌈(n + 1) level⌉ (Vovk 2012).
    """
    from scipy.stats import beta

    k = ceil(round((n + 1) * level, 9))
    low, high = beta.ppf([(1 - share) / 2, (1 + share) / 2], k, n + 1 - k)
    return float(low), float(high)


def rank(scores: npt.ArrayLike, level: float) -> float | None:
    """The score of rank ⌈(n + 1) level⌉ in ascending order; None if n is too small."""
    ordered = np.sort(np.asarray(scores, np.float64))
    k = ceil(round((len(ordered) + 1) * level, 9))  # round, because 10 · 0.9 is not exactly 9 in floating point
    return float(ordered[k - 1]) if k <= len(ordered) else None


def probabilities(logits: Floats) -> Floats:
    """Softmax over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _line(prediction: Floats, label: Array, target: TargetSpec) -> dict[str, float]:
    """Least-squares line of the absolute error over the predicted intensity."""
    error, far = np.abs(prediction - label), np.abs(prediction - (target.low + target.high) / 2)
    if len(error) < 3 or not np.ptp(far) > 0 or not error.mean() > 0:
        return {}
    slope, base = np.polyfit(far, error, 1)
    return {"base": float(base), "slope": float(slope), "floor": float(FLOOR * error.mean())}
