"""A user's own dataset: a CSV of utterances, and a file of features for each modality, joined on the id."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sentiprism.data.dataset import Utterance
from sentiprism.data.importers.columns import Table, read_columns
from sentiprism.data.importers.feature_files import open_features
from sentiprism.errors import UserError, suggest
from sentiprism.types import MODALITIES


def read_table(
    labels: Path | Mapping[str, Path],
    *,
    features: Mapping[str, Path],
    columns: Mapping[str, str] | None = None,
    classes: Sequence[str] = (),
    folds: Path | str | None = None,
    notes: list[str] | None = None,
) -> Iterator[tuple[str, Utterance]]:
    """Read a CSV, or one a split, and the feature files.

    Args:
        labels: CSV of id, label, split and optionally video_id, text, clip_id, label_T, label_A, label_V;
            without video_id each id must be ``video$_$clip``. Splits are train, valid (or dev, val) and test. By
            split, files that have no column of it.
        features: by modality, a file `open_features` knows; static vectors become sequences of one step.
        columns: where a column of those names comes from in a CSV that has others: the name of one column, or a
            pattern such as ``{split}-{Dialogue_ID}``.
        classes: names in the order of the labels, where the target is classes; a label is a name or its place.
        folds: splits of a table that has none, see `split_videos`.
        notes: warnings are appended to it.

    Yields:
        split and utterance, in the order of the CSV.

    Raises:
        UserError: a file cannot be read, a column or value is missing or wrong, or no id is in both files.
    """
    notes = [] if notes is None else notes
    files = labels if isinstance(labels, Mapping) else {"": labels}
    where = " and ".join(str(path) for path in files.values())
    table = read_columns(files, columns or {}, folds, notes)
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
                f"{path} and {where} have no id in common",
                f"make ids like {next(iter(rows), '')!r} and {table['id'][0]!r} the same",
            )
        if len(rows) > common:
            stems = " and ".join(file.name for file in files.values())
            notes.append(f"{path.name}: {len(rows) - common} ids are not in {stems}, not read")
        if len(table["id"]) > common:
            notes.append(f"{path.name}: {len(table['id']) - common} utterances have no {modality}")
        lookups[modality] = (rows, lookup)
    for n, name in enumerate(table["id"]):
        if not table["split"][n]:  # its video is in no fold
            continue
        yield (
            table["split"][n],
            Utterance(
                id=name,
                video_id=table["video_id"][n],
                text=table["text"][n] or None if "text" in table else None,
                labels={key: _label(where, table, column, n, classes) for key, column in _label_columns(table)},
                sequences={m: lookup(rows[name]) for m, (rows, lookup) in lookups.items() if name in rows},
            ),
        )


def parse_label(text: str, classes: Sequence[str] = ()) -> float:
    """An intensity, or the place of a class that is given by its name or, where names are no numbers, its place.

    Raises:
        ValueError: it is neither.
    """
    if text in classes:
        return float(classes.index(text))
    value, places = float(text), {}
    for place, name in enumerate(classes):
        try:
            places[float(name)] = float(place)
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
        remedy = suggest(text, classes) if classes else "write a number, with a point, or name the --classes"
        raise UserError(f"{where}: {column} of {table['id'][row]!r} is {text!r}", remedy) from None
