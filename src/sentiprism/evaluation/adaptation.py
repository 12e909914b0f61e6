"""Cross-validate the fine-tuning of a saved model."""

from collections import Counter
from collections.abc import Callable
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.data.importers.folds import split_videos
from sentiprism.data.prepare import PreparedSplit
from sentiprism.evaluation.bootstrap import Interval, resample
from sentiprism.evaluation.constant import NAME, is_better
from sentiprism.evaluation.differences import Difference, pair_scores
from sentiprism.evaluation.resampling import Units, units_of
from sentiprism.evaluation.within import within_videos
from sentiprism.metrics import Protocol
from sentiprism.models import load_model
from sentiprism.tables import number
from sentiprism.training.adapt import AdaptConfig, fine_tune
from sentiprism.training.engine import Engine
from sentiprism.training.predict import predict

if TYPE_CHECKING:
    from sentiprism.models import Model

Array = npt.NDArray[Any]
METRICS = ("mae", "pearson")
"""Metrics of tables for few utterances; the first one decides."""
BEFORE, AFTER = "before", "after"
RESAMPLES = 5000
"""Resamples of the bootstrap over videos, as in `compare`."""


class BeforeAfter(NamedTuple):
    """Predictions for the same utterances, by models that were not trained on them."""

    label: Array
    videos: Array
    constant: Array
    """Mean of the labels that the adapted model was trained on."""
    before: Array
    after: Array


class Effect(NamedTuple):
    """Effect of adapting a model, on utterances that it was not trained on."""

    utterances: int
    units: Units
    """Units that the bootstrap draws."""
    metrics: dict[str, dict[str, Interval]]
    """By predictor (`NAME`, "before", "after") and metric."""
    within: dict[str, float]
    """Pearson's r within videos, by predictor."""
    differences: dict[str, Difference]
    """After minus before, by metric."""
    helped: bool | None
    """Whether the interval of the difference in MAE is an improvement; None if there are too few videos."""
    beats_constant: bool | None

    @property
    def verdict(self) -> str:
        """Whether it helped, in one sentence."""
        change = self.differences[METRICS[0]]
        told = f"MAE after minus before {number(change.mean)} [{number(change.low)}, {number(change.high)}]"
        if self.helped is None:
            return f"whether it helped cannot be told: {self.units.too_few} are too few; {told}"
        if self.helped:
            return f"it helped: {told}"
        return f"it did not help: {told}" + ("" if change.low > 0 else ", an interval that includes 0")

    def to_dict(self) -> dict[str, Any]:
        """As values for JSON."""
        return {
            "utterances": self.utterances,
            self.units.name: self.units.number,
            "metrics": {name: {m: v._asdict() for m, v in row.items()} for name, row in self.metrics.items()},
            "r_within_videos": self.within,
            "after_less_before": {name: one._asdict() for name, one in self.differences.items()},
            "helped": self.helped,
            "better_than_constant": self.beats_constant,
            "verdict": self.verdict,
        }


def cross_validate(
    model: Path,
    data: PreparedSplit,
    scorer: Protocol,
    engine: Engine,
    config: AdaptConfig,
    on: Callable[[int, int], Any] | None = None,
) -> BeforeAfter:
    """Predict each video by a copy of the model that was fine-tuned on the other folds' videos.

    Args:
        model: folder of the saved model.
        data: all labelled utterances, prepared with the model's own features.
        scorer: protocol for the labels' scale.
        engine: device.
        config: folds and fine-tuning.
        on: called with the number of finished folds and of all folds.

    Raises:
        UserError: there are fewer videos than `folds.LEAST`.
    """
    videos = np.asarray(data.split.video_ids, str)
    sizes = Counter(videos.tolist())
    count = min(config.folds, len(sizes))
    label = np.asarray(data.split.labels["M"], np.float32)
    base = load_model(model).model
    before = predict(base.to(engine.device), data, engine).prediction
    constant, after = np.zeros_like(label), np.zeros_like(label)
    for fold in range(1, count + 1):
        place = split_videos(f"{fold}/{count}", sizes, [])
        left_out = np.array([place[video] == "test" for video in videos.tolist()])
        rows, held = np.flatnonzero(~left_out), np.flatnonzero(left_out)
        tuned = fine_tune(model, data.subset(rows), scorer, engine, config)
        after[held] = predict(tuned, data.subset(held), engine).prediction
        constant[held] = label[rows].mean(dtype=np.float64)
        if on is not None:
            on(fold, count)
    return _clipped(base, label, videos, constant, before, after)


def predict_unseen(
    model: Path, tuned: "Model", data: PreparedSplit, train: PreparedSplit, engine: Engine
) -> BeforeAfter:
    """Predict utterances that were used neither in the cross-validation nor to adapt the model.

    Args:
        model: folder of the saved model that was adapted.
        tuned: the adapted model.
        data: the utterances.
        train: the utterances for adaptation.
        engine: device.
    """
    base = load_model(model).model
    label = np.asarray(data.split.labels["M"], np.float32)
    constant = np.full_like(label, train.split.labels["M"].mean(dtype=np.float64))
    before, after = (predict(one.to(engine.device), data, engine).prediction for one in (base, tuned))
    return _clipped(base, label, np.asarray(data.split.video_ids, str), constant, before, after)


def _clipped(base: "Model", label: Array, videos: Array, *predictions: Array) -> BeforeAfter:
    """Clip predictions to the labels' range, as `analyze` does."""
    inside = (np.clip(values, base.target.low, base.target.high) for values in predictions)
    return BeforeAfter(label, videos, *inside)


def measure(found: BeforeAfter, scorer: Protocol) -> Effect:
    """Score the constant predictor and the model before and after, on the same resamples of videos."""
    named = {NAME: found.constant, BEFORE: found.before, AFTER: found.after}
    drawn = {
        name: resample(values[None], found.label, scorer, videos=found.videos, resamples=RESAMPLES)
        for name, values in named.items()
    }
    change = pair_scores(drawn[AFTER], drawn[BEFORE], tests=METRICS)
    gain = pair_scores(drawn[AFTER], drawn[NAME], tests=METRICS)[scorer.default_selection]
    metrics = {name: {key: one.intervals()[key] for key in METRICS} for name, one in drawn.items()}
    metrics[NAME]["pearson"] = Interval(nan, nan, nan, nan)  # the ranking of the folds' means would be an artefact
    return Effect(
        utterances=len(found.label),
        units=units_of(found.videos, len(found.label)),
        metrics=metrics,
        within={name: within_videos(values, found.label, found.videos) for name, values in named.items()},
        differences={key: change[key] for key in METRICS},
        helped=is_better(change[scorer.default_selection], scorer),
        beats_constant=is_better(gain, scorer),
    )
