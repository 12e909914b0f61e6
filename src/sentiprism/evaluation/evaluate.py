"""Evaluate every seed's selected model on a split."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.data.binned import binned
from sentiprism.data.dataset import Dataset, Split
from sentiprism.data.prepare import PreparedSplit
from sentiprism.errors import UserError
from sentiprism.evaluation.bootstrap import Interval
from sentiprism.evaluation.constant import MARK, Constant, constant_prediction, score
from sentiprism.evaluation.predictions_file import write_predictions
from sentiprism.evaluation.resampling import Units, drawn_over, units_of
from sentiprism.evaluation.within import WITHIN
from sentiprism.metrics import Protocol, protocol
from sentiprism.models import load_model
from sentiprism.notebook import make_dataframe, show_html
from sentiprism.training.engine import Engine
from sentiprism.training.predict import Predictions, predict
from sentiprism.training.run import Run
from sentiprism.training.selection import selection_of
from sentiprism.types import MODALITIES, FeatureSpec

if TYPE_CHECKING:
    from pandas import DataFrame

    from sentiprism.models import Model


class Evaluation(NamedTuple):
    """What is known of a run on one split."""

    run: str
    model: str
    dataset: str
    split: str
    protocol: Protocol
    seeds: tuple[int, ...]
    selection: str
    """The rule by which each seed's epoch was chosen; printed with every number."""
    metrics: dict[str, Interval]
    recovery: dict[str, float]
    """Synthetic data: rank correlation of modality weights with planted contributions, mean over seeds; else {}."""
    predictions: tuple[Predictions, ...]
    """One per seed, on the same utterances."""
    constant: Constant | None = None
    """The constant predictor on the same utterances; None where the dataset is not here any more, or has changed."""
    notes: tuple[str, ...] = ()
    """What must be said of a dataset that the run was not trained on, or of the weights that the run started from."""
    within: Interval | None = None
    """Pearson's r within videos of pooled folds of intensities; None of anything else."""

    @property
    def stacked(self) -> npt.NDArray[Any]:
        """(S, N) or (S, N, C) predictions."""
        return np.stack([answers.prediction for answers in self.predictions])

    @property
    def mark(self) -> str:
        """What stands behind the model's name in tables: a mark where it is not better than the constant predictor."""
        return f" {MARK}" if self.constant is not None and self.constant.better is False else ""

    @property
    def units(self) -> Units:
        """How many videos (or utterances) the intervals are over."""
        return units_of(self.predictions[0].videos, len(self.predictions[0].label))

    @property
    def drawn_over(self) -> str:
        """What the intervals are over: "31 videos", or utterances where their videos are not known."""
        return drawn_over(self.predictions[0].videos)

    def to_dataframe(self) -> "DataFrame":
        """One row a metric: mean and standard deviation over seeds, ends of the 95% interval; unrounded fractions.

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
        """Everything but the predictions, for JSON."""
        return {
            "run": self.run,
            "model": self.model,
            "dataset": self.dataset,
            "split": self.split,
            "seeds": list(self.seeds),
            "selection": self.selection,
            "interval_over": self.drawn_over,
            "metrics": {name: value._asdict() for name, value in self.metrics.items()},
            **({WITHIN: self.within._asdict()} if self.within else {}),
            "recovery": self.recovery,
            "constant": self.constant.to_dict() if self.constant else None,
            "notes": list(self.notes),
        }


def open_run(run: Run | Path | str) -> Run:
    """Open a run, which must have at least one finished seed.

    Raises:
        UserError: it is not a run folder, or no seed is finished.
    """
    run = run if isinstance(run, Run) else Run(run)
    if not run.finished:
        raise UserError(f"no seed of {run.folder} is finished", f"resume it: sentiprism train --resume {run.folder}")
    return run


def evaluate(
    run: Run | Path | str, split: str = "test", *, dataset: Dataset | None = None, device: str = "auto"
) -> Evaluation:
    """Predict a split with every finished seed's selected model and measure it.

    The predictions are kept beside the models, as ``predictions-<split>.parquet``.

    Args:
        run: a `Run` or its folder.
        split: ``train``, ``valid`` or ``test``.
        dataset: by default the run's own, from the store.
        device: as in ``train``.

    Raises:
        UserError: no seed is finished, or the dataset is not the one the run was trained on.
    """
    run = open_run(run)
    dataset = run.load_dataset() if dataset is None else binned(dataset, run.config.data.bins)
    run.check_dataset(dataset.card)
    rows, engine, scorer = dataset.split(split), Engine(device, "no"), protocol(dataset.card.protocol)
    answers = [answer for _, answer in predict_seeds(run, rows, engine)]
    stacked, label = np.stack([one.prediction for one in answers]), rows.labels["M"]
    constant = constant_prediction(dataset.train.labels["M"], dataset.card.target, len(rows))
    metrics, against = score(stacked, label, scorer, rows.video_ids, constant)
    store(run, answers, split, engine)  # only what could be measured is kept
    return Evaluation(
        run=run.name,
        model=run.config.model,
        dataset=dataset.name,
        split=split,
        protocol=scorer,
        seeds=run.finished,
        selection=selection_of(run, scorer),
        metrics=metrics,
        recovery=_recovery(answers, rows),
        predictions=tuple(answers),
        constant=against,
        notes=(run.environment["init"] or {}).get("shared_videos", ()) if split == "test" else (),
    )


def predict_seeds(
    run: Run, rows: Split, engine: Engine, adapt: "Callable[[Model], FeatureSpec] | None" = None
) -> "Iterator[tuple[Model, Predictions]]":
    """Predict a split with each finished seed's selected model.

    Args:
        run: with a finished seed.
        rows: the split.
        engine: device and processes.
        adapt: specs by which the split is read; by default the model's own.

    Yields:
        the model, and its predictions with their calibrated bounds.

    Raises:
        UserError: a seed holds another model than the run's, or the split's features are not the model's.
    """
    prepared = None
    for seed in run.finished:
        saved = load_model(run.seed_folder(seed) / "model")
        if saved.model.name != run.config.model:
            cause = f"{run.folder} is a run of {run.config.model!r}, but its seed {seed} holds a {saved.model.name!r}"
            raise UserError(cause, "get a whole copy of the run")
        if prepared is None:  # every seed was fed alike
            prepared = PreparedSplit(rows, saved.model.features if adapt is None else adapt(saved.model))
        answer = predict(saved.model.to(engine.device), prepared, engine)
        present, known = prepared.present(saved.model.modalities), saved.calibration
        bounds = known.bounds(answer.prediction, present) if known else {}
        yield saved.model, answer._replace(bounds=bounds, present=present)


def store(run: Run, answers: Sequence[Predictions], name: str, engine: Engine) -> None:
    """Write each seed's predictions beside its model, as ``predictions-<name>.parquet``."""
    if engine.is_main:
        for seed, answer in zip(run.finished, answers, strict=True):
            write_predictions(run.seed_folder(seed) / f"predictions-{name}.parquet", answer)


def _recovery(answers: list[Predictions], split: Split) -> dict[str, float]:
    """Spearman's ρ between each modality's weight and its planted contribution, and over all of them together.

    Only utterances with all modalities count: that a missing one has weight 0 is no discovery. A modality whose
    weight never changes, because the model does not use it, has no rank.
    """
    planted = split.planted.get("contribution")
    weights = [one.weights["modality"] for one in answers if "modality" in one.weights]
    if planted is None or not weights:
        return {}
    whole = (planted > 0).all(axis=1)
    if np.count_nonzero(whole) < 2:
        return {}
    from scipy.stats import spearmanr

    columns = {name: (whole, i) for i, name in enumerate(MODALITIES)} | {"all": (whole, slice(None))}
    return {
        name: float(np.mean([spearmanr(w[column].ravel(), planted[column].ravel()).statistic for w in weights]))
        for name, column in columns.items()
        if all(np.ptp(w[column]) > 0 for w in weights)
    }
