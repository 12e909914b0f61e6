"""Read tables from the text of the papers."""

import re
from itertools import takewhile


def lines_above(paper: str, number: int, also: str = "(?!)") -> list[list[str]]:
    """Cells of the tab-separated lines above a table's caption.

    Args:
        paper: its text.
        number: of the table.
        also: a pattern of lines that belong to the table without a tab in them.
    """
    lines = reversed(paper[: paper.index(f"\nTable {number}: ")].rstrip().splitlines())
    own = takewhile(lambda line: "\t" in line or re.fullmatch(also, line), lines)
    return [line.split("\t") for line in own][::-1]


def numbers(cells: list[str]) -> list[float | None]:
    """Cells such as 0.720, 79.71/80.98 and -/86.2."""
    return [None if part == "-" else float(part) for cell in cells for part in cell.split("/")]
