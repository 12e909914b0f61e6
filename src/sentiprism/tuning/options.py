"""Options of a study."""

from pathlib import Path
from typing import TypedDict

from sentiprism.training.engine import Precision


class StudyOptions(TypedDict, total=False):
    """Where and how a study runs.

    Args:
        out: folder of the study; by default ``runs/tune-<model>-<dataset>``.
        seeds: number of seeds of each trial, whose score is their mean; by default 1.
        seed: random seed of the search, not of the trainings; by default 0.
        jobs: number of processes, including this one; by default 1.
        device: as in ``train``.
        precision: as in ``train``; the trials of one study should share it.
        quiet: show no progress.
        storage: address of a PostgreSQL database for a study on several machines, such as
            ``postgresql://me@host/studies`` or ``service=studies``; by default ``$SENTIPRISM_STORAGE``, or the one that
            the folder's study is in. The name of the study there is that of the folder.
    """

    out: Path | str | None
    seeds: int
    seed: int
    jobs: int
    device: str
    precision: Precision
    quiet: bool
    storage: str | None
