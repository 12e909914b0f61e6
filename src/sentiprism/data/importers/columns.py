"""Read CSV columns by standard names, and derive missing ones."""

import re
from collections import Counter
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from sentiprism.data.importers.csv_files import read_csv
from sentiprism.data.importers.folds import SPLIT_NAMES, make_splits, short, split_videos
from sentiprism.data.importers.notes import not_read
from sentiprism.errors import UserError, suggest

KEYS = ("id", "label", "split")
OPTIONAL = ("video_id", "text", "clip_id", "label_T", "label_A", "label_V")
SEPARATOR = "$_$"

Table = dict[str, list[str]]


def read_columns(
    files: Mapping[str, Path],
    columns: Mapping[str, str],
    folds: Path | str | None,
    notes: list[str],
    also: tuple[str, ...] = (),
    *,
    joined: bool = False,
    official: bool = False,
) -> Table:
    """Read CSV files as one table of strings, in their order.

    Missing columns are derived: the id from the file and start of an utterance, or from its row number; the video from
    the file or the id; splits from the videos, see `make_splits`. Notes say what was derived.

    Args:
        files: by split; "" for one with a split column.
        columns: sources of standard columns, see `read_table`.
        folds: splits for a table without splits, see `split_videos`.
        notes: warnings are appended to it.
        also: further known columns.
        joined: whether features are joined on the ids, which are then required.
        official: whether the dataset has official splits, which are then required.

    Returns:
        id, label, video_id, split ("" if the video is in no fold), and existing columns of `OPTIONAL` and ``also``.

    Raises:
        UserError: a file cannot be read, a column or value is missing or wrong.
    """
    known = (*KEYS, *OPTIONAL, *also)
    needed = ["label", *(["file" if "file" in also else "id"] if joined or "file" in also else [])]
    needed += ["split"] if official and folds is None else []
    sources = find_sources(columns, known)
    parts: list[Table] = []
    unknown: dict[str, None] = {}
    for split, path in files.items():
        names, content = read_csv(path, sources.__contains__)
        unknown.update(dict.fromkeys(name for name in names if name not in content))
        if split:
            if "split" in content:
                raise UserError(f"{path} has a column 'split' but is given for {split}", "give it as `labels` FILE")
            content["split"] = [SPLIT_NAMES.get(split, split)] * len(next(iter(content.values()), []))
        part = rename_columns(path, names, content, columns)
        part = {name: cells for name, cells in part.items() if name in known}
        if folds is not None and "split" in part:
            raise UserError(f"{path} states its own splits", "leave `folds` out")
        _check_columns(path, part, needed, names)
        parts.append(_filled(path, part, notes, recordings="file" in also))
        if parts[-1].keys() != parts[0].keys():
            name = min(parts[-1].keys() ^ parts[0].keys())
            raise UserError(f"{path} and the first file do not both have {name!r}", "give all files the same columns")
    notes += not_read(" and ".join(path.name for path in files.values()), "column", unknown, "not known and")
    table = {key: list(chain.from_iterable(part[key] for part in parts)) for key in parts[0]}
    twice = next((name for name, count in Counter(table["id"]).items() if count > 1), None)
    if twice is not None:
        where = " and ".join(map(str, files.values()))
        raise UserError(f"{where}: two utterances have the id {twice!r}", "give each utterance an id of its own")
    if folds is None and "split" not in table:
        split_of = make_splits(Counter(table["video_id"]), notes)
        table["split"] = [split_of[video] for video in table["video_id"]]
    elif folds is not None:
        split_of = split_videos(folds, Counter(table["video_id"]), notes)
        table["split"] = [split_of.get(video, "") for video in table["video_id"]]
        if left := table["split"].count(""):
            notes.append(f"{left} utterances are of videos in no split of {short(folds)}, not read")
    return table


