"""Print tables for people and JSON for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.table import Table
from rich.text import Text

from sentiprism.cli.flags import with_flags
from sentiprism.screen import clean, clean_json, console
from sentiprism.tables import jsonable, number, size

__all__ = ["bar", "emit_json", "facts", "number", "points", "side_by_side", "size", "table"]

GAP = 2
"""Number of spaces between columns."""

Cell = Sequence[str]
"""Parts of a cell, on one line if the table fits the terminal, else on several lines."""


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    caption: str | None = None,
    *,
    numbers: Sequence[str] = (),
    cut: Sequence[str] = (),
) -> None:
    """Print a table; columns in ``numbers`` are right-aligned and never wrapped.

    If ``cut`` has columns, every row is one line, and their cells are shortened to fit the terminal.
    """
    screen = console()
    columns, numbers, cut = ([clean(name) for name in names] for names in (columns, numbers, cut))
    body = [[clean(cell) for cell in row] for row in rows]
    if cut:
        _fit(columns, body, cut, screen.width)
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in columns:
        if name in numbers:
            drawn.add_column(Text(name), justify="right", no_wrap=True)
        else:
            drawn.add_column(Text(name), overflow="fold")
    for row in body:
        drawn.add_row(*map(Text, row))
    screen.print(_text(title, "bold"))
    screen.print(drawn)
    if caption:
        screen.print(_text(caption, "dim"))
    screen.print()


def _text(text: str, style: str = "") -> Text:
    """Text that is cleaned before its width is measured."""
    return Text(clean(text), style)


def _fit(columns: Sequence[str], rows: list[list[str]], cut: Sequence[str], width: int) -> None:
    """Shorten the cells of the columns in ``cut``, the widest first, until a row has ``width`` characters."""
    widths = [max(map(cell_len, (name, *(row[i] for row in rows)))) for i, name in enumerate(columns)]
    places = [columns.index(name) for name in cut]
    while sum(widths) + (GAP + 1) * (len(columns) - 1) > width:
        widest = max(places, key=lambda place: widths[place] - cell_len(columns[place]))
        if widths[widest] <= cell_len(columns[widest]):
            break
        widths[widest] -= 1
    for row in rows:
        for place in places:
            if cell_len(row[place]) > widths[place]:
                row[place] = set_cell_size(row[place], widths[place] - 1).rstrip() + "…"


def facts(title: Text, lines: Iterable[tuple[str, str | None]]) -> None:
    """Print names and values, one per line, not wrapped so that they can be copied; None is left out."""
    screen, shown = console(), [(name, value) for name, value in lines if value]
    screen.print(title)
    for name, value in shown:
        stub = name.ljust(max(len(name) for name, _ in shown) + GAP)
        screen.print(Text.assemble((stub, "dim"), clean(value)), soft_wrap=True)
    screen.print()


def points(title: str, lines: Sequence[str]) -> None:
    """Print a list of messages under a title."""
    screen = console()
    screen.print(_text(title, "bold"))
    for line in lines:
        screen.print(_text(f"· {with_flags(line)}"), soft_wrap=True)


def side_by_side(
    title: str, rows: Sequence[str], columns: Mapping[str, Sequence[Cell]], caption: str, *, stub: str = "metric"
) -> None:
    """Print columns of cells with row names, in as many tables as the terminal's width requires.

    Names have the heading ``stub``; a long one is wrapped if a column would not fit next to it.
    """
    least = max(GAP + 1 + max(len(name), *(len(p) for cell in cells for p in cell)) for name, cells in columns.items())
    width_of_names = min(max(map(len, (stub, *rows))), max(console().width - least, len(stub)))
    names, room = list(columns), console().width - width_of_names

    def width(name: str, gap: str | None) -> int:
        cells = ((gap.join(cell),) if gap else cell for cell in columns[name])
        return GAP + 1 + max(len(name), *(len(part) for cell in cells for part in cell))

    gap = "  " if sum(width(name, "  ") for name in names) <= room else None
    while names:
        shown = [names.pop(0)]
        while names and sum(width(name, gap) for name in (*shown, names[0])) <= room:
            shown.append(names.pop(0))
        cells = ([(gap or "\n").join(columns[name][row]) for name in shown] for row in range(len(rows)))
        body = [(name, *line) for name, line in zip(rows, cells, strict=True)]
        table(title, (stub, *shown), body, None if names else caption, numbers=shown)


def bar(value: float, largest: float, width: int) -> str:
    """A bar with ``width`` characters for ``largest``, in half characters; at least one half for positive values."""
    halves = max(round(2 * width * value / largest), 1) if value else 0
    return "█" * (halves // 2) + "▌" * (halves % 2)


def emit_json(value: Any) -> None:
    """Print JSON; an undefined number is null, since NaN is not JSON."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(clean_json(json.dumps(jsonable(value), indent=1, ensure_ascii=not unicode)))
