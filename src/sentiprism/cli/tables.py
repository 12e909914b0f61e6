"""What the verbs print: tables for people, JSON for programs."""

import json
from collections.abc import Iterable, Sequence
from math import isnan
from typing import Any

from rich.console import Console
from rich.table import Table


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], caption: str | None = None) -> None:
    """Print a table; the first column is text, the others are numbers."""
    drawn = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    for index, column in enumerate(columns):
        drawn.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        drawn.add_row(*row)
    Console().print(drawn)


def emit_json(value: Any) -> None:
    """Print JSON; an undefined number is null, since NaN is not JSON."""
    print(json.dumps(_clean(value), indent=1, ensure_ascii=False))


def _clean(value: Any) -> Any:
    if isinstance(value, float):
        return None if isnan(value) else value
    if isinstance(value, dict):
        return {str(key): _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list | tuple) else value


def number(value: float, scale: int = 1) -> str:
    """Three decimals of a plain number, two of a percentage, a dash where undefined."""
    return "–" if isnan(value) else f"{value * scale:.{3 if scale == 1 else 2}f}"
