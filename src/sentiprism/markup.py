"""How numbers and tables are written, wherever they end up."""

from collections.abc import Iterable, Sequence
from math import isnan


def number(value: float, scale: int = 1) -> str:
    """Three decimals of a plain number, two of a percentage, a dash where undefined."""
    return "–" if isnan(value) else f"{value * scale:.{3 if scale == 1 else 2}f}"


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, its first column to the left and the others, which are numbers, to the right."""
    lines = (list(columns), ["---", *("---:" for _ in columns[1:])], *rows)
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
