"""What a saved model makes of utterances: its named features."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.data.prepare import PreparedSplit
from sentiprism.evaluation.evaluate import open_run
from sentiprism.evaluation.predictions import finished_seed
from sentiprism.models import load_model
from sentiprism.training.engine import Engine
from sentiprism.training.predict import forward_all
from sentiprism.training.run import Run

if TYPE_CHECKING:
    from sentiprism.models import Model

Rows = npt.NDArray[np.int64]


class Representations(NamedTuple):
    """What a model makes of n utterances."""

    rows: Rows
    """(n,) in the split."""
    label: npt.NDArray[np.generic]
    """(n,) as the dataset has them."""
    whole: npt.NDArray[np.bool_]
    """(n,) whether the utterance has every modality that the model uses."""
    features: dict[str, npt.NDArray[np.float32]]
    """(n, D) by the model's own names."""


class Fed(NamedTuple):
    """A selected model beside the split that it is to see."""

    model: "Model"
    data: PreparedSplit
    engine: Engine

    @property
    def whole(self) -> npt.NDArray[np.bool_]:
        """(N,) whether the utterance has every modality that the model uses."""
        steps = np.stack([self.data.steps(modality) for modality in self.model.modalities])
        return np.asarray((steps > 0).all(axis=0))


def representations(
    run: Run | Path | str, split: str = "test", *, seed: int | None = None, limit: int = 2000, device: str = "auto"
) -> Representations:
    """Features of at most ``limit`` utterances, drawn without replacement and the same in every run of the dataset.

    Memory is that of one batch and of what is returned.

    Args:
        run: a `Run` or its folder.
        split: ``train``, ``valid`` or ``test``.
        seed: whose model; by default the first finished one.
        limit: n at most.
        device: as in ``train``.

    Raises:
        UserError: the run has no such seed, or its dataset has changed.
    """
    at = feed(run, split, seed, device)
    rows = drawn(np.arange(len(at.data)), limit)
    parts, order = [], []
    for some, output in forward_all(at.model, at.data, at.engine, rows=rows, labels=False):
        parts.append({name: tensor.float().cpu().numpy() for name, tensor in output.features.items()})
        order.append(some)
    back = np.argsort(np.concatenate(order))
    features = {name: np.concatenate([part[name] for part in parts])[back] for name in parts[0]}
    return Representations(rows, at.data.split.labels["M"][rows], at.whole[rows], features)


def drawn(rows: Rows, limit: int) -> Rows:
    """At most ``limit`` of the rows, in their order."""
    return rows if len(rows) <= limit else np.sort(np.random.default_rng(0).choice(rows, limit, replace=False))


def feed(run: Run | Path | str, split: str, seed: int | None, device: str) -> Fed:
    """Load one seed's model, by default that of the first finished seed, and prepare a split for it."""
    run = open_run(run)
    seed = finished_seed(run, seed)
    dataset = run.load_dataset()
    run.check_dataset(dataset.card)
    rows, engine = dataset.split(split), Engine(device, "no")
    model = load_model(run.seed_folder(seed) / "model").model
    return Fed(model.to(engine.device), PreparedSplit(rows, model.features), engine)
