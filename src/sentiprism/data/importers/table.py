"""Import a CSV of utterances and feature files, joined on the id."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from sentiprism.data.checks import Checks
from sentiprism.data.dataset import Utterance
from sentiprism.data.importers.columns import Table, read_columns
from sentiprism.data.importers.feature_files import open_features
from sentiprism.errors import UserError, suggest
from sentiprism.reading import parse_number
from sentiprism.types import MODALITIES, TargetSpec

Lookup = Callable[[str], npt.NDArray[Any] | None]
"""Function from the id of an utterance to (T, F), or None."""


def read_table(
    labels: Path | Mapping[str, Path],
    *,
    features: Mapping[str, Path],
    columns: Mapping[str, str] | None = None,
    classes: Sequence[str] = (),
    folds: Path | str | None = None,
    official: bool = False,
    notes: list[str] | None = None,
) -> Iterator[tuple[str, Utterance]]:
    """Read a CSV, or one per split, and the feature files.

    Args:
        labels: CSV of label, and optionally id, video_id, text, split, clip_id, label_T, label_A, label_V; missing
            columns are derived if possible, see `read_columns`. Ids without video_id must be ``video$_$clip``. Splits
            are train, valid (or dev, val) and test. By split: files without that column.
        features: by modality, a file for `open_features`; static vectors become sequences of one step.
        columns: sources of these columns in a CSV with other names: the name of one column, or a pattern such as
            ``{split}-{Dialogue_ID}``.
        classes: names in the order of the labels, for classes; a label is a name or its index.
        folds: splits for a table without splits, see `split_videos`.
        official: whether the dataset has official splits, which are then required.
        notes: warnings are appended to it.

    Yields:
        split and utterance, in the order of the CSV.

    Raises:
        UserError: a file cannot be read, a column or value is missing or wrong, or the files have no id in common.
    """
    notes = [] if notes is None else notes
    files = labels if isinstance(labels, Mapping) else {"": labels}
    where = " and ".join(str(path) for path in files.values())
    table = read_columns(files, columns or {}, folds, notes, joined=bool(features), official=official)
    lookups = {
        modality: open_joined(path, modality, table["id"], list(files.values()), notes)
        for modality, path in features.items()
    }
    for n, name in enumerate(table["id"]):
        if table["split"][n]:  # otherwise its video is in no fold
            sequences = {m: steps for m, lookup in lookups.items() if (steps := lookup(name)) is not None}
            yield table["split"][n], make_utterance(table, n, where, classes, sequences)


def check_table(
    table: Table,
    where: str,
    target: TargetSpec,
    *,
    without: Collection[str] = (),
    offset: float = 0.0,
    allow_shared_videos: bool = False,
    whole: bool = False,
) -> None:
    """Refuse a table that the store would refuse for any features.

    Args:
        table: from `read_columns`.
        where: its file, for messages.
        target: range or classes of the labels.
        without: ids that are left out.
        offset: added to the labels before checking them.
        allow_shared_videos: allow a video in several splits.
        whole: whether no texts or features will be added.

    Raises:
        UserError: ids, labels, videos or splits are invalid; the message names the first.
    """
    checks = Checks(target, allow_shared_videos=allow_shared_videos)
    rows = (n for n, split in enumerate(table["split"]) if split and table["id"][n] not in without)
    pairs = ((table["split"][n], make_utterance(table, n, where, target.classes, {})) for n in rows)
    for split, one in shift_labels(pairs, offset):
        checks.admit(split, one)
    checks.finish(whole=whole)


def shift_labels(rows: Iterable[tuple[str, Utterance]], offset: float) -> Iterator[tuple[str, Utterance]]:
    """Add ``offset`` to every label."""
    for split, one in rows:
        labels = {key: value + offset for key, value in one.labels.items()}
        yield split, replace(one, labels=labels) if offset else one


def open_joined(path: Path, modality: str, ids: Sequence[str], tables: Sequence[Path], notes: list[str]) -> Lookup:
    """Open a file of features for a table.

    Args:
        path: see `open_features`.
        modality: of the features.
        ids: of the table.
        tables: its files, for messages.
        notes: warnings are appended to it.

    Returns:
        A function from an id to its features (T, F), or None.

    Raises:
        UserError: the file cannot be read, has an id twice, or no id of the table.
    """
    if modality not in MODALITIES:
        raise UserError(f"no modality is called {modality!r}", suggest(modality, MODALITIES))
    names, read = open_features(path, modality, list(ids), notes)
    rows = {name: row for row, name in enumerate(names)}
    if len(rows) != len(names):
        raise UserError(f"{path} has an id twice", "give each utterance one row")
    common = len(rows.keys() & set(ids))
    if not common:
        raise UserError(
            f"{path} and {' and '.join(map(str, tables))} have no id in common",
            f"make ids like {next(iter(rows), '')!r} and {ids[0]!r} the same",
        )
    if len(rows) > common:
        stems = " and ".join(file.name for file in tables)
        notes.append(f"{path.name}: {len(rows) - common} ids are not in {stems}, not read")
    if len(ids) > common:
        notes.append(f"{path.name}: {len(ids) - common} utterances have no {modality}")
    return lambda name: read(rows[name]) if name in rows else None


def make_utterance(
    table: Table, row: int, where: str, classes: Sequence[str], sequences: Mapping[str, npt.NDArray[Any]]
) -> Utterance:
    """Make an utterance from a row of a table.

    Raises:
        UserError: a label is neither a number nor a class.
    """
    return Utterance(
        id=table["id"][row],
        video_id=table["video_id"][row],
        text=table["text"][row] or None if "text" in table else None,
        labels={key: _label(where, table, column, row, classes) for key, column in _label_columns(table)},
        sequences=sequences,
    )


def parse_label(text: str, classes: Sequence[str] = ()) -> float:
    """Parse an intensity or a class, given by its name or, if names are not numbers, by its index; returns its index.

    Raises:
        ValueError: it is neither.
    """
    if text in classes:
        return float(classes.index(text))
    value, places = parse_number(text), {}
    for place, name in enumerate(classes):
        try:
            places[parse_number(name)] = float(place)
        except ValueError:
            continue
    if places and value not in places:
        raise ValueError(text)
    return places.get(value, value)


def _label_columns(table: Table) -> list[tuple[str, str]]:
    return [("M", "label"), *((key, f"label_{key}") for key in "TAV" if f"label_{key}" in table)]


def _label(where: str, table: Table, column: str, row: int, classes: Sequence[str]) -> float:
    text = table[column][row]
    try:
        return parse_label(text, classes)
    except ValueError:
        remedy = suggest(text, classes) if classes else "write a number, such as -1.5, or name the `classes`"
        raise UserError(f"{where}: {column} of {table['id'][row]!r} is {text!r}", remedy) from None
