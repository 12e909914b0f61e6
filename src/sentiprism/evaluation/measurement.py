"""Results of a run on a split."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sentiprism.evaluation.bootstrap import Interval
from sentiprism.evaluation.constant import MARK, Constant
from sentiprism.evaluation.resampling import Units, drawn_over, units_of
from sentiprism.evaluation.within import WITHIN
from sentiprism.metrics import Protocol
from sentiprism.notebook import make_dataframe, show_html
from sentiprism.training.predict import Predictions
from sentiprism.training.run import Run
from sentiprism.training.selection import selection_of

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Base of results for the finished seeds of a run on one split."""

    run: str
    model: str
    dataset: str
    split: str
    protocol: Protocol
    seeds: tuple[int, ...]
    selection: str
    """Selection rule of each seed's epoch; printed with every number."""

    def header(self) -> dict[str, Any]:
        """Run, dataset, split, seeds and selection, as values for JSON."""
        names = ("run", "model", "dataset", "split", "seeds", "selection")
        return {**{name: getattr(self, name) for name in names}, "seeds": list(self.seeds)}


def header_of(run: Run, dataset: str, split: str, scorer: Protocol, selection: str | None = None) -> dict[str, Any]:
    """Make the fields of a `Measurement` for a run's finished seeds.

    Args:
        run: run with a finished seed.
        dataset: name of the dataset.
        split: its split.
        scorer: its protocol.
        selection: description of the selection rule; by default in terms of ``scorer``.
    """
    return {
        "run": run.name,
        "model": run.config.model,
        "dataset": dataset,
        "split": split,
        "protocol": scorer,
        "seeds": run.finished,
        "selection": selection_of(run, scorer) if selection is None else selection,
    }


@dataclass(frozen=True, kw_only=True)
class Evaluation(Measurement):
    """Metrics and predictions of a run on one split."""

    metrics: dict[str, Interval]
    predictions: tuple[Predictions, ...]
    """One per seed, on the same utterances."""
    constant: Constant | None = None
    """The constant predictor on the same utterances; None if the dataset is missing or has changed."""
    recovery: dict[str, float] = field(default_factory=dict)
    """Synthetic data: rank correlation of modality weights with planted contributions, mean over seeds; else {}."""
    notes: tuple[str, ...] = ()
    """Notes on a dataset that the run was not trained on, or on the run's initial weights."""
    within: Interval | None = None
    """Pearson's r within videos, for pooled folds with intensities; else None."""

    @property
    def stacked(self) -> npt.NDArray[Any]:
        """(S, N) or (S, N, C) predictions."""
        return np.stack([answers.prediction for answers in self.predictions])

    @property
    def mark(self) -> str:
        """Mark after the model's name in tables if it is not better than the constant predictor, else ""."""
        return f" {MARK}" if self.constant is not None and self.constant.better is False else ""

    @property
    def units(self) -> Units:
        """Number of videos (or utterances) for the intervals."""
        return units_of(self.predictions[0].videos, len(self.predictions[0].label))

    @property
    def drawn_over(self) -> str:
        """Units of the intervals: "31 videos", or utterances if their videos are not known."""
        return drawn_over(self.predictions[0].videos)

    def to_dataframe(self) -> "DataFrame":
        """One row per metric: mean and standard deviation over seeds, ends of the 95% interval; unrounded fractions.

        Raises:
            UserError: pandas is not installed.
        """
        return make_dataframe({"metric": name, **value._asdict()} for name, value in self.metrics.items())

    def _repr_html_(self) -> str:
        shown = self.protocol.metrics
        rows = [[one.label, " ".join(self.metrics[name].cells(one.scale))] for name, one in shown.items()]
        title = f"{self.model} on {self.dataset}, {self.split}"
        notes = [f"seeds: {len(self.seeds)}; 95% bootstrap interval over {self.drawn_over}", *self.notes]
        return show_html(title, ["metric", "value"], rows, [*notes, f"selected: {self.selection}"])

    def to_dict(self) -> dict[str, Any]:
        """Everything but the predictions, as values for JSON."""
        return {
            **self.header(),
            "interval_over": self.drawn_over,
            "metrics": {name: value._asdict() for name, value in self.metrics.items()},
            **({WITHIN: self.within._asdict()} if self.within else {}),
            "recovery": self.recovery,
            "constant": self.constant.to_dict() if self.constant else None,
            "notes": list(self.notes),
        }
