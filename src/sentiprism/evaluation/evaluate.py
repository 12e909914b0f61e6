"""Evaluate every seed's selected model on a split."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sentiprism.data.dataset import Dataset, Split
from sentiprism.evaluation.constant import Array, constant_of, score
from sentiprism.evaluation.measurement import Evaluation, header_of
from sentiprism.evaluation.opened import OpenedRun, open_split
from sentiprism.evaluation.predictions import keep_predictions, read_kept
from sentiprism.metrics import protocol
from sentiprism.training.predict import Predictions, predict
from sentiprism.training.run import Run
from sentiprism.types import MODALITIES, FeatureSpec


def evaluate(
    run: Run | Path | str, split: str = "test", *, dataset: Dataset | None = None, device: str = "auto"
) -> Evaluation:
    """Predict a split with every finished seed's selected model and evaluate it.

    The predictions are stored with the models, as ``predictions-<split>.parquet``.

    Args:
        run: a `Run` or its folder.
        split: ``train``, ``valid`` or ``test``.
        dataset: by default the run's own, from the store.
        device: as in ``train``.

    Raises:
        UserError: no seed is finished, or the dataset differs from the run's.
    """
    at = open_split(run, split, dataset=dataset, device=device)
    predictions = list(predict_seeds(at))
    header = header_of(at.run, at.dataset.name, split, protocol(at.dataset.card.protocol))
    found = measure(header, predictions, constant_of(at.dataset, len(at.rows)))
    if at.engine.is_main:  # store predictions only after they could be scored
        keep_predictions(at.run, split, predictions)
    notes = (at.run.environment["init"] or {}).get("shared_videos", ()) if split == "test" else ()
    return replace(found, recovery=_recovery(predictions, at.rows), notes=notes)


def load_evaluation(run: Run | Path | str, split: str = "test", *, device: str = "auto") -> Evaluation:
    """As `evaluate`, but from stored predictions of an earlier evaluation if there are any.

    Recovery of planted contributions, which needs the dataset, is left out.

    Raises:
        UserError: no seed is finished, or there are no predictions and they cannot be made.
    """
    run = Run.open(run)
    predictions = list(load_predictions(run, split, device=device).values())
    dataset = run.find_dataset()
    constant = None if dataset is None else constant_of(dataset, len(predictions[0].label))
    return measure(header_of(run, run.environment["dataset"]["name"], split, run.protocol), predictions, constant)


def load_predictions(run: Run, split: str = "test", *, device: str = "auto") -> dict[int, Predictions]:
    """Load predictions of every finished seed on a split; the run is evaluated if they are not stored yet.

    Raises:
        UserError: they cannot be read or made.
    """
    kept = read_kept(run, split)
    if kept is not None:
        return kept
    made = evaluate(run, split, device=device)
    return dict(zip(made.seeds, made.predictions, strict=True))


def predict_seeds(at: OpenedRun, features: FeatureSpec | None = None) -> Iterator[Predictions]:
    """Predict a split with each finished seed's selected model.

    Args:
        at: run and split.
        features: feature specs for reading the split; by default the models' own.

    Yields:
        One seed's predictions with their calibrated bounds.
    """
    for saved, data in at.models(features):
        made = predict(saved.model, data, at.engine)
        present = data.present(saved.model.modalities)
        bounds = saved.calibration.bounds(made.prediction, present) if saved.calibration else {}
        yield made._replace(bounds=bounds, present=present)


def measure(
    header: dict[str, Any], predictions: Sequence[Predictions], constant: tuple[Array, str] | None
) -> Evaluation:
    """Score the predictions of every seed, and the constant predictor.

    Args:
        header: see `header_of`.
        predictions: one per seed, on the same utterances.
        constant: see `constant_of`; None if train's labels are not known.
    """
    first, stacked = predictions[0], np.stack([one.prediction for one in predictions])
    metrics, against = score(stacked, first.label, header["protocol"], first.videos, constant)
    return Evaluation(**header, metrics=metrics, predictions=tuple(predictions), constant=against)


def _recovery(predictions: Sequence[Predictions], split: Split) -> dict[str, float]:
    """Spearman's ρ between each modality's weight and its planted contribution, and over all of them together.

    Only utterances with all modalities count, since the weight of a missing one is always 0. A modality with a constant
    weight, because the model does not use it, has no rank.
    """
    planted = split.planted.get("contribution")
    weights = [one.weights["modality"] for one in predictions if "modality" in one.weights]
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
