"""Metric protocols by name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal
from typing import Protocol as Interface

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError, suggest
from sentiprism.metrics import classification as by_class
from sentiprism.metrics import intensity, sims
from sentiprism.metrics.sums import Array, Floats, Weight

if TYPE_CHECKING:
    from sentiprism.types import TargetSpec


class MetricFunction(Interface):
    """(..., N[, C]) predictions, (..., N) labels and a weight (None, (N,) or (R, N)) to (...) or (..., R)."""

    def __call__(  # noqa: D102  # see the class
        self, prediction: npt.ArrayLike, label: npt.ArrayLike, weight: Weight = None
    ) -> Floats: ...


@dataclass(frozen=True)
class Metric:
    """One column of a table of results.

    Args:
        function: computes it as a fraction or in the labels' unit, unrounded.
        label: heading in tables.
        meaning: definition, for a footnote.
        higher_is_better: direction for selection and arrows.
        percent: True if tables show it multiplied by 100.
    """

    function: MetricFunction
    label: str
    meaning: str
    higher_is_better: bool = True
    percent: bool = True

    @property
    def scale(self) -> int:
        """Factor by which tables multiply the value."""
        return 100 if self.percent else 1


@dataclass(frozen=True)
class Protocol:
    """Metrics of a dataset's predictions, and the metric that selects the epoch.

    Args:
        name: name in a dataset's card.
        title: one-line description.
        kind: intensities, predictions (N,); or classes, predictions (N, C) logits.
        metrics: in the order of tables.
        default_selection: metric on valid that selects the epoch, unless the user names another.
        width: number C of classes that the metrics are defined for; None = any.
        extra: further metrics of an evaluation, which tables show on request only; not used for selection, tests or
            figures.
    """

    name: str
    title: str
    kind: Literal["intensity", "classes"]
    metrics: Mapping[str, Metric]
    default_selection: str
    width: int | None = None
    extra: Mapping[str, Metric] = field(default_factory=dict)

    @property
    def known(self) -> dict[str, Metric]:
        """Metrics of tables, and extra ones."""
        return {**self.metrics, **self.extra}

    def extended(self) -> "Protocol":
        """The protocol with the extra metrics among its metrics."""
        return replace(self, metrics=self.known, extra={})

    @property
    def names(self) -> tuple[str, ...]:
        """Metric names in the order of tables."""
        return tuple(self.metrics)

    def footnotes(self, metrics: Iterable[str] = ()) -> list[str]:
        """Definitions of the metrics, one line each.

        Args:
            metrics: those that a table shows; by default all.
        """
        shown = [self.known[name] for name in tuple(metrics) or self.names]
        return [f"{metric.label}: {metric.meaning}" for metric in shown]

    def higher_is_better(self, metric: str) -> bool:
        """Whether higher values of a metric are better.

        Raises:
            UserError: the protocol has no metric of that name.
        """
        if metric not in self.metrics:
            raise UserError(f"protocol {self.name!r} has no metric {metric!r}", suggest(metric, self.metrics))
        return self.metrics[metric].higher_is_better

    def compute(self, prediction: npt.ArrayLike, label: npt.ArrayLike) -> dict[str, float]:
        """Compute every metric of one set of predictions.

        Args:
            prediction: (N,) intensities on the dataset's scale, or (N, C) logits.
            label: (N,) intensities or class numbers.

        Returns:
            Unrounded values by name: fractions, or the labels' unit; nan where a metric is undefined.

        Raises:
            UserError: shapes do not match, there are no samples, or a value is not finite.
        """
        runs, truth = self.checked(prediction, label)
        if len(runs) != 1:
            raise UserError(
                f"predictions are of {len(runs)} runs",
                "compute metrics run by run, or an interval over runs",
            )
        return {name: float(values[0]) for name, values in self.resampled(runs, truth).items()}

    def resampled(self, prediction: Array, label: Array, weight: npt.ArrayLike | None = None) -> dict[str, Floats]:
        """Every metric of S `checked` runs: (S,) each, or (S, R) with a weight (R, N)."""
        return {name: metric.function(prediction, label, weight) for name, metric in self.metrics.items()}

    def checked(self, prediction: npt.ArrayLike, label: npt.ArrayLike) -> tuple[Array, Array]:
        """Predictions as (S, N) or (S, N, C) float32, S = 1 for one run, and labels (N,).

        Raises:
            UserError: as `compute`.
        """
        with np.errstate(over="ignore"):  # values that overflow float32 are reported as not finite
            runs, truth = np.asarray(prediction).astype(np.float32), np.asarray(label)
            if self.kind == "intensity":
                truth = truth.astype(np.float32)
        axes, form = (1, "(N,)") if self.kind == "intensity" else (2, "(N, C)")
        if runs.ndim == axes:
            runs = runs[None]
        if runs.ndim != axes + 1 or truth.ndim != 1 or runs.shape[1] != len(truth):
            raise UserError(
                f"predictions of shape {np.shape(prediction)} do not match labels of shape {truth.shape}",
                f"protocol {self.name!r} needs {form} predictions and (N,) labels",
            )
        if not runs.size:
            raise UserError("there are no samples to score", "check that the split is not empty")
        for noun, values, remedy in (
            ("predictions", runs, "train again with a lower learning rate"),
            ("labels", truth, "import the dataset again"),
        ):
            bad = int(np.count_nonzero(~np.isfinite(values)))
            if bad:
                raise UserError(f"{bad} of {values.size} {noun} are not finite", remedy)
        if self.kind == "classes":
            self._check_classes(runs.shape[-1], truth)
        return runs, truth

    def _check_classes(self, count: int, label: Array) -> None:
        if self.width not in (None, count):
            raise UserError(
                f"protocol {self.name!r} is for {self.width} classes, not {count}", "use protocol 'classes'"
            )
        if not np.isin(label, np.arange(count)).all():
            raise UserError(f"labels are not class numbers from 0 to {count - 1}", "check the dataset's classes")


def _error(function: MetricFunction, meaning: str = "mean absolute error, in the unit of the labels") -> Metric:
    return Metric(function, "MAE", meaning, higher_is_better=False, percent=False)


def _correlation(function: MetricFunction, meaning: str = "Pearson correlation of predictions and labels") -> Metric:
    return Metric(function, "Corr", meaning, percent=False)


def _f1(function: MetricFunction, label: str, accuracy: str) -> Metric:
    return Metric(function, label, f"F1 over the classes of {accuracy}, weighted by their labels")


_HAS0 = "below 0 against 0 and above; all utterances"
_NON0 = "below 0 against above 0; utterances labelled 0 are left out"
_ROUNDED = "right integer of -{0} to {0}, prediction and label clipped and rounded"
_SIGN = {
    "acc2_has0": Metric(intensity.acc2_has0, "Acc-2 (has0)", _HAS0),
    "f1_has0": _f1(intensity.f1_has0, "F1 (has0)", "Acc-2 (has0)"),
    "acc2_non0": Metric(intensity.acc2_non0, "Acc-2 (non0)", _NON0),
    "f1_non0": _f1(intensity.f1_non0, "F1 (non0)", "Acc-2 (non0)"),
}
_DISTANCE = {"mae": _error(intensity.mae), "pearson": _correlation(intensity.pearson)}
_SEVEN = {"acc_7": Metric(intensity.acc_7, "Acc-7", _ROUNDED.format(3))}
_FIVE = {"acc_5": Metric(intensity.acc_5, "Acc-5", _ROUNDED.format(2))}
_FIVE_F1 = {"f1_5": _f1(intensity.f1_5, "F1-5", "Acc-5")}
_CLIPPED = "both sides clipped to [-1, 1]"
_SIMS = {
    "mae": _error(sims.mae, f"mean absolute error, {_CLIPPED}"),
    "pearson": _correlation(sims.pearson, f"Pearson correlation, {_CLIPPED}"),
    "acc_5": Metric(sims.acc_5, "Acc-5", "over bins cut at -0.7, -0.1, 0.1 and 0.7; an edge is in the lower bin"),
    "acc_3": Metric(sims.acc_3, "Acc-3", "over negative, neutral and positive, cut at -0.1 and 0.1"),
    "acc_2": Metric(sims.acc_2, "Acc-2", "0 and below against above 0; all utterances"),
    "f1": _f1(sims.f1, "F1", "Acc-2"),
}
_SIMS_FIVE_F1 = {"f1_5": _f1(sims.f1_5, "F1-5", "Acc-5")}
_WEAK = "Acc-2 over utterances whose label is at most 0.4 from 0"
_SIMSV2 = _SIMS | {
    "acc2_weak": Metric(sims.acc2_weak, "Acc-2 (weak)", _WEAK),
    "r2": Metric(sims.r2, "R²", f"explained share of the labels' variance, {_CLIPPED}", percent=False),
}
_LARGEST = "share of utterances whose class has the largest logit"
_BINARY = {"acc_2": Metric(by_class.accuracy, "Acc-2", _LARGEST), "f1": _f1(by_class.f1, "F1", "Acc-2")}
_FIVE_CLASSES = {"acc_5": Metric(by_class.accuracy, "Acc-5", _LARGEST), "f1_5": _f1(by_class.f1, "F1-5", "Acc-5")}
_CLASSES = {"accuracy": Metric(by_class.accuracy, "Acc", _LARGEST), "f1": _f1(by_class.f1, "F1", "Acc")}
_POLARITY = {
    "acc_3": Metric(by_class.accuracy, "Acc-3", _LARGEST),
    "f1_3": _f1(by_class.f1, "F1-3", "Acc-3"),
    "acc2_has0": Metric(by_class.acc2_has0, "Acc-2 (has0)", "positive against negative and neutral; all utterances"),
    "f1_has0": _f1(by_class.f1_has0, "F1 (has0)", "Acc-2 (has0)"),
    "acc2_non0": Metric(by_class.acc2_non0, "Acc-2 (non0)", "positive against negative; neutral labels are left out"),
    "f1_non0": _f1(by_class.f1_non0, "F1 (non0)", "Acc-2 (non0)"),
}

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            Protocol(
                "intensity",
                "intensities on [-3, 3]: MOSI, MOSEI",
                "intensity",
                _DISTANCE | _SEVEN | _FIVE | _SIGN,
                "mae",
                extra=_FIVE_F1,
            ),
            Protocol(
                "mmmo",
                "intensities on [-2, 2]: ICT-MMMO",
                "intensity",
                _DISTANCE | _FIVE | _SIGN,
                "mae",
                extra=_FIVE_F1,
            ),
            Protocol("sims", "intensities on [-1, 1]: CH-SIMS", "intensity", _SIMS, "mae", extra=_SIMS_FIVE_F1),
            Protocol("simsv2", "intensities on [-1, 1]: CH-SIMS v2", "intensity", _SIMSV2, "mae", extra=_SIMS_FIVE_F1),
            Protocol("signed", "intensities on any range around 0", "intensity", _DISTANCE | _SIGN, "mae"),
            Protocol("range", "intensities on any range", "intensity", _DISTANCE, "mae"),
            Protocol("binary", "two classes: UR-FUNNY", "classes", _BINARY, "acc_2", width=2),
            Protocol("polarity", "negative, neutral, positive", "classes", _POLARITY, "acc_3", width=3),
            Protocol("five", "the five classes of an Acc-5", "classes", _FIVE_CLASSES, "acc_5", width=5),
            Protocol("classes", "any classes", "classes", _CLASSES, "accuracy"),
        )
    }
)
"""Every protocol by name; a known dataset names its own, `protocol_for` picks one for other datasets."""


def protocol(name: str) -> Protocol:
    """Get a protocol by name, with the metrics of plugins after its own.

    Raises:
        UserError: the name is unknown.
    """
    if name not in PROTOCOLS:
        raise UserError(f"no metric protocol is called {name!r}", suggest(name, PROTOCOLS))
    return _with_custom(PROTOCOLS[name])


def _with_custom(found: Protocol) -> Protocol:
    from sentiprism.metrics.custom import METRICS

    kinds = {name: kind for name, kind in METRICS.items() if kind.kind == found.kind}
    added = {name: kind for name, kind in kinds.items() if found.name in (kind.protocols or PROTOCOLS)}
    if not added:
        return found
    for name in added:
        if name in found.known:
            raise UserError(f"a plugin defines the metric {name!r}, which exists", "give it another name")
    metrics = {
        name: Metric(kind(), kind.label, kind.meaning, kind.higher_is_better, kind.percent)
        for name, kind in added.items()
    }
    return replace(found, metrics={**found.metrics, **metrics})


def protocol_for(target: "TargetSpec") -> Protocol:
    """Choose the protocol of a dataset that does not name one, with metrics that fit its range.

    Acc-7 and Acc-5 round to the integers of MOSI's [-3, 3], which makes no sense for [0, 100] or [-1, 1]; metrics of
    the sign need 0 strictly inside the range. The bins of SIMS and ICT-MMMO, and the two-class metrics of three
    classes, are conventions of their datasets and are only used by name.
    """
    if target.kind == "classes":
        return PROTOCOLS["binary" if len(target.classes) == 2 else "classes"]
    if (target.low, target.high) == (-3.0, 3.0):
        return PROTOCOLS["intensity"]
    return PROTOCOLS["signed" if target.low < 0 < target.high else "range"]
