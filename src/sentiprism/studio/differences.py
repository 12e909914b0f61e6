"""Utterances that two runs predict differently."""

from math import isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sentiprism.data.dataset import Dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.disagreement import read_disagreement


class Differing(NamedTuple):
    """An utterance with the predictions of two runs."""

    number: int
    """Of its row in the split."""
    id: str
    text: str
    label: float
    a: float
    b: float
    """Predictions: intensities, or numbers of classes."""
    apart: float
    """Distance of the predictions; of classes, 1 where they are different."""


def find_differing(runs: tuple[Path, Path], dataset: Dataset, split: str) -> list[Differing]:
    """Utterances of a split by how far the predictions of two runs are apart, the farthest first.

    Nothing is predicted: what the runs have stored is read.

    Args:
        runs: folders of two runs.
        dataset: whose utterances.
        split: its split.

    Raises:
        UserError: a run has no predictions for the split, or they cannot be read.
    """
    found = []
    for run in runs:
        made = read_disagreement(run, dataset)
        if made is None or split not in made.splits:
            raise UserError(f"{run.name} has not predicted {split} of {dataset.name} yet", "predict it first")
        found.append(made.prediction[split])
    rows, (a, b) = dataset.split(split), found
    apart = np.abs(a - b) if dataset.card.target.kind != "classes" else np.where(np.isfinite(a - b), a != b, np.nan)
    label = rows.labels["M"]
    order = np.argsort(-np.nan_to_num(apart, nan=-1.0), kind="stable")
    texts = rows.texts
    return [
        Differing(
            int(n),
            str(rows.ids[n]),
            (texts[n] if texts is not None else None) or "",
            float(label[n]),
            float(a[n]),
            float(b[n]),
            float(apart[n]),
        )
        for n in order
        if isfinite(apart[n])
    ]
