"""Read a table of ratings: one row for each utterance that a rater has rated."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.data.importers.csv_files import read_csv
from sentiprism.errors import UserError, shorten, suggest
from sentiprism.reading import parse_number

NEEDED = ("id", "rater", "value")
SEEN = "pass"
"""Column of what the raters saw and heard, such as ``full`` or ``text``."""
WHOLE = "full"
"""Pass of a table without that column."""


class Ratings(NamedTuple):
    """Ratings of one pass."""

    utterances: tuple[str, ...]
    raters: tuple[str, ...]
    values: npt.NDArray[np.float64]
    """(N, R); nan = not rated. Of classes, their numbers."""
    classes: tuple[str, ...]
    """Names of the classes, sorted; empty for numbers."""


def read_ratings(path: Path | str) -> dict[str, Ratings]:
    """Read ratings by pass, in the order of the table.

    Args:
        path: CSV with the columns id, rater, value, and maybe pass. An empty value is a missing rating. If a value is
            not a number, all are names of classes.

    Raises:
        UserError: the table cannot be read, lacks a column, or has two ratings of an utterance by the same rater.
    """
    path = Path(path)
    names, columns = read_csv(path, (*NEEDED, SEEN).__contains__, "table of ratings")
    for name in NEEDED:
        if name not in columns:
            raise UserError(f"{path} has no column {name!r}", suggest(name, names, "it has"))
    passes = columns.get(SEEN) or [WHOLE] * len(columns["id"])
    given: dict[str, dict[tuple[str, str], str]] = {}
    for name, rater, value, one in zip(*(columns[key] for key in NEEDED), passes, strict=True):
        cells = given.setdefault(one, {})
        if (name, rater) in cells:
            cause = f"{path}: {shorten(rater, 40)!r} has rated {shorten(name, 40)!r} twice"
            raise UserError(cause, "keep one row for each utterance and rater")
        cells[name, rater] = value.strip()
    classes = _classes([value for cells in given.values() for value in cells.values() if value])
    return {one: _arrange(cells, classes) for one, cells in given.items()}


def _classes(values: list[str]) -> tuple[str, ...]:
    """Names of the classes; () where every value is a number."""
    try:
        for value in values:
            parse_number(value)
    except ValueError:
        return tuple(sorted(set(values)))
    return ()


def _arrange(cells: dict[tuple[str, str], str], classes: tuple[str, ...]) -> Ratings:
    utterances = {name: row for row, name in enumerate(dict.fromkeys(name for name, _ in cells))}
    raters = {rater: column for column, rater in enumerate(dict.fromkeys(rater for _, rater in cells))}
    values = np.full((len(utterances), len(raters)), np.nan)
    for (name, rater), value in cells.items():
        if value:
            values[utterances[name], raters[rater]] = classes.index(value) if classes else parse_number(value)
    return Ratings(tuple(utterances), tuple(raters), values, classes)
