"""Names of datasets: one, or several for joint training, separated by commas."""

import os
import re
from pathlib import Path

CARD = "card.json"
"""File that every dataset folder has."""
COMMA = ","
"""Separator of the names of joined datasets."""
FOLD = re.compile(r"(.+)@([0-9]{1,4})of([0-9]{1,4})")
"""Name of a dataset, fold, number of folds: ``mosi@2of6``, see `sentiprism.data.video_folds`."""


def dataset_names(dataset: str | Path) -> list[str | Path]:
    """List the datasets in a name."""
    if not isinstance(dataset, str) or COMMA not in dataset or os.path.lexists(Path(dataset) / CARD):
        return [dataset]
    return [part.strip() for part in dataset.split(COMMA)]


def short_name(dataset: str | Path) -> str:
    """The name without folders of its datasets."""
    return COMMA.join(Path(one).name for one in dataset_names(dataset))


def resolve_folders(dataset: str) -> str:
    """Make folders in a name absolute, because a run may be resumed from another folder."""
    parts = (str(Path(one).resolve()) if Path(one).parts[1:] else str(one) for one in dataset_names(dataset))
    return COMMA.join(parts)


def fold_name(name: str, fold: int, count: int) -> str:
    """Name of a dataset with one fold as test: ``mosi@2of6``."""
    return f"{name}@{fold}of{count}"


def parse_fold(name: str | Path) -> tuple[str, str] | None:
    """Name of the dataset and ``K/N``; None without a fold."""
    found = FOLD.fullmatch(str(name))
    return (found[1], f"{found[2]}/{found[3]}") if found else None


def without_fold(name: str) -> str:
    """``mosi`` of ``mosi@2of6``; a name without a fold is unchanged."""
    found = parse_fold(name)
    return found[0] if found else name
