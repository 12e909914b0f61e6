"""Print one model: its paper, its size, and its deviations from the paper."""

from typing import Any

from rich.text import Text

from sentiprism.cli.tables import facts, points
from sentiprism.models.deviations import Deviations
from sentiprism.screen import clean


def show_model(row: dict[str, Any], deviations: Deviations | None) -> None:
    """Print a model.

    Args:
        row: entry of `sentiprism models --json`.
        deviations: deviations that its source declares.
    """
    plugin = row["plugin"] or {}
    facts(
        Text(clean(row["name"]), "bold"),
        [
            ("paper", row["title"]),
            ("authors", row["authors"]),
            ("published", f"{row['venue']} {row['year']}"),
            ("link", row["url"]),
            ("parameters", f"{row['parameters']:,}"),
            ("experiments", ", ".join(row["experiments"])),
            ("plugin", plugin.get("file") or plugin.get("package")),
        ],
    )
    if deviations is None:
        return points("Deviations from the paper", ["none are listed"])
    points("Deviations from the paper", [" ".join(deviations.notes.split())] if deviations.notes else [])
    for place, *cells in deviations.rows:
        lines = zip(deviations.headings[1:], cells, strict=True)
        facts(Text(clean(f"· {place}")), [(f"  {heading}", cell) for heading, cell in lines])
    return None
