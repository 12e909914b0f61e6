"""Print the card of a dataset."""

from typing import TYPE_CHECKING

from sentiprism.cli.tables import bar, facts, points, table
from sentiprism.errors import few

if TYPE_CHECKING:
    from sentiprism.data.dataset import Card, Dataset

BAR = 12
"""Length of the longest bar in characters."""
MOST_COLUMNS = 20
"""Largest number of feature names that are all shown."""


def sequences_of(card: "Card") -> str:
    """Stored sequences with their widths, for tables."""
    found = dict.fromkeys(key for split in card.splits.values() for key in split.missing)
    return ", ".join(f"{key} {card.widths[key]}" if key in card.widths else key for key in found)


def _columns(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= MOST_COLUMNS else few(names)


def labels_of(card: "Card") -> str:
    """Range or classes of the labels, for tables."""
    if card.target.kind == "classes":
        return ", ".join(card.target.classes)
    return f"{card.target.low:g} to {card.target.high:g}"


def draw(dataset: "Dataset") -> None:
    """Print a dataset's card."""
    from rich.text import Text

    from sentiprism.data.context import describe_order

    card = dataset.card
    known = [
        ("labels", f"{', '.join(card.labels)}: {labels_of(card)}"),
        ("metrics", card.protocol),
        ("language", card.language),
        ("vocabulary", card.vocabulary),
        ("text encoder", card.text_encoder),
        ("order", describe_order(dataset)),
        *((f"{key} columns", _columns(names)) for key, names in card.columns.items()),
        ("source", card.source),
        ("content", card.content),
    ]
    facts(Text.assemble((card.name, "bold"), f"  {card.title}" if card.title != card.name else ""), known)
    splits = list(card.splits)
    rows: list[tuple[str, ...]] = [
        ("utterances", *(f"{split.utterances:,}" for split in card.splits.values())),
        ("videos", *(f"{split.videos:,}" for split in card.splits.values())),
    ]
    for key in dict.fromkeys(key for split in card.splits.values() for key in split.missing):
        width = f", {card.widths[key]} features" if key in card.widths else ""
        lengths = [split.lengths.get(key) for split in card.splits.values()]
        rows.append((f"{key}{width}", *("–" if n is None else f"{n[0]} … {n[1]:.1f} … {n[2]}" for n in lengths)))
        rows.append(("  missing", *(f"{split.missing.get(key, 0):,}" for split in card.splits.values())))
    table("Splits", ("", *splits), rows, "lengths in steps: shortest … mean … longest", numbers=splits)
    _draw_labels(card)
    if card.warnings:
        points("Warnings", card.warnings)


def _draw_labels(card: "Card") -> None:
    """Print label histograms with bars for shares of each split, on one scale."""
    counts = [split.label_histogram for split in card.splits.values()]
    bins = list(dict.fromkeys(label for found in counts for label in found))
    if card.target.kind != "classes":
        bins.sort(key=float)
    sizes = [sum(found.values()) or 1 for found in counts]
    largest = max(count / size for found, size in zip(counts, sizes, strict=True) for count in found.values())
    rows = [
        (
            label,
            *(
                f"{found.get(label, 0):>6,} {bar(found.get(label, 0) / size, largest, BAR)}"
                for found, size in zip(counts, sizes, strict=True)
            ),
        )
        for label in bins
    ]
    table("Labels", ("", *card.splits), rows)
