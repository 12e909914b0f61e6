"""Names of datasets: one, or several with commas between, which are trained on together."""

import os
from pathlib import Path

CARD = "card.json"
"""The file that makes a folder a dataset."""
COMMA = ","
"""Between the names of datasets that are joined."""


def split_names(dataset: str | Path) -> list[str | Path]:
    """The datasets that a name stands for."""
    if not isinstance(dataset, str) or COMMA not in dataset or os.path.lexists(Path(dataset) / CARD):
        return [dataset]
    return [part.strip() for part in dataset.split(COMMA)]


def short_name(dataset: str | Path) -> str:
    """The name without the folders that its datasets are in."""
    return COMMA.join(Path(one).name for one in split_names(dataset))


def resolve_folders(dataset: str) -> str:
    """The name with folders made absolute: who resumes a run may be in another folder."""
    parts = (str(Path(one).resolve()) if Path(one).parts[1:] else str(one) for one in split_names(dataset))
    return COMMA.join(parts)
