"""Format numbers and tables as Markdown, LaTeX, HTML and text."""

import csv
import html as escapes
import io
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from math import floor, isfinite, isnan
from typing import Any

Cell = str | Sequence[str]
"""A text, or its lines."""
Row = Sequence[Cell]

TEX = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "²": "$^2$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "Δ": r"$\Delta$",
    "·": r"$\cdot$",
    "–": "--",
}
"""LaTeX commands for special or missing characters."""


def number(value: float, scale: int = 1) -> str:
    """Format a number: three decimals, two for a percentage, a dash if undefined."""
    if isnan(value):
        return "–"
    shown = f"{value * scale:.{3 if scale == 1 else 2}f}"
    return shown if float(shown) else shown.removeprefix("-")  # -0.0004 is 0.000, not -0.000


def signed(value: float, digits: int = 2) -> str:
    """Format a number with its sign; a number that rounds to zero has none."""
    text = f"{value:+.{digits}f}"
    return text if float(text) else text[1:]


def clock(seconds: float) -> str:
    """Format a time as media players do, 2:03 or 1:02:03, rounded down.

    The script of the report page has the same function, which also rounds to milliseconds first.
    """
    minutes, rest = divmod(floor(round(seconds, 3)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def p_value(value: float | None) -> str:
    """Format a p-value as papers give it: "0.012", "< 0.001", or a dash if it is missing."""
    return "–" if value is None or not isfinite(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def probability(name: str, value: float) -> str:
    """Format a p-value with its name, "p = 0.012", or "p < 0.001"."""
    text = p_value(value)
    return f"{name} {text}" if text.startswith("<") else f"{name} = {text}"


def duration(seconds: float) -> str:
    """Format a duration with suitable units, rounded down as in `clock`."""
    minutes, rest = divmod(floor(round(seconds, 3)), 60)
    hours, minutes = divmod(minutes, 60)
    tenths = floor(round(10 * seconds, 2)) / 10
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{tenths:.1f} s"


def size(count: float) -> str:
    """Format a number of bytes with a suitable unit."""
    units = ["B", "kB", "MB", "GB", "TB"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        units.pop(0)
    return f"{count:.{0 if count >= 10 else 1}f} {units[0]}"


def jsonable(value: Any) -> Any:
    """Convert a value for JSON: None for NaN and infinities, texts for keys."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    return [jsonable(item) for item in value] if isinstance(value, list | tuple) else value


def markdown(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """Format a Markdown table; the first column is left-aligned, the others, which are numbers, right-aligned."""
    lines = (list(columns), ["---", *("---:" for _ in columns[1:])], *rows)
    cells = (["<br>".join(_lines(cell)).replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def latex(columns: Sequence[str], rows: Iterable[Row], notes: Sequence[str] = ()) -> str:
    """Format a LaTeX table for the package booktabs, with stacked lines in cells and notes below the table."""
    body: list[str] = []
    for row in rows:
        lines = zip_longest(*map(_lines, row), fillvalue="")
        body += [*(" & ".join(map(tex, line)) + r" \\" for line in lines), r"\addlinespace"]
    return "\n".join(
        [
            rf"\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}",
            r"\toprule",
            " & ".join(map(tex, columns)) + r" \\",
            r"\midrule",
            *body[:-1],
            r"\bottomrule",
            r"\end{tabular}",
            *(rf"\par{{\footnotesize {tex(note)}}}" for note in notes),
        ]
    )


def tex(text: str) -> str:
    """Escape a text for LaTeX; a hyphen before a digit becomes a minus."""
    escaped = "".join(TEX.get(sign, sign) for sign in text)
    return re.sub(r"(?<![\w.)])-(?=\d)", "$-$", escaped)


def html(columns: Sequence[str], rows: Iterable[Row], notes: Sequence[str] = ()) -> str:
    """Format an HTML table with notes below."""

    def line(cells: Row, tag: str) -> str:
        shown = ("<br>".join(map(escapes.escape, _lines(cell))) for cell in cells)
        return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in shown) + "</tr>"

    head, body = line(list(columns), "th"), [line(row, "td") for row in rows]
    parts = ["<table>", f"<thead>{head}</thead>", "<tbody>", *body, "</tbody>", "</table>"]
    return "\n".join([*parts, *(f"<p>{escapes.escape(note)}</p>" for note in notes)])


def comma_separated(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Format CSV as in RFC 4180, except for line ends; undefined numbers are empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([["" if isinstance(v, float) and isnan(v) else v for v in row] for row in rows])
    return file.getvalue().rstrip("\n")


TABLES: dict[str, Callable[[Sequence[str], Iterable[Row], Sequence[str]], str]] = {
    "markdown": lambda columns, rows, notes: "\n\n".join([markdown(columns, rows), *notes]),
    "latex": latex,
    "html": html,
}
"""Table formats by name."""


def _lines(cell: Cell) -> Sequence[str]:
    return (cell,) if isinstance(cell, str) else cell
