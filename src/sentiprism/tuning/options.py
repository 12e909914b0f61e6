"""Options of a study."""

from pathlib import Path
from typing import TypedDict


class StudyOptions(TypedDict, total=False):
    """Where and how a study runs.

    Args:
        out: folder of the study; by default ``runs/tune-<model>-<dataset>``.
        seeds: number of seeds of each trial, whose score is their mean; by default 1.
        seed: random seed of the search, not of the trainings; by default 0.
        jobs: number of processes, including this one; by default 1.
        device: as in ``train``.
        quiet: show no progress.
    """

    out: Path | str | None
    seeds: int
    seed: int
    jobs: int
    device: str
    quiet: bool
