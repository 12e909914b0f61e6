"""Read CSV files in UTF-8 or UTF-16; errors have the line number."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from sentiprism.errors import UserError
from sentiprism.reading import MB, read_text

MOST_BYTES = 256 * MB
"""Largest file in bytes; the labels and texts of MOSEI have 5 MB."""
MOST_ROWS = 2_000_000
MOST_LINES = 4 * MOST_ROWS
"""Including empty lines and those of long texts."""
MOST_COLUMNS = 20_000
"""Three times the number of features in openSMILE's largest set."""
MOST_LINE = 4_000_000
"""Most characters per line; `MOST_COLUMNS` numbers have 400,000."""
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
"""Separators of cells in other programs."""
REMEDY = "fix that line, or save the table again as CSV"


def read_csv(path: Path, wanted: Callable[[str], bool], what: str = "table") -> tuple[list[str], dict[str, list[str]]]:
    """Read some columns of a CSV file, as strings.

    Args:
        path: the file; its first line names the columns.
        wanted: whether a column is to be read.
        what: what the file should be, for messages.

    Returns:
        names of all columns, and the cells of wanted ones.

    Raises:
        UserError: it is not a text, not a table, or too large; a column occurs twice, or a row has other columns.
    """
    reader = csv.reader(_lines(path, read_text(path, MOST_BYTES, what)), strict=True)
    try:
        names = next(filter(None, reader), [])
        _check_names(path, names)
        columns: dict[str, list[str]] = {name: [] for name in names if wanted(name)}
        kept = [(place, columns[name]) for place, name in enumerate(names) if name in columns]
        count = 0
        for row in filter(None, reader):
            if len(row) != len(names):
                cause = f"{path} line {reader.line_num} has {len(row)} cells, the first line {len(names)}"
                raise UserError(cause, "give each row the same columns, and quote cells that have commas")
            for place, cells in kept:
                cells.append(row[place])
            count += 1
            if count > MOST_ROWS:
                raise UserError(f"{path} has more than {MOST_ROWS:,} rows", "split it into several datasets")
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num}: {_reason(error)}", REMEDY) from None
    if not count:
        raise UserError(f"{path} has no rows", "give it rows below the names of its columns")
    return names, columns


def _check_names(path: Path, names: list[str]) -> None:
    if len(names) > MOST_COLUMNS:
        raise UserError(f"{path} has more than {MOST_COLUMNS:,} columns", "give features as .npz or .parquet")
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise UserError(f"{path} has the column {twice!r} twice", "give each column a unique name")
    for sign, plural in SEPARATORS.items():
        if len(names) == 1 and sign in names[0]:
            raise UserError(f"{path} has {plural} between its cells", "save it with commas")


def _lines(path: Path, text: str) -> Iterator[str]:
    for number, line in enumerate(io.StringIO(text, newline=""), 1):
        if len(line) > MOST_LINE:
            raise UserError(f"{path} line {number} has more than {MOST_LINE:,} characters", REMEDY)
        if number > MOST_LINES:
            raise UserError(f"{path} has more than {MOST_LINES:,} lines", "split it into several datasets")
        yield line


def _reason(error: csv.Error) -> str:
    """Explain an error of the csv module."""
    reasons = {
        "unexpected end of data": "a quotation mark is not closed",
        "field larger": f"a cell has more than {csv.field_size_limit():,} characters",
        "expected after": "there is text after a closing quotation mark",
    }
    return next((reason for part, reason in reasons.items() if part in str(error)), str(error))
