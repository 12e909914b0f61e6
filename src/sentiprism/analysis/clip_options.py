"""How a table of clips is read and worked through, for extract and adapt."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict


class ClipOptions(TypedDict, total=False):
    """Options of everything that reads clips and their labels.

    Args:
        columns: where the columns of the table come from, see `read_table`.
        low: least label, where it is not known.
        high: greatest label.
        language: of what is said; None = as it is recognised in most recordings, English where nothing is.
        jobs: recordings at a time; by default 1.
        allow_missing: leave out rows whose recording is not in the folder.
    """

    columns: Mapping[str, str] | None
    low: float | None
    high: float | None
    language: str | None
    jobs: int
    allow_missing: bool


class ExtractClips(ClipOptions, total=False):
    """Options of extract.

    Args:
        folds: splits of a table that has none, see `split_videos`.
        classes: names of the labels, in the place of a range.
        strict: a recording that fails is an error.
        replace: a dataset of this name.
    """

    folds: Path | str | None
    classes: Sequence[str]
    strict: bool
    replace: bool


class AdaptClips(ClipOptions, total=False):
    """Options of adapt; ``low`` and ``high`` are the model's by default, and labels are mapped linearly to its range.

    Args:
        text: ``given`` in the table, or ``recognised``; by default given.
    """

    text: str
