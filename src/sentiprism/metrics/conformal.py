"""Split-conformal intervals of intensities, and sets of classes.

Scores of held-out utterances are ranked; the score of rank ⌈(n + 1)(1 - α)⌉ bounds that of a new utterance with
probability 1 - α at least, whatever the model, if the new one is exchangeable with them (Vovk et al. 2005; Lei et al.
2018). That holds on average over utterances: not for each kind of them, and only about where the held-out ones also
chose the epoch. One kind is known beforehand: what an utterance lacks. Held-out ones with the same modalities are
ranked apart (Mondrian categories, Vovk et al. 2003); where others are stripped to these for want of them, the promise
holds as far as modalities are missing by chance.
"""

from collections.abc import Mapping
from math import ceil, floor
from types import MappingProxyType
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sentiprism.config import Config
from sentiprism.errors import UserError
from sentiprism.types import TargetSpec

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

FLOOR = 0.1
"""Smallest expected error of the scaled interval, as a share of the mean error."""
LEAST = 50
"""Utterances that a set of modalities needs for a ranking of its own; with fewer it would be a matter of luck. With
fewer on the whole `coverage_range` is told."""


class Calibration(Config):
    """What turns a prediction into an interval or a set; small enough to be noted beside a saved model."""

    kind: Literal["interval", "set"]
    level: float = Field(gt=0, lt=1)
    """1 - α, the share of utterances to be covered."""
    quantile: float | None = Field(ge=0)
    """Largest score that is let in; None = any, where the utterances are too few for the level."""
    samples: int = Field(gt=0)
    """n utterances it was ranked among."""
    low: float = 0.0
    high: float = 0.0
    """Of an interval: the labels' range, which no interval leaves."""
    base: float = 1.0
    slope: float = 0.0
    floor: float = 0.0
    """Of an interval: expected error max(floor, base + slope |ŷ - centre|) that its half-width is in proportion to."""
    only: "dict[str, Calibration]" = {}
    """By the modalities that an utterance has ("text+audio"); for any other set this one itself stands."""

    @classmethod
    def fit(
        cls,
        prediction: npt.ArrayLike,
        label: npt.ArrayLike,
        target: TargetSpec,
        *,
        level: float = 0.9,
        scaled: bool = False,
        only: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]] = MappingProxyType({}),
    ) -> Self:
        """Calibrate on held-out utterances.

        Scores are |y - ŷ| of intensities (over the expected error where scaled), and 1 - p_y of classes (Sadinle et
        al. 2019).

        Args:
            prediction: (N,) intensities, or (N, C) logits.
            label: (N,) intensities or class numbers.
            target: range of the intensities, or the classes.
            level: share of utterances to be covered.
            scaled: let the width follow the predicted intensity: a line through the errors of one half of the
                utterances, after which the other half is ranked.
            only: answers and labels where nothing but these modalities was left, at least `LEAST` to count.

        Raises:
            UserError: the level is not inside (0, 1), or a scaled set is asked for.
        """
        check_level(level)
        answer, truth = np.asarray(prediction, np.float64), np.asarray(label)
        fitted: dict[str, Any] = {
            "only": {
                name: cls.fit(*one, target, level=level, scaled=scaled)
                for name, one in only.items()
                if len(np.asarray(one[1])) >= LEAST
            }
        }
        if target.kind == "classes":
            if scaled:
                raise UserError("sets of classes have no width to scale", "leave out `scaled`")
            scores = 1 - probabilities(answer)[np.arange(len(truth)), truth.astype(np.int64)]
            return cls(kind="set", level=level, quantile=rank(scores, level), samples=len(scores), **fitted)
        fitted |= {"low": target.low, "high": target.high}
        if scaled:
            order = np.random.default_rng(0).permutation(len(truth))
            first, order = order[: len(order) // 2], order[len(order) // 2 :]
            fitted |= _line(answer[first], truth[first], target)
            answer, truth = answer[order], truth[order]
        made = cls(kind="interval", level=level, quantile=None, samples=len(truth), **fitted)
        scores = np.abs(answer - truth) / made.expected(answer)
        return made.model_copy(update={"quantile": rank(scores, level)})

    @property
    def scaled(self) -> bool:
        """Whether the width follows the predicted intensity."""
        return self.floor > 0

    def expected(self, prediction: Floats) -> Floats:
        """(N,) what half-widths are in proportion to: 1 where they are all alike."""
        far = np.abs(prediction - (self.low + self.high) / 2)
        return np.asarray(np.maximum(self.base + self.slope * far, self.floor))

    def bounds(self, prediction: npt.ArrayLike, present: Array | None = None) -> dict[str, Array]:
        """What is said of each prediction: "low" and "high" (N,) float32, or "set" (N, C) bool.

        The likeliest class is always in its set.

        Args:
            prediction: (N,) intensities, or (N, C) logits.
            present: (N,) the modalities of each, as in `only`; None = no matter which.
        """
        answer = np.asarray(prediction, np.float64)
        found = self._bounds(answer)
        for name, one in self.only.items() if present is not None else ():
            rows = present == name
            for end, values in one._bounds(answer[rows]).items():
                found[end][rows] = values
        return found

    def _bounds(self, answer: Floats) -> dict[str, Array]:
        if self.kind == "set":
            p = probabilities(answer)
            inside = np.ones(p.shape, bool) if self.quantile is None else 1 - p <= self.quantile
            inside[np.arange(len(p)), p.argmax(axis=1)] = True
            return {"set": inside}
        half = np.inf if self.quantile is None else self.quantile * self.expected(answer)
        low, high = (np.clip(end, self.low, self.high) for end in (answer - half, answer + half))
        return {"low": low.astype(np.float32), "high": high.astype(np.float32)}

    def covers(
        self, prediction: npt.ArrayLike, label: npt.ArrayLike, present: Array | None = None
    ) -> npt.NDArray[np.bool_]:
        """(N,) whether the label is inside the interval or set."""
        said, truth = self.bounds(prediction, present), np.asarray(label)
        if self.kind == "set":
            return np.asarray(said["set"][np.arange(len(truth)), truth.astype(np.int64)])
        slack = 1e-6 * (self.high - self.low)  # bounds are kept as float32
        return np.asarray((truth >= said["low"] - slack) & (truth <= said["high"] + slack))

    def size(self, prediction: npt.ArrayLike, present: Array | None = None) -> Floats:
        """(N,) width of the interval, or number of classes in the set."""
        said = self.bounds(prediction, present)
        return said["set"].sum(axis=1) * 1.0 if self.kind == "set" else said["high"].astype(np.float64) - said["low"]


def ranked(count: int, *, scaled: bool) -> int:
    """How many of ``count`` held-out utterances are ranked: all, or the half that a scaled interval leaves."""
    return count - count // 2 if scaled else count


def check_level(level: float) -> None:
    """Refuse a level that is not a share.

    Raises:
        UserError: it is not inside (0, 1).
    """
    if not 0 < level < 1:
        raise UserError(f"level is {level}", "give a share between 0 and 1, for example 0.9")


def check_size(count: int, level: float, *, scaled: bool) -> None:
    """Refuse a level that needs a higher rank than there are utterances: n + 1 must be 1 / (1 - level) at least.

    Raises:
        UserError: says which level, or how many utterances, would do; or the level is not inside (0, 1).
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
    """Ends between which the true coverage of an interval lies with probability ``share``, before n are drawn.

    Coverage is Beta(k, n + 1 - k) distributed over draws of the n utterances, k = ⌈(n + 1) level⌉ (Vovk 2012).
    """
    from scipy.stats import beta

    k = ceil(round((n + 1) * level, 9))
    low, high = beta.ppf([(1 - share) / 2, (1 + share) / 2], k, n + 1 - k)
    return float(low), float(high)


def rank(scores: npt.ArrayLike, level: float) -> float | None:
    """The score of rank ⌈(n + 1) level⌉ from below; None where n is too small to have one."""
    ordered = np.sort(np.asarray(scores, np.float64))
    k = ceil(round((len(ordered) + 1) * level, 9))  # 10 · 0.9 is 9, whatever floats make of it
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
