"""Read attributes of recordings from a table with one row for each file."""

import csv
import io
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sentiprism.errors import UserError

FILE = ("path", "file", "file name", "filename", "name", "recording")
"""Headings of the column with file names; without any of them, it is the first one."""
SEPARATORS = ("\t", ";", ",")
MOST_TOLD = 100
"""Rows that are listed because they match no recording."""
LONGEST = 200
"""Characters of an attribute's value."""


class TableRow(NamedTuple):
    """A row of the table."""

    line: int
    file: str
    values: Mapping[str, str]
    """By column; empty cells are left out."""


class ParsedTable(NamedTuple):
    """A table with a column of file names."""

    names: tuple[str, ...]
    """Columns other than that of the file names."""
    rows: tuple[TableRow, ...]


class Unmatched(NamedTuple):
    """A row that no recording, or more than one, belongs to."""

    line: int
    file: str
    reason: str


class AttributeTable(NamedTuple):
    """Attributes of known recordings."""

    names: tuple[str, ...]
    """Attributes that it has a column of."""
    values: Mapping[str, Mapping[str, str]]
    """By recording and attribute; empty cells are left out."""
    unmatched: tuple[Unmatched, ...]


def parse_table(text: str) -> ParsedTable:
    """Parse a table of files and attributes.

    Args:
        text: with a heading row; values are separated by tabs, semicolons or commas.

    Raises:
        UserError: it is not such a table.
    """
    lines = _lines(text)
    if len(lines) < 2 or len(lines[0][1]) < 2:
        raise UserError("the table has no heading, no second column or no row", "begin with: file,group,condition")
    headings = [" ".join(unicodedata.normalize("NFC", one).split()) for one in lines[0][1]]
    found = [(FILE.index(one.casefold()), n) for n, one in enumerate(headings) if one.casefold() in FILE]
    place = min(found)[1] if found else 0
    columns = {n: one for n, one in enumerate(headings) if n != place and one}
    repeated = sorted({one for one in columns.values() if list(columns.values()).count(one) > 1})
    if repeated:
        raise UserError(f"two columns are called {repeated[0]!r}", "give each column its own name")
    rows = []
    for number, cells in lines[1:]:
        file = cells[place].strip() if place < len(cells) else ""
        given = {name: cells[n].strip() for n, name in columns.items() if n < len(cells)}
        rows.append(TableRow(number, file, {name: value for name, value in given.items() if value}))
    return ParsedTable(tuple(columns.values()), tuple(rows))


def read_table(text: str, recordings: Iterable[tuple[str, str]]) -> AttributeTable:
    """Match the rows of a table to recordings by their file names, with or without suffix.

    Args:
        text: see `parse_table`.
        recordings: identifier and file name of each.

    Raises:
        UserError: it is not such a table.
    """
    table = parse_table(text)
    known = _by_name(recordings)
    values: dict[str, Mapping[str, str]] = {}
    unmatched = []
    for row in table.rows:
        found = known.get(_key(row.file), ())
        if len(found) == 1 and found[0] not in values:
            values[found[0]] = row.values
            continue
        repeated_row = "an earlier row has this file" if found and found[0] in values else ""
        reason = repeated_row or ("several recordings have this name" if found else "no recording has this name")
        unmatched.append(Unmatched(row.line, row.file[:LONGEST], reason))
    return AttributeTable(table.names, values, tuple(unmatched))


def _lines(text: str) -> list[tuple[int, list[str]]]:
    """Rows that are not empty, with the number of the line that each ends at."""
    content = text.removeprefix("\ufeff")
    first = next((line for line in content.splitlines() if line.strip()), "")
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=separator)
    try:
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise UserError(
            f"line {reader.line_num} of the table cannot be read: {error}", "save it as CSV again"
        ) from None


def _by_name(recordings: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Recordings by their name, and by their name without suffix where no other has that as its whole name."""
    whole, stems = defaultdict(list), defaultdict(list)
    for identifier, name in recordings:
        whole[_key(name)].append(identifier)
        stems[_key(os.path.splitext(name)[0])].append(identifier)
    return {**stems, **whole}


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
