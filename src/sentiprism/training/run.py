"""Run folder: configuration, environment, and each seed's results."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiprism.config import dump
from sentiprism.data.binned import binned
from sentiprism.data.dataset import Card, Dataset
from sentiprism.data.names import COMMA, short_name
from sentiprism.data.store import load_dataset
from sentiprism.errors import UserError, suggest
from sentiprism.files import check_writable, write_text
from sentiprism.metrics import Protocol, protocol
from sentiprism.models import MODELS
from sentiprism.models.hub import repository_folder
from sentiprism.notebook import make_dataframe, show_html
from sentiprism.plugins import check_plugin
from sentiprism.tables import number
from sentiprism.training.config import RunConfig
from sentiprism.training.records import REMEDY, make_environment, read_environment, read_summary
from sentiprism.yaml_files import load_yaml

if TYPE_CHECKING:
    from pandas import DataFrame

WRITTEN_LAST = [*RunConfig.model_fields][-1]
"""Last key in ``run.yaml``."""


class Run:
    """An existing run folder.

    Args:
        folder: written by `train`.

    Raises:
        UserError: it is not a run.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        if not (self.folder / "run.yaml").is_file():
            around = self.folder.parent
            near = [str(f.parent) for f in around.glob("*/run.yaml")] if around.is_dir() else []
            remedy = suggest(str(self.folder), near) if near else "give a folder that 'sentiprism train' has written"
            raise UserError(f"{self.folder} is not a run folder", remedy)
        written = load_yaml(self.folder / "run.yaml")
        self.config = RunConfig.parse(written, str(self.folder / "run.yaml"))
        if (
            WRITTEN_LAST not in written
        ):  # all keys are written, and a file that is cut at a line end is still valid YAML
            raise UserError(f"{self.folder / 'run.yaml'} is incomplete", REMEDY)
        self.environment = read_environment(self.folder / "environment.json")
        if plugin := self.environment.get("plugin"):  # built-in models are checked when needed
            check_plugin(MODELS, self.config.model, plugin, f"{self.folder}, a run,")

    @classmethod
    def create(
        cls,
        folder: Path,
        config: RunConfig,
        card: Card,
        device: str,
        precision: str,
        init: dict[str, Any] | None = None,
    ) -> "Run":
        """Make the folder and write configuration and environment; ``init`` is the record of the initial weights."""
        check_new(folder)
        environment = {**make_environment(card, device, precision), "init": init}
        if (plugin := MODELS.plugin_of(config.model)) is not None:
            environment["plugin"] = plugin
        write_text(folder / "environment.json", json.dumps(environment, indent=1))
        write_text(folder / "run.yaml", dump(config))
        return cls(folder)

    @classmethod
    def open(cls, run: "Run | Path | str") -> "Run":
        """Open a run, which must have at least one finished seed.

        Args:
            run: a run, its folder, or ``hf://OWNER/NAME@REVISION`` if a run was published there.

        Raises:
            UserError: it is not a run folder, or no seed is finished.
        """
        run = run if isinstance(run, Run) else cls(repository_folder(run))
        if not run.finished:
            raise UserError(
                f"no seed of {run.folder} is finished", f"resume it: sentiprism train --resume {run.folder}"
            )
        return run

    def load_dataset(self, *, verify: bool = True) -> Dataset:
        """Load the dataset that the run was trained on from the store, with the same labels.

        Args:
            verify: as in `sentiprism.data.store.load_dataset`.

        Raises:
            UserError: it is missing or damaged; changes are found by `check_dataset`.
        """
        return binned(load_dataset(self.config.dataset, verify=verify), self.config.data.bins)

    def own_dataset(self, given: Dataset | None = None) -> Dataset:
        """The dataset it was trained on, unchanged, with the labels it was trained on.

        Args:
            given: the dataset where it is open already; by default it is taken from the store.

        Raises:
            UserError: it is not there, is damaged or has changed.
        """
        dataset = self.load_dataset() if given is None else binned(given, self.config.data.bins)
        self.check_dataset(dataset.card)
        return dataset

    def find_dataset(self) -> Dataset | None:
        """As `own_dataset`; None where it is not here any more, is damaged or has changed."""
        try:
            return self.own_dataset()
        except UserError:
            return None

    def check_dataset(self, card: Card) -> None:
        """Refuse a dataset that is not the one the run was trained on.

        Raises:
            UserError: its content differs.
        """
        if card.content != self.environment["dataset"]["content"]:
            raise UserError(
                f"dataset {card.name} has changed since {self.name} began", "import the same files, or train a new run"
            )

    def check_precision(self, precision: str) -> None:
        """Refuse a precision that differs from the run's.

        Raises:
            UserError: it is neither ``auto`` nor the run's.
        """
        begun = self.environment["precision"]
        if precision not in {"auto", begun}:
            raise UserError(
                f"{self.name} was begun with precision {begun}", "leave out `precision`, or train a new run"
            )

    def check_init(self, weights: Mapping[int, str]) -> None:
        """Refuse initial weights that differ from those the run began with.

        Args:
            weights: SHA-256 of the file by seed; a seed that is added now may start from any.

        Raises:
            UserError: the file has changed, by its SHA-256.
        """
        record = self.environment["init"] or {}
        begun = {int(seed): one for seed, one in record.get("seeds", {}).items()}
        if any(one != (begun.get(seed, one) if begun else record.get("weights")) for seed, one in weights.items()):
            raise UserError(f"the weights that {self.name} starts from have changed since it began", "train a new run")

    def with_seeds(self, seeds: int | tuple[int, ...]) -> RunConfig:
        """The configuration with more seeds; nothing is written.

        Args:
            seeds: how many from the first on, or which; must include the run's present seeds.

        Raises:
            UserError: a present seed is missing.
        """
        wanted = RunConfig.parse({**self.config.model_dump(mode="json"), "seeds": seeds}, "run configuration")
        lost = [str(seed) for seed in self.config.seeds if seed not in wanted.seeds]
        if lost:
            raise UserError(
                f"{self.name} already has seeds that are not in the new list: {', '.join(lost)}", "train a new run"
            )
        return wanted

    def extend(self, config: RunConfig, *, write: bool = True) -> None:
        """Use this configuration, from `with_seeds`, from now on.

        Args:
            config: the configuration.
            write: whether to write it to the folder; with several processes, one does.
        """
        if write:
            write_text(self.folder / "run.yaml", dump(config))
        self.config = config

    def seed_folder(self, seed: int) -> Path:
        """Folder of one seed's files."""
        return self.folder / f"seed-{seed}"

    def model_folder(self, seed: int) -> Path:
        """Folder of one seed's selected model."""
        return self.seed_folder(seed) / "model"

    def predictions_file(self, seed: int, name: str) -> Path:
        """Where one seed's predictions on a split are kept."""
        return self.seed_folder(seed) / f"predictions-{name}.parquet"

    def choose_seed(self, seed: int | None = None) -> int:
        """Return ``seed`` if it is finished, or the first finished one where None is given.

        Raises:
            UserError: it is not finished.
        """
        if seed is not None and seed not in self.finished:
            known = ", ".join(map(str, self.finished))
            raise UserError(f"seed {seed} of {self.name} is not finished", f"choose one of: {known}")
        return self.finished[0] if seed is None else seed

    @property
    def protocol(self) -> Protocol:
        """Metrics of its dataset, as they were when the run began."""
        return protocol(self.environment["dataset"]["protocol"])

    @property
    def summary(self) -> dict[int, dict[str, Any]]:
        """Record of the best epoch of each finished seed."""
        path = self.folder / "summary.json"
        return read_summary(path) if os.path.lexists(path) else {}

    def valid_scores(self, metric: str) -> list[float]:
        """Valid score of each finished seed in its best epoch.

        Raises:
            UserError: the summary lacks it.
        """
        rows = self.summary
        try:
            return [rows[seed]["valid"][metric] for seed in self.finished]
        except KeyError:
            raise UserError(f"{self.folder / 'summary.json'} lacks the valid score {metric!r}", REMEDY) from None

    def record(self, seed: int, best: dict[str, Any]) -> None:
        """Record a finished seed."""
        done = {**self.summary, seed: best}
        write_text(self.folder / "summary.json", json.dumps({str(s): done[s] for s in sorted(done)}, indent=1))

    @property
    def finished(self) -> tuple[int, ...]:
        """Finished seeds."""
        done = self.summary
        return tuple(seed for seed in self.config.seeds if seed in done)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def to_dataframe(self) -> "DataFrame":
        """Table with one row per finished seed: its best epoch and valid scores.

        Raises:
            UserError: pandas is not installed.
        """
        return make_dataframe(
            {"seed": seed, "epoch": row["epoch"], **row["valid"]} for seed, row in self.summary.items()
        )

    def _repr_html_(self) -> str:
        done = self.summary
        metrics = [*next(iter(done.values()))["valid"]] if done else []
        rows = [
            [str(seed), str(row["epoch"]), *(number(row["valid"][m]) for m in metrics)] for seed, row in done.items()
        ]
        title = f"{self.name}: {self.config.model} on {self.config.dataset}"
        note = f"{len(self.finished)} of {len(self.config.seeds)} seeds finished; scores on valid"
        return show_html(title, ["seed", "epoch", *metrics], rows, [note])


def check_new(folder: Path) -> None:
    """Refuse a folder that a new run cannot use.

    Raises:
        UserError: it is not empty, or cannot be written.
        OSError: it may not be written.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"{folder} exists already", "choose another `out`, or resume it with `resume`")
    check_writable(folder)


def new_folder(config: RunConfig) -> Path:
    """A new path ``runs/<model>-<dataset>-<time>``, not created yet."""
    name = f"{config.model}-{short_name(config.dataset).replace(COMMA, '+')}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    numbered = (Path("runs") / (f"{name}-{n}" if n else name) for n in count())
    return next(folder for folder in numbered if not folder.exists())
