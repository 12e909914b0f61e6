"""Open a run for evaluation: a split of its dataset, and each finished seed's model."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sentiprism.data.dataset import Dataset, Split
from sentiprism.data.prepare import PreparedSplit
from sentiprism.errors import UserError
from sentiprism.models import SavedModel, load_model
from sentiprism.training.engine import Engine
from sentiprism.training.run import Run
from sentiprism.types import FeatureSpec


@dataclass(frozen=True)
class OpenedRun:
    """A run, with a split to predict."""

    run: Run
    dataset: Dataset
    rows: Split
    device: str = "auto"

    @cached_property
    def engine(self) -> Engine:
        """Device and processes; created lazily, so that errors in names do not wait for torch."""
        return Engine(self.device, "no")

    def load(self, seed: int) -> SavedModel:
        """Load one seed's selected model, on the engine's device.

        Raises:
            UserError: it is damaged, or differs from the run's model.
        """
        engine, saved = self.engine, load_model(self.run.model_folder(seed))
        if saved.model.name != self.run.config.model:
            kind, other = self.run.config.model, saved.model.name
            cause = f"{self.run.folder} is a run of {kind!r}, but its seed {seed} has a {other!r}"
            raise UserError(cause, "get an intact copy of the run")
        return saved._replace(model=saved.model.to(engine.device))

    def models(self, features: FeatureSpec | None = None) -> Iterator[tuple[SavedModel, PreparedSplit]]:
        """Iterate over the finished seeds' models, with the prepared split.

        Args:
            features: feature specs for reading the split; by default the model's own.
        """
        prepared = None
        for seed in self.run.finished:
            saved = self.load(seed)
            prepared = prepared or PreparedSplit(self.rows, features or saved.model.features)  # equal for all seeds
            yield saved, prepared


def open_split(run: Run | Path | str, split: str, *, dataset: Dataset | None = None, device: str = "auto") -> OpenedRun:
    """Open a run that has a finished seed, and a split of the dataset it was trained on.

    Arguments and errors as `sentiprism.evaluation.evaluate.evaluate`.
    """
    run = Run.open(run)
    dataset = run.own_dataset(dataset)
    return OpenedRun(run, dataset, dataset.split(split), device)
