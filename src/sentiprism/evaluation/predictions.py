"""Read and write the predictions of a run's seeds."""

import os
from collections.abc import Sequence
from statistics import mean

import numpy as np

from sentiprism.errors import UserError
from sentiprism.evaluation.predictions_file import read_predictions, write_predictions
from sentiprism.training.predict import Predictions
from sentiprism.training.records import read_history
from sentiprism.training.run import Run


def keep_predictions(run: Run, name: str, predictions: Sequence[Predictions]) -> None:
    """Write each finished seed's predictions next to its model, as ``predictions-<name>.parquet``."""
    for seed, made in zip(run.finished, predictions, strict=True):
        write_predictions(run.predictions_file(seed, name), made)


def read_kept(run: Run, split: str) -> dict[int, Predictions] | None:
    """Read stored predictions of every finished seed on a split; None if there are none.

    Raises:
        UserError: they cannot be read, or have different utterances.
    """
    paths = {seed: run.predictions_file(seed, split) for seed in run.finished}
    if not all(os.path.lexists(path) for path in paths.values()):
        return None
    kept = {seed: read_predictions(path) for seed, path in paths.items()}
    first = kept[run.finished[0]]
    for seed, one in kept.items():
        if not (np.array_equal(one.ids, first.ids) and np.array_equal(one.label, first.label)):
            cause = f"{paths[seed]} has other utterances than those of seed {run.finished[0]}"
            raise UserError(cause, "remove both; the run is then evaluated again")
    return _with_videos(run, split, kept)


def _with_videos(run: Run, split: str, found: dict[int, Predictions]) -> dict[int, Predictions]:
    """Add the videos of the dataset to predictions of an earlier version, which lack them."""
    if all(one.videos is not None for one in found.values()) or (dataset := run.find_dataset()) is None:
        return found
    rows = dataset.split(split)
    video = dict(zip(map(str, rows.ids), map(str, rows.video_ids), strict=True))
    joined = {seed: [video.get(str(name)) for name in one.ids] for seed, one in found.items()}
    if any(None in column for column in joined.values()):  # some utterances are not in the dataset
        return found
    return {seed: one._replace(videos=np.array(joined[seed])) for seed, one in found.items()}


def training_seconds(run: Run) -> float:
    """Training time of all epochs of a seed without validation, mean over the finished seeds.

    Raises:
        UserError: the scores of a seed's epochs are missing or damaged.
    """
    files = (run.seed_folder(seed) / "metrics.jsonl" for seed in run.finished)
    return float(mean(sum(row["seconds"] for row in read_history(file)) for file in files))
