"""Options for tables of clips, in extract and adapt."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from sentiprism.executors.base import Executor


class ClipOptions(TypedDict, total=False):
    """Options for reading clips and their labels.

    Args:
        columns: sources of the table's columns, see `read_table`.
        low: lowest label, if unknown.
        high: highest label.
        language: of the speech; None = the one recognised in most recordings, or English.
        executor: where recordings are processed; by default this process.
        allow_missing: leave out rows whose recording is not in the folder.
    """

    columns: Mapping[str, str] | None
    low: float | None
    high: float | None
    language: str | None
    executor: Executor
    allow_missing: bool


class ExtractClips(ClipOptions, total=False):
    """Options of extract.

    Args:
        folds: splits for a table without splits, see `split_videos`.
        classes: names of the labels, instead of a range.
        strict: treat a recording that fails as an error.
        replace: replace an existing dataset of this name.
    """

    folds: Path | str | None
    classes: Sequence[str]
    strict: bool
    replace: bool


class AdaptClips(ClipOptions, total=False):
    """Options of adapt; ``low`` and ``high`` default to the model's, and labels are mapped linearly to its range.

    Args:
        text: ``given`` in the table (default), or ``recognised``.
        dataset: name of the dataset of the clips' features; by default ``adapt-<folder>``.
    """

    text: str
    dataset: str
