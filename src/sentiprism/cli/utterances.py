"""Command: dataset utterances."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiprism.cli.options import SPLITS, Json, choice, number, option
from sentiprism.cli.tables import emit_json, table

if TYPE_CHECKING:
    from sentiprism.data.dataset import Dataset
    from sentiprism.data.find import Place
    from sentiprism.evaluation.disagreement import Disagreement

LENGTHS = ("words", "token_ids", "text", "audio", "vision")
"""Copies of names in the library, to avoid importing it; a test compares them."""


def _length(text: str, metavar: str | None = None) -> Any:
    return typer.Option(min=0, metavar=metavar or "N", help=text)


def utterances(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name in the store; see: sentiprism dataset list.")],
    split: Annotated[str | None, typer.Option(**choice("split", SPLITS), help="Only of this split.")] = None,
    low: Annotated[float | None, typer.Option(parser=number, metavar="X", help="Lowest label.")] = None,
    high: Annotated[float | None, typer.Option(parser=number, metavar="X", help="Highest label.")] = None,
    label: Annotated[str | None, option("CLASS", "Class of the label.")] = None,
    length_of: Annotated[
        str, typer.Option(**choice("length", LENGTHS), help="What --shortest and --longest count.")
    ] = "words",
    shortest: Annotated[int | None, _length("Least length.")] = None,
    longest: Annotated[int | None, _length("Largest length.")] = None,
    missing: Annotated[
        str | None, typer.Option(**choice("sequence", LENGTHS), help="Only utterances without this.")
    ] = None,
    words: Annotated[str, option("TEXT", "A part of the transcript, ignoring case.")] = "",
    run: Annotated[Path | None, option("RUN", "Run with predictions; the largest error is listed first.")] = None,
    difference: Annotated[
        float | None, typer.Option(parser=number, metavar="X", help="Least |prediction − label|, with --run.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, metavar="N", help="Utterances to list.")] = 20,
    as_json: Json = False,
) -> None:
    """List utterances of a dataset: by split, label, length, missing modality, words, or a model's errors.

    Examples:
        sentiprism dataset utterances mosi --split test --low 2

        sentiprism dataset utterances mosi --missing audio --words terrible --json

        sentiprism dataset utterances mosi --run runs/first --difference 2
    """
    from sentiprism.data.find import UtteranceFilter, find_utterances
    from sentiprism.data.store import load_dataset
    from sentiprism.errors import UserError
    from sentiprism.evaluation.disagreement import read_disagreement

    dataset = load_dataset(name, verify=False)
    predicted = None if run is None else read_disagreement(run, dataset)
    if run is not None and predicted is None:
        raise UserError(
            f"{run} has no predictions for {name}", f"make them with: sentiprism evaluate {run} --dataset {name}"
        )
    given = {"split": split, "low": low, "high": high, "label": label, "length_of": length_of, "shortest": shortest}
    given |= {"longest": longest, "missing": missing, "words": words, "difference": difference}
    wanted = UtteranceFilter.parse(given, "the filter")
    found = find_utterances(dataset, wanted, predicted and predicted.difference)
    rows = [_row(dataset, place, predicted) for place in found[:most]]
    if as_json:
        emit_json({"found": len(found), "utterances": rows})
        return
    lengths = list(dataset.train.sequences)
    columns = ["id", "split", "label", *(["prediction"] if predicted else []), *lengths, "text"]
    shown = [tuple("–" if row[key] is None else _cell(row[key]) for key in columns) for row in rows]
    caption = f"{len(rows):,} of {len(found):,}; sequences: length in steps"
    table(name, columns, shown, caption, numbers=("label", "prediction", *lengths), cut=("id", "text"))


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _row(dataset: "Dataset", place: "Place", predicted: "Disagreement | None") -> dict[str, Any]:
    """One utterance as JSON values; None = missing."""
    one = dataset.split(place.split).utterance(place.number)
    row: dict[str, Any] = {"id": one.id, "video_id": one.video_id, "split": place.split, "number": place.number}
    row["label"] = _label(dataset, one.labels["M"])
    if predicted is not None:
        value = float(predicted.prediction[place.split][place.number])
        row["prediction"] = _label(dataset, value)
        row["difference"] = float(predicted.difference[place.split][place.number])
    row |= {name: len(one.sequences[name]) if name in one.sequences else None for name in dataset.train.sequences}
    return {**row, "text": one.text}


def _label(dataset: "Dataset", value: float) -> str | float:
    """The class's name, or the intensity."""
    classes = dataset.card.target.classes
    return classes[int(value)] if classes else value
