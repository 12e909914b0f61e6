"""Compare stored predictions of a run with the labels of a dataset, utterance by utterance."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import SPLITS, Dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.predictions_file import read_predictions
from sentiprism.files import safe_name
from sentiprism.training.run import Run

Array = npt.NDArray[Any]


class Disagreement(NamedTuple):
    """Predictions of a run for a dataset's utterances, by split."""

    prediction: dict[str, Array]
    """(N,) float: the mean over the seeds, or the most probable class; NaN = not predicted."""
    difference: dict[str, Array]
    """(N,) |prediction − label|; for classes how much more probable the predicted class is than the label."""
    splits: tuple[str, ...]
    """Splits that have predictions."""


def read_disagreement(run: Run | Path | str, dataset: Dataset) -> Disagreement | None:
    """Read what the seeds of a run predicted for a dataset; nothing is predicted here.

    Args:
        run: a `Run` or its folder.
        dataset: whose utterances; predictions are joined by id. If the run was trained on another dataset, these are
            the predictions of `evaluate_on`.

    Returns:
        The predictions; None if the run has none for this dataset.

    Raises:
        UserError: the run or a file of predictions is damaged, or predicts labels of another kind.
    """
    run = Run.open(run)
    own = dataset.card.content == run.environment["dataset"]["content"]
    prediction, difference, splits = {}, {}, []
    for name in SPLITS:
        split = dataset.split(name)
        suffix = name if own else f"{safe_name(dataset.name, 'dataset name')}-{name}"
        files = sorted(run.folder.glob(f"seed-*/predictions-{suffix}.parquet"))
        made = [_read(file, file.stat().st_mtime_ns) for file in files]
        mean = _mean(made, split.ids)
        if files:
            splits.append(name)
        prediction[name], difference[name] = _compare(mean, split.labels["M"])
    return Disagreement(prediction, difference, tuple(splits)) if splits else None


@lru_cache(maxsize=32)
def _read(file: Path, changed: int) -> Mapping[str, Array]:  # noqa: ARG001 - part of the cache's key
    """(1,) or (C,) prediction by id; logits as probabilities."""
    found = read_predictions(file)
    values = found.prediction.astype(np.float64)
    if values.ndim > 1:
        values = np.exp(values - values.max(axis=1, keepdims=True))
        values /= values.sum(axis=1, keepdims=True)
    return dict(zip(map(str, found.ids), values.reshape(len(values), -1), strict=True))


def _mean(made: list[Mapping[str, Array]], ids: Array) -> Array:
    """(N, 1) or (N, C) mean over the seeds; NaN for utterances that a seed did not predict."""
    width = len(next(iter(made[0].values()))) if made else 1
    total = np.zeros((len(ids), width))
    unknown = np.full(width, np.nan)
    for one in made:
        rows = [one.get(str(name), unknown) for name in ids]
        if any(len(row) != width for row in rows):
            raise UserError("the seeds of the run predict different classes", "evaluate the run again")
        total += np.array(rows)
    return total / len(made) if made else np.full((len(ids), 1), np.nan)


def _compare(mean: Array, label: Array) -> tuple[Array, Array]:
    """(N,) prediction, and (N,) difference from the label."""
    known = np.asarray(np.isfinite(mean).all(axis=1))
    if label.dtype.kind != "i":
        if mean.shape[1] != 1:
            raise UserError("the run predicts classes, the dataset has intensities", "choose another run")
        return mean[:, 0], np.abs(mean[:, 0] - label)
    if mean.shape[1] == 1 and known.any():
        raise UserError("the run predicts intensities, the dataset has classes", "choose another run")
    if not known.any():
        return np.full(len(label), np.nan), np.full(len(label), np.nan)
    if label.max(initial=0) >= mean.shape[1]:
        raise UserError("the run predicts other classes than the dataset has", "choose another run")
    best = np.argmax(np.where(known[:, None], mean, 0.0), axis=1)
    rows = np.arange(len(label))
    chosen = np.where(known, best, np.nan)
    return chosen, np.where(known, mean[rows, best] - mean[rows, label], np.nan)
