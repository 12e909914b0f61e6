"""A user's own dataset: a CSV of utterances, and a file of features for each modality, joined on the id."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv

from sentiprism.data.dataset import SPLITS, Utterance
from sentiprism.data.importers.feature_files import open_features
from sentiprism.errors import UserError, suggest
from sentiprism.types import MODALITIES

REQUIRED = ("id", "label", "split")
OPTIONAL = ("video_id", "text", "clip_id", "label_T", "label_A", "label_V")
SPLIT_NAMES = {split: split for split in SPLITS} | {"dev": "valid", "val": "valid", "validation": "valid"}
SEPARATOR = "$_$"


def read_table(
    labels: Path, *, features: Mapping[str, Path], notes: list[str] | None = None
) -> Iterator[tuple[str, Utterance]]:
    """Read a CSV and its feature files.

    Args:
        labels: CSV of id, label, split and optionally video_id, text, clip_id, label_T, label_A, label_V;
            without video_id each id must be ``video$_$clip``. Splits are train, valid (or dev, val) and test.
        features: by modality, a file `open_features` knows; static vectors become sequences of one step.
        notes: warnings are appended to it.

    Yields:
        split and utterance, in the order of the CSV.

    Raises:
        UserError: a file cannot be read, a column or value is missing or wrong, or no id is in both files.
    """
    notes = [] if notes is None else notes
    table = _read_csv(labels, notes)
    lookups = {}
    for modality, path in features.items():
        if modality not in MODALITIES:
            raise UserError(f"no modality is called {modality!r}", suggest(modality, MODALITIES))
        ids, lookup = open_features(path, modality, table["id"], notes)
        rows = {name: row for row, name in enumerate(ids)}
        if len(rows) != len(ids):
            raise UserError(f"{path} has an id twice", "give each utterance one row")
        common = len(rows.keys() & set(table["id"]))
        if not common:
            raise UserError(
                f"{path} and {labels} have no id in common",
                f"make ids like {next(iter(rows), '')!r} and {table['id'][0]!r} the same",
            )
        if len(rows) > common:
            notes.append(f"{path.name}: {len(rows) - common} ids are not in {labels.name}, not read")
        if len(table["id"]) > common:
            notes.append(f"{path.name}: {len(table['id']) - common} utterances have no {modality}")
        lookups[modality] = (rows, lookup)
    for n, name in enumerate(table["id"]):
        yield (
            table["split"][n],
            Utterance(
                id=name,
                video_id=table["video_id"][n],
                text=table["text"][n] or None if "text" in table else None,
                labels={key: _label(labels, table, column, n) for key, column in _label_columns(table)},
                sequences={m: lookup(rows[name]) for m, (rows, lookup) in lookups.items() if name in rows},
            ),
        )


def _label_columns(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [("M", "label"), *((key, f"label_{key}") for key in "TAV" if f"label_{key}" in table)]


def _label(path: Path, table: Mapping[str, list[str]], column: str, row: int) -> float:
    text = table[column][row]
    try:
        return float(text)
    except ValueError:
        raise UserError(
            f"{path}: {column} of {table['id'][row]!r} is {text!r}", "write a number, with a point"
        ) from None


def _read_csv(path: Path, notes: list[str]) -> dict[str, list[str]]:
    """Columns as strings, in the order of the file; split names made ours, every utterance with its video."""
    content = _parse(path)
    names = content.column_names
    if len(set(names)) != len(names):
        raise UserError(f"{path} has a column twice", "give each column a name of its own")
    for name in REQUIRED:
        if name not in names:
            raise UserError(f"{path} has no column {name!r}", f"add it, or rename one; {suggest(name, names)}")
    known = (*REQUIRED, *OPTIONAL)
    notes += [f"{path.name}: column {name!r} is not known and not read" for name in names if name not in known]
    table: dict[str, list[str]] = {name: content[name].to_pylist() for name in names if name in known}
    if not table["id"]:
        raise UserError(f"{path} has no rows", "give it one row an utterance")
    videos = table.get("video_id") or [_video(path, name) for name in table["id"]]
    for name, video, split in zip(table["id"], videos, table["split"], strict=True):
        if not video:
            raise UserError(f"{path}: {name!r} has no video_id", "name the recording each utterance comes from")
        if split.lower() not in SPLIT_NAMES:
            raise UserError(f"{path}: split of {name!r} is {split!r}", suggest(split.lower(), SPLIT_NAMES))
    return table | {"video_id": videos, "split": [SPLIT_NAMES[split.lower()] for split in table["split"]]}


def _parse(path: Path) -> Any:
    parse = csv.ParseOptions(newlines_in_values=True)
    try:
        with csv.open_csv(path, parse_options=parse) as reader:
            names = reader.schema.names
        options = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
        return csv.read_csv(path, parse_options=parse, convert_options=options)
    except FileNotFoundError:
        raise UserError(f"no file {path}", "check the path") from None
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path} is no table: {' '.join(str(error).split())}", "save it as UTF-8 CSV") from None


def _video(path: Path, name: str) -> str:
    video, found, _ = name.rpartition(SEPARATOR)
    if not found:
        raise UserError(
            f"{path} has no column 'video_id', and the id {name!r} does not name its video",
            f"add video_id, the recording an utterance was cut from, or write ids as video{SEPARATOR}clip",
        )
    return video
