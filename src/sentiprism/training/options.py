"""Options of training runs, shared by everything that trains."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypedDict

from sentiprism.training.engine import Precision


class RunOptions(TypedDict, total=False):
    """Where and how a run is trained; apart from rounding, this does not change the result.

    Args:
        out: folder of the run, or of the runs; by default a new one under ``runs/``.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``; by default ``auto``.
        precision: ``auto``, ``no``, ``bf16``, ``fp16``; by default ``auto``.
        tensorboard: also write TensorBoard curves (extra ``tensorboard``).
        quiet: show no progress.
        on_run: called with the run folder once the run can be resumed.
    """

    out: Path | str | None
    device: str
    precision: Precision
    tensorboard: bool
    quiet: bool
    on_run: Callable[[Path], object] | None


class TableOptions(RunOptions, total=False):
    """Options for training the rows of a table.

    Args:
        experiment: file with the published numbers; by default the model's own paper on the dataset.
        base: settings of every row before its changes: None = the paper's, ``ours`` = this project's own for the model
            and dataset, else the name or path of an experiment.
        encoder: text encoder that replaces the one in the settings.
        seeds: how many, or which.
        assignments: ``key=value`` texts, applied before a row's own settings.
    """

    experiment: str | None
    base: str | None
    encoder: str | None
    seeds: int | tuple[int, ...] | None
    assignments: Iterable[str]
