"""How far a training is, from its run folder."""

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sentiprism.errors import UserError
from sentiprism.studio.jobs.process import Progress
from sentiprism.training.config import RunConfig
from sentiprism.training.records import read_history, read_summary

MEASURING = 0.02
"""Share of the bar that is left for the measurement after the last epoch."""


class SeedHistory(NamedTuple):
    """Epochs of one seed so far."""

    seed: int
    finished: bool
    epochs: tuple[int, ...]
    loss: tuple[float, ...]
    """On train."""
    score: tuple[float, ...]
    """On valid, by the metric that chooses the epoch."""
    best: int | None
    """Epoch that is chosen so far."""


def read_seeds(folder: Path, config: RunConfig, metric: str) -> list[SeedHistory]:
    """Read the epochs of each seed of a run that may be running.

    Args:
        folder: of the run.
        config: its configuration.
        metric: whose score on valid is read.
    """
    done = _finished(folder)
    return [_read_seed(folder / f"seed-{seed}" / "metrics.jsonl", seed, seed in done, metric) for seed in config.seeds]


def _finished(folder: Path) -> set[int]:
    try:
        return set(read_summary(folder / "summary.json"))
    except UserError:
        return set()


def _read_seed(path: Path, seed: int, finished: bool, metric: str) -> SeedHistory:
    try:
        rows = _read_rows(path, path.stat().st_mtime_ns)
    except (UserError, OSError):  # it has not begun, or its file is being replaced
        rows = ()
    best = [row["epoch"] for row in rows if row["best"]]
    return SeedHistory(
        seed,
        finished,
        tuple(row["epoch"] for row in rows),
        tuple(row["train"].get("total", float("nan")) for row in rows),
        tuple(row["valid"].get(metric, float("nan")) for row in rows),
        best[-1] if best else None,
    )


@lru_cache(maxsize=256)
def _read_rows(path: Path, changed: int) -> tuple[dict[str, Any], ...]:  # noqa: ARG001 - part of the cache's key
    return tuple(read_history(path))


def training_progress(seeds: list[SeedHistory], epochs: int) -> Progress:
    """How far a training is: a finished seed counts whole, however early it stopped.

    Args:
        seeds: as `read_seeds` gives them.
        epochs: of a seed at most.
    """
    shares = [1.0 if one.finished else min(len(one.epochs) / epochs, 1.0) for one in seeds]
    share = (1 - MEASURING) * sum(shares) / max(len(shares), 1)
    current = next((n for n, one in enumerate(seeds) if not one.finished), None)
    if current is None:
        return Progress(share=share, text="measuring on valid and test")
    epoch = len(seeds[current].epochs) + 1
    return Progress(share=share, text=f"seed {current + 1} of {len(seeds)}, epoch {min(epoch, epochs)} of {epochs}")