def find_sources(columns: Mapping[str, str], known: tuple[str, ...]) -> set[str]:
    """Columns to read: known ones, and the sources of others.

    Args:
        columns: sources of known columns, see `read_table`.
        known: standard names.

    Raises:
        UserError: ``columns`` has an unknown name.
    """
    for name in columns:
        if name not in known:
            raise UserError(f"no column is called {name!r}", suggest(name, known))
    return {*known, *chain.from_iterable(_parts(pattern)[1::2] for pattern in columns.values())}


def _parts(pattern: str) -> list[str]:
    """Split a pattern into alternating texts and names of columns."""
    parts = re.split(r"\{([^{}]+)\}", pattern)
    return parts if len(parts) > 1 else ["", pattern, ""]


def rename_columns(path: Path, names: list[str], content: Table, columns: Mapping[str, str]) -> Table:
    """Rename columns to standard names, and derive some from others.

    Args:
        path: of the table, for messages.
        names: of all its columns.
        content: columns from `find_sources`.
        columns: sources of known columns, see `read_table`.

    Raises:
        UserError: a source column is missing.
    """
    made: Table = {}
    for name, pattern in columns.items():
        parts = _parts(pattern)
        for column in parts[1::2]:
            if column not in content:
                raise UserError(f"{path} has no column {column!r}", suggest(column, names, "it has"))
        rows = zip(*(content[column] for column in parts[1::2]), strict=True)
        made[name] = ["".join(chain.from_iterable(zip(parts[::2], (*row, ""), strict=True))) for row in rows]
    return content | made


def _check_columns(path: Path, table: Table, needed: list[str], names: list[str]) -> None:
    for name in needed:
        if name not in table and not (name == "file" and "id" in table):
            raise UserError(
                f"{path} has no column {name!r}",
                f"add it, or say what it is made from with `columns` {name}=NAME; {suggest(name, names, 'it has')}",
            )


def _filled(path: Path, table: Table, notes: list[str], *, recordings: bool) -> Table:
    """Add ids and videos to a table, and use standard split names.

    Args:
        path: of the table, for messages.
        table: with a label and optional columns.
        notes: warnings are appended to it.
        recordings: whether ids name recordings, for a table without files.
    """
    videos = table.get("video_id") or table.get("file")
    ids = table.get("id")
    if ids is None and "file" in table:
        ids = table["file"]
        if "start" in table:
            ids = [f"{file}@{start}" for file, start in zip(ids, table["start"], strict=True)]
    elif ids is None:
        ids = [f"{path.stem}-{number}" for number in range(1, len(table["label"]) + 1)]
        notes.append(f"{path.name} has no column 'id': its rows are numbered")
        if videos is None:
            videos = ids
            notes.append(f"{path.name} has no column 'video_id': each row is treated as a separate video")
    if videos is None and recordings and not any(SEPARATOR in name for name in ids):
        videos = ids
    elif videos is None:
        videos = [_video(path, name) for name in ids]
    if recordings and "video_id" not in table and "split" not in table:
        notes.append(f"{path.name} has no column 'video_id': each recording is treated as a separate video")
    splits = table.get("split", [])
    for name, video in zip(ids, videos, strict=True):
        if not video:
            raise UserError(f"{path}: {name!r} has no video_id", "name the recording each utterance comes from")
    for name, split in zip(ids, splits, strict=bool(splits)):
        if split.lower() not in SPLIT_NAMES:
            raise UserError(f"{path}: split of {name!r} is {split!r}", suggest(split.lower(), SPLIT_NAMES))
    renamed = {"split": [SPLIT_NAMES[split.lower()] for split in splits]} if splits else {}
    return table | {"id": ids, "video_id": videos} | renamed


def _video(path: Path, name: str) -> str:
    video, found, _ = name.rpartition(SEPARATOR)
    if not found:
        raise UserError(
            f"{path} has no column 'video_id', and the id {name!r} does not name its video",
            f"add video_id, the recording an utterance was cut from, or write ids as video{SEPARATOR}clip",
        )
    return video
