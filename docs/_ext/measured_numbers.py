"""What this project measured of each model, from the page of results."""

import re
from collections.abc import Iterator

from markup import table

SHOWN = ("run", "seeds", "inputs", "MAE ↓", "Corr ↑")
"""Columns of the tables of results that a model's page repeats."""
INTRODUCTION = """## Measured numbers

Of [the tables of results](../results.md), which have the other metrics and the reference. On test;
mean ± standard deviation over seeds, 95% bootstrap interval in brackets."""


def sections(results: str) -> dict[str, str]:
    """A section by model; a model that no table names has none.

    Args:
        results: text of the page of results, as `sentiprism results` writes it.
    """
    preface, *parts = results.split("\n## ")
    rows: dict[str, list[list[str]]] = {}
    for part in parts:
        for model, row in _rows(part):
            rows.setdefault(model, []).append([part.partition("\n")[0], *row])
    warning = re.search(r"^\*\*(?:.|\n)+?\*\*$", preface, re.MULTILINE)  # that the numbers are out of date
    said = [INTRODUCTION, *([warning[0]] if warning else [])]
    return {model: "\n\n".join([*said, table(["dataset", *SHOWN], found)]) for model, found in rows.items()}


def _rows(part: str) -> Iterator[tuple[str, list[str]]]:
    """Model and shown columns of each line of a dataset's first table; other tables below it have other columns."""
    lines = [
        [cell.strip() for cell in line.strip()[1:-1].split(" | ")] for line in part.splitlines() if line[:1] == "|"
    ]
    if not lines or "model" not in lines[0]:
        return
    head = lines[0]
    for line in lines[2:]:
        if len(line) != len(head):
            return
        cells = dict(zip(head, line, strict=True))
        yield cells["model"], [cells.get(column, "–").replace("<br>", " ") for column in SHOWN]
