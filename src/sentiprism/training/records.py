"""Schemas of a run's files."""

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from sentiprism import __version__
from sentiprism.config import Record, Undefined
from sentiprism.data.dataset import Card
from sentiprism.reading import MB, read_json, read_json_lines

REMEDY = "get a complete copy of the run, or train it again"
HISTORY = 128 * MB
"""Largest ``metrics.jsonl`` in bytes; a run with the most epochs allowed needs half of it."""
Scores = dict[str, Undefined]


class DatasetRecord(Record):
    """The dataset when the run began."""

    name: str
    content: str
    protocol: str
    fold: Annotated[str, Field(pattern=r"^[1-9]\d{0,3}/[1-9]\d{0,3}$")] | None = None


class InitRecord(Record):
    """Saved model that the run started from."""

    source: str
    weights: str
    """SHA-256 of its file of weights; of the first seed's, if each seed starts from its own."""
    seeds: dict[str, str] = {}
    """SHA-256 of the weights that each seed starts from, if each has its own."""
    taken: int = Field(gt=0)
    left: tuple[str, ...]
    """Tensors that were newly initialised."""
    shared_videos: tuple[str, ...] = ()
    """Notes on whether that model was trained on videos of test."""


class Environment(Record):
    """``environment.json``: versions and data of a run; it may have further keys for people to read."""

    model_config = ConfigDict(extra="allow")

    device: str
    precision: Literal["no", "bf16", "fp16"]
    threads: int = Field(gt=0)
    gpu: str | None = None
    command: str
    dataset: DatasetRecord
    init: InitRecord | None = None
    plugin: dict[str, str] | None = None
    """The plugin of a model that is not built in, for people to read; nothing is imported from it."""


class Epoch(Record):
    """One epoch: a line of ``metrics.jsonl`` or a seed's entry in ``summary.json``."""

    model_config = ConfigDict(extra="allow")

    epoch: int = Field(ge=0)
    seconds: float = Field(ge=0)
    train: Scores
    valid: Scores
    valid_losses: Scores = {}
    weights_kl: Scores = {}
    best: bool
    solution: Annotated[dict[str, float], Field(min_length=1)] | None = None
    """Settings of this solution, for a model that is fitted in closed form."""


class Summary(Record):
    """``summary.json``: the best epoch of each finished seed."""

    seeds: dict[int, Epoch]


class OracleEpoch(Record):
    """A line of ``oracle.jsonl``."""

    epoch: int = Field(ge=0)
    test: Scores


class Progress(Record):
    """Position in training, in the header of a checkpoint."""

    epoch: int = Field(ge=0)
    step: int = Field(ge=0)
    sums: list[Undefined]
    history: list[Epoch]
    scaler: dict[str, float]


def make_environment(card: Card, device: str, precision: str) -> dict[str, Any]:
    """What ``environment.json`` is written from: program, machine, command and dataset."""
    import torch

    return {
        "sentiprism": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "torch": torch.__version__,
        "packages": {name: version(name) for name in ("accelerate", "numpy", "pyarrow", "transformers")},
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": device,
        "precision": precision,
        "gpu": torch.cuda.get_device_name() if device.startswith("cuda") else None,
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "dataset": {"name": card.name, "content": card.content, "protocol": card.protocol, "fold": card.fold},
    }


def read_environment(path: Path) -> dict[str, Any]:
    """Read ``environment.json``.

    Raises:
        UserError: it is missing or damaged.
    """
    return Environment.parse(read_json(path), str(path), REMEDY).model_dump()


def read_summary(path: Path) -> dict[int, dict[str, Any]]:
    """Read ``summary.json``: the best epoch of each finished seed.

    Raises:
        UserError: it is damaged.
    """
    found = Summary.parse({"seeds": read_json(path)}, str(path), REMEDY)
    return {seed: _plain(row) for seed, row in found.seeds.items()}


def read_history(path: Path) -> list[dict[str, Any]]:
    """Read ``metrics.jsonl``: one record per epoch.

    Raises:
        UserError: it is missing or damaged.
    """
    lines = enumerate(read_json_lines(path, HISTORY), start=1)
    return [_plain(Epoch.parse(line, f"{path} line {number}", REMEDY)) for number, line in lines]


def read_oracle(path: Path) -> list[dict[str, Any]]:
    """Read ``oracle.jsonl``: one record per epoch.

    Raises:
        UserError: it is missing or damaged.
    """
    lines = enumerate(read_json_lines(path, HISTORY), start=1)
    return [OracleEpoch.parse(line, f"{path} line {number}", REMEDY).model_dump() for number, line in lines]


def parse_progress(value: Any, source: str, remedy: str) -> dict[str, Any]:
    """Validate the position in training that ``save_checkpoint`` wrote.

    Raises:
        UserError: it is not valid.
    """
    found = Progress.parse(value, source, remedy)
    return {**found.model_dump(), "history": [_plain(row) for row in found.history]}


def _plain(row: Epoch) -> dict[str, Any]:
    """As a dictionary, without ``solution`` if not set."""
    return row.model_dump(exclude_unset=True)
