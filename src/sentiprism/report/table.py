"""Utterances as a table for spreadsheets and pandas."""

import re
from typing import TYPE_CHECKING, Any

from sentiprism.notebook import make_dataframe
from sentiprism.report.schema import Document, UtterancePart
from sentiprism.tables import comma_separated
from sentiprism.types import MODALITIES

if TYPE_CHECKING:
    from pandas import DataFrame

FORMULA = re.compile(r"[\s\x00-\x1f\ufeff\u200b-\u200f]*[=+\-@＝＋－＠]|[\t\r\n]")
"""Start of a formula for spreadsheets, after characters that they skip."""


def rows(analysis: Document) -> tuple[list[str], list[list[Any]]]:
    """Columns, and one row per utterance; None for values that the model does not have."""
    target = analysis.model.target
    ids = ["id"] if any(part.id is not None for part in analysis.utterances) else []
    named = ["speaker"] if any(part.speaker is not None for part in analysis.utterances) else []
    speaking = ["speaking"] if any(part.speaking is not None for part in analysis.utterances) else []
    columns = ["number", *ids, "start", "end", *named, "text", "face", *speaking]
    columns += ["class", *(f"p_{name}" for name in target.classes)] if target.classes else ["value", "low", "high"]
    columns += ["caution"]
    columns += ["base", *(f"contribution_{name}" for name in MODALITIES)]
    columns += [*(f"weight_{name}" for name in MODALITIES), "present"]
    also = {*ids, *named, *speaking}
    body = [[*_place(part, also), *_row(part, target.classes)] for part in analysis.utterances]
    return columns, [list(map(_positive, row)) for row in body]


def _positive(cell: Any) -> Any:
    """Replace -0.0 by 0.0."""
    return cell + 0.0 if isinstance(cell, float) else cell


def _place(part: UtterancePart, also: set[str]) -> list[Any]:
    """Number, times, text and face, and what only some recordings have: id, speaker and certainty of speaking."""
    given, speaker = ([part.id] if "id" in also else []), ([part.speaker] if "speaker" in also else [])
    speaking = [part.speaking] if "speaking" in also else []
    return [part.number, *given, part.start, part.end, *speaker, part.text, part.face, *speaking]


def _row(part: UtterancePart, classes: tuple[str, ...]) -> list[Any]:
    said = part.estimate
    chosen = [classes[int(said.value)], *_padded(said.probabilities, len(classes))] if classes else []
    return [
        *(chosen or [said.value, said.low, said.high]),
        "; ".join(said.caution),
        part.base,
        *(part.contributions.get(name) for name in MODALITIES),
        *((part.weights or {}).get(name) for name in MODALITIES),
        " ".join(part.present),
    ]


def _padded(values: tuple[float, ...], length: int) -> list[float | None]:
    return [*values, *[None] * (length - len(values))]


def safe_csv(analysis: Document) -> str:
    """CSV in which no text is a formula."""
    columns, body = rows(analysis)
    return comma_separated([str(inert(name)) for name in columns], [[inert(cell) for cell in row] for row in body])


def inert(cell: Any) -> Any:
    """A cell that no spreadsheet treats as a formula: such a text begins with an apostrophe."""
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell


def dataframe(analysis: Document) -> "DataFrame":
    """The same table for pandas, with unchanged texts.

    Raises:
        UserError: pandas is not installed.
    """
    columns, body = rows(analysis)
    return make_dataframe(body, columns)
