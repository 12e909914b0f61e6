"""Read from a table which utterances are cut from which recordings, and their times."""

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sentiprism.errors import UserError
from sentiprism.reading import parse_number

if TYPE_CHECKING:
    from sentiprism.data.importers.columns import Table

COLUMNS = ("file", "start", "end")
"""``file``: name of the recording, if it is not the id; ``start`` and ``end``: seconds of the utterance in it, if it is
not the whole. With times and without ``file``, the recording is named by ``video_id``."""
CLOSE = 0.01
"""Seconds by which two utterances may overlap, because of rounding."""


class Cut(NamedTuple):
    """One utterance of a recording."""

    id: str
    start: float | None
    end: float | None
    """Seconds; None = the whole recording."""
    text: str | None


def read_cuts(table: "Table", labels: Path, notes: list[str]) -> dict[str, list[Cut]]:
    """Read utterances by the name of their recording, with or without a suffix, in the order of the table.

    Args:
        table: columns of strings, with any of `COLUMNS`; rows without a split are skipped.
        labels: its file, for messages.
        notes: warnings are appended to it.

    Raises:
        UserError: a time is not a number, times are in the wrong order, or one of the two columns is missing.
    """
    timed = "start" in table
    if timed != ("end" in table):
        raise UserError(f"{labels} has only one of the columns 'start' and 'end'", "give both, in seconds")
    names = table["file" if "file" in table else "video_id" if timed else "id"]
    texts = table.get("text") or [""] * len(names)
    found: dict[str, list[Cut]] = {}
    for row, name in enumerate(names):
        if not table["split"][row]:
            continue
        start, end = read_times(table, row, labels) if timed else (None, None)
        found.setdefault(name, []).append(Cut(table["id"][row], start, end, texts[row] or None))
    for name, cuts in found.items():
        if len(cuts) > 1 and not timed:
            cause = f"{labels}: {cuts[0].id!r} and {cuts[1].id!r} are both the whole of {name!r}"
            raise UserError(cause, "add columns 'start' and 'end' with the times of each")
    overlapping = sum(_overlapping(labels, name, cuts) for name, cuts in found.items()) if timed else 0
    if overlapping:
        notes.append(f"{labels.name}: {overlapping} utterances begin before the previous one in their video ends")
    return found


def _overlapping(labels: Path, name: str, cuts: list[Cut]) -> int:
    """Count the utterances of a recording that begin before another one has ended.

    Raises:
        UserError: two have the same times.
    """
    order = sorted(cuts, key=lambda cut: (cut.start or 0.0, cut.end or 0.0))
    count, last = 0, 0.0
    for before, cut in pairwise((None, *order)):
        if before is not None and cut is not None and (before.start, before.end) == (cut.start, cut.end):
            cause = f"{labels}: {before.id!r} and {cut.id!r} have the same times in {name!r}"
            raise UserError(cause, "give each utterance different times")
        if cut is not None:
            count += (cut.start or 0.0) < last - CLOSE
            last = max(last, cut.end or 0.0)
    return count


def read_times(table: "Table", row: int, labels: Path) -> tuple[float, float]:
    """Read start and end of an utterance in seconds.

    Args:
        table: with the columns id, start and end.
        row: of the utterance.
        labels: the table's file, for messages.

    Raises:
        UserError: they are not numbers, negative or in the wrong order.
    """
    given = table["start"][row], table["end"][row]
    try:
        start, end = map(parse_number, given)
    except ValueError:
        start = end = -1.0
    if not 0 <= start < end:
        cause = f"{labels}: {table['id'][row]!r} goes from {given[0]!r} to {given[1]!r}"
        raise UserError(cause, "write both in seconds, such as 61.5, the start before the end")
    return start, end
