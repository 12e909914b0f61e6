"""Load the predictions of a run, or make them."""

import os
from statistics import mean
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import Dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.constant import constant_prediction
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.evaluation.predictions_file import read_predictions
from sentiprism.metrics import Protocol, protocol
from sentiprism.training.predict import Predictions
from sentiprism.training.records import read_history
from sentiprism.training.run import Run

Floats = npt.NDArray[np.float64]


def finished_seed(run: Run, seed: int | None = None) -> int:
    """``seed`` if it is finished; the first that is where None is given.

    Raises:
        UserError: it is not finished.
    """
    if seed is not None and seed not in run.finished:
        raise UserError(f"seed {seed} of {run.name} is not finished", f"choose one of: {_list(run.finished)}")
    return run.finished[0] if seed is None else seed


def load_predictions(run: Run, split: str = "test", *, device: str = "auto") -> dict[int, Predictions]:
    """Predictions of every finished seed on a split; the run is evaluated where they are not kept yet.

    Raises:
        UserError: they cannot be read, or not be made.
    """
    paths = {seed: run.seed_folder(seed) / f"predictions-{split}.parquet" for seed in run.finished}
    if all(os.path.lexists(path) for path in paths.values()):
        kept = {seed: read_predictions(path) for seed, path in paths.items()}
        first = kept[run.finished[0]]
        for seed, one in kept.items():
            if not (np.array_equal(one.ids, first.ids) and np.array_equal(one.label, first.label)):
                cause = f"{paths[seed]} holds other utterances than those of seed {run.finished[0]}"
                raise UserError(cause, "remove both; the run is then evaluated again")
        return _with_videos(run, split, kept)
    made = evaluate(run, split, device=device)
    return dict(zip(made.seeds, made.predictions, strict=True))


def _with_videos(run: Run, split: str, found: dict[int, Predictions]) -> dict[int, Predictions]:
    """With the videos of the dataset, where an earlier version kept predictions without them."""
    if all(one.videos is not None for one in found.values()) or (dataset := dataset_of(run)) is None:
        return found
    rows = dataset.split(split)
    video = dict(zip(map(str, rows.ids), map(str, rows.video_ids), strict=True))
    joined = {seed: [video.get(str(name)) for name in one.ids] for seed, one in found.items()}
    if any(None in column for column in joined.values()):  # predictions of other utterances, by whatever way
        return found
    return {seed: one._replace(videos=np.array(joined[seed])) for seed, one in found.items()}


def dataset_of(run: Run) -> Dataset | None:
    """The dataset a run was trained on; None where it is not here any more, or has changed."""
    try:
        dataset = run.load_dataset()
        run.check_dataset(dataset.card)
    except UserError:
        return None
    return dataset


def protocol_of(run: Run) -> Protocol:
    """How the run's dataset is judged, as it was when the run began."""
    return protocol(run.environment["dataset"]["protocol"])


def load_scores(run: Run, split: str = "test", *, device: str = "auto") -> dict[str, Floats]:
    """Every metric of every finished seed: (S,) by name, unrounded."""
    found = [
        protocol_of(run).compute(one.prediction, one.label)
        for one in load_predictions(run, split, device=device).values()
    ]
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def constant_scores(run: Run, split: str = "test") -> dict[str, float]:
    """Every metric of the constant predictor on a split; {} where the run's dataset is not here, or has changed."""
    dataset = dataset_of(run)
    if dataset is None:
        return {}
    label = dataset.split(split).labels["M"]
    same, _ = constant_prediction(dataset.train.labels["M"], dataset.card.target, len(label))
    return protocol_of(run).compute(same, label)


def training_seconds(run: Run) -> float:
    """Training time of all epochs of a seed without validation, mean over the finished seeds.

    Raises:
        UserError: the scores of a seed's epochs are missing or damaged.
    """
    files = (run.seed_folder(seed) / "metrics.jsonl" for seed in run.finished)
    return float(mean(sum(row["seconds"] for row in read_history(file)) for file in files))


def _list(values: tuple[Any, ...]) -> str:
    return ", ".join(map(str, values))
