"""Metrics of every seed of a run, without intervals."""

import numpy as np
import numpy.typing as npt

from sentiprism.evaluation.constant import constant_of
from sentiprism.evaluation.evaluate import load_predictions
from sentiprism.training.run import Run

Floats = npt.NDArray[np.float64]


def load_scores(run: Run, split: str = "test", *, device: str = "auto") -> dict[str, Floats]:
    """Load all metrics of every finished seed: (S,) by name, unrounded."""
    predictions = load_predictions(run, split, device=device).values()
    found = [run.protocol.compute(one.prediction, one.label) for one in predictions]
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def constant_scores(run: Run, split: str = "test") -> dict[str, float]:
    """Compute all metrics of the constant predictor on a split; {} if the run's dataset is missing or has changed."""
    dataset = run.find_dataset()
    if dataset is None:
        return {}
    label = dataset.split(split).labels["M"]
    return run.protocol.compute(constant_of(dataset, len(label))[0], label)
