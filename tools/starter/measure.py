"""What the starter is worth: for each source and each set of modalities that it has, beside the least one could say."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from sentiprism.data.dataset import Dataset, Split
from sentiprism.data.prepare import PreparedSplit
from sentiprism.evaluation.bootstrap import resample
from sentiprism.metrics import protocol
from sentiprism.models import load_model
from sentiprism.training.engine import Engine
from sentiprism.training.predict import predict
from sentiprism.types import MODALITIES

METRICS = ("mae", "pearson", "acc2_non0")
NOTHING = "mean of train"


def measure(folder: Path, dataset: Dataset, split: str) -> dict[str, dict[str, dict[str, Any]]]:
    """By source and modalities: utterances, metrics with their 95% interval, share and width of the model's interval.

    Args:
        folder: of the saved model.
        dataset: ids begin with their source.
        split: valid or test.
    """
    saved, rows = load_model(folder), dataset.split(split)
    engine, scorer = Engine("cpu", "no"), protocol(dataset.card.protocol)
    data = PreparedSplit(rows, saved.model.features)
    source, learned = sources(rows), sources(dataset.train)
    there = {name: data.steps(name) > 0 for name in MODALITIES}
    label, found = rows.labels["M"], dict[str, dict[str, dict[str, Any]]]()

    def note(name: str, key: str, chosen: np.ndarray[Any, Any], prediction: np.ndarray[Any, Any]) -> None:
        scores = resample(prediction[None, chosen], label[chosen], scorer).intervals()
        one: dict[str, Any] = {"utterances": int(chosen.sum())}
        one |= {metric: [scores[metric].mean, scores[metric].low, scores[metric].high] for metric in METRICS}
        if saved.calibration and key != NOTHING:
            present = np.full(int(chosen.sum()), key.replace(" ", ""))
            one["covered"] = float(saved.calibration.covers(prediction[chosen], label[chosen], present).mean())
            one["width"] = float(saved.calibration.size(prediction[chosen], present).mean())
        found.setdefault(name, {})[key] = one

    names = list(dict.fromkeys(source.tolist()))
    for name in names:
        like = float(dataset.train.labels["M"][learned == name].mean())
        note(name, NOTHING, source == name, np.full(len(rows), like, np.float32))
    for count in (1, 2, 3):
        for kept in combinations(MODALITIES, count):
            having = np.all([there[modality] for modality in kept], axis=0)
            if not having.any():
                continue
            prediction = predict(saved.model, data.only(kept), engine).prediction
            for name in names:
                if (chosen := having & (source == name)).any():
                    note(name, " + ".join(kept), chosen, prediction)
    return found


def sources(split: Split) -> np.ndarray[Any, Any]:
    """(N,) where each utterance comes from."""
    return np.array([str(name).partition(":")[0] for name in split.ids])


def counts(dataset: Dataset) -> dict[str, str]:
    """Utterances of train, valid and test by source, as cells of a table's row."""
    held = [sources(split).tolist() for split in (dataset.train, dataset.valid, dataset.test)]
    return {name: " | ".join(f"{one.count(name):,}" for one in held) for name in dict.fromkeys(held[2])}
