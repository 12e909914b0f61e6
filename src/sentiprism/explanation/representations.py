"""Named representations of utterances in a saved model."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.data.prepare import PreparedSplit
from sentiprism.evaluation.opened import OpenedRun
from sentiprism.training.engine import Engine
from sentiprism.training.predict import forward_all

if TYPE_CHECKING:
    from sentiprism.models import Model

Rows = npt.NDArray[np.int64]


class Representations(NamedTuple):
    """A model's representations of n utterances."""

    rows: Rows
    """(n,) rows in the split."""
    label: npt.NDArray[np.generic]
    """(n,) labels of the dataset."""
    whole: npt.NDArray[np.bool_]
    """(n,) whether the utterance has all modalities that the model uses."""
    features: dict[str, npt.NDArray[np.float32]]
    """(n, D) by the model's names of features."""


class ModelOnSplit(NamedTuple):
    """The selected model of a seed, with a split prepared for it."""

    model: "Model"
    data: PreparedSplit
    engine: Engine

    @property
    def whole(self) -> npt.NDArray[np.bool_]:
        """(N,) whether the utterance has all modalities that the model uses."""
        steps = np.stack([self.data.steps(modality) for modality in self.model.modalities])
        return np.asarray((steps > 0).all(axis=0))


def load_seed(at: OpenedRun, seed: int) -> ModelOnSplit:
    """Load one seed's model, and prepare the split for it."""
    model = at.load(seed).model
    return ModelOnSplit(model, PreparedSplit(at.rows, model.features), at.engine)


def representations(at: ModelOnSplit, limit: int = 2000) -> Representations:
    """Compute representations of at most ``limit`` random utterances, the same in every run of the dataset.

    Memory is needed for one batch and the result.
    """
    rows = draw_rows(np.arange(len(at.data)), limit)
    parts, order = [], []
    for some, output in forward_all(at.model, at.data, at.engine, rows=rows, labels=False):
        parts.append({name: tensor.float().cpu().numpy() for name, tensor in output.features.items()})
        order.append(some)
    back = np.argsort(np.concatenate(order))
    features = {name: np.concatenate([part[name] for part in parts])[back] for name in parts[0]}
    return Representations(rows, at.data.split.labels["M"][rows], at.whole[rows], features)


def draw_rows(rows: Rows, limit: int) -> Rows:
    """Draw at most ``limit`` of the rows, in their order."""
    return rows if len(rows) <= limit else np.sort(np.random.default_rng(0).choice(rows, limit, replace=False))
