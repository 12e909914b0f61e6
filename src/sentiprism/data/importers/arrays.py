"""Import padded arrays from one `.npz` file."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import SPLITS, Utterance
from sentiprism.data.importers.columns import SEPARATOR
from sentiprism.data.importers.folds import SPLIT_NAMES, short, split_videos
from sentiprism.data.importers.notes import not_read
from sentiprism.data.importers.npz import Archive, open_npz
from sentiprism.data.importers.table import parse_label
from sentiprism.errors import UserError, suggest
from sentiprism.types import MODALITIES

NAMES = {
    "label": ("label", "labels", "y"),
    "id": ("id", "ids"),
    "video_id": ("video_id", "video_ids"),
    "words": ("words", "raw_text"),
    "length": ("length", "lengths"),
    "text": ("text", "glove"),
    "audio": ("audio",),
    "vision": ("vision", "video"),
}
"""Accepted names of each kind of array, optionally followed by ``_train``, ``_valid`` or ``_test``."""
KINDS = {name: kind for kind, names in NAMES.items() for name in names}

Arrays = dict[str, npt.NDArray[Any]]


def read_arrays(
    path: Path, *, folds: Path | str | None = None, classes: Sequence[str] = (), notes: list[str] | None = None
) -> Iterator[tuple[str, Utterance]]:
    """Read padded arrays of N utterances.

    Features are (N, T, F), or (N, F) for one step. Without ``length``, zeros at both ends of an utterance are padding;
    arrays with the same T are cut together, so that aligned steps stay aligned. A modality is missing if an utterance
    only has zeros, or a split has no array.

    Args:
        path: ``.npz`` with, for each split or without one, ``label`` (N,) numbers or names of classes, and
            optionally ``id``, ``video_id`` and ``words`` (N,) strings, ``length`` (N,), and features of text,
            audio and vision; see `NAMES` for other names.
        folds: splits for arrays without splits, see `split_videos`.
        classes: names in the order of the labels, for classes.
        notes: warnings are appended to it.

    Yields:
        split and utterance, in the order of the file.

    Raises:
        UserError: the file is refused (`open_npz`), an array is missing or has another shape, or splits are
            stated twice or not at all.
    """
    notes = [] if notes is None else notes
    with open_npz(path) as archive:
        keys = _find(archive, notes)
        if (None in keys) != (folds is not None):
            cause = "states no splits" if folds is None else "states its own splits"
            raise UserError(f"{path} {cause}", "give `folds`, K/N for one" if folds is None else "leave `folds` out")
        counts: Counter[str] = Counter()
        for split in SPLITS if folds is None else (None,):
            arrays = {kind: archive.read(key) for kind, key in keys.get(split, {}).items()}
            if "label" not in arrays:
                wanted = f"label_{split}" if split else "label"
                raise UserError(
                    f"{path} has no array {wanted!r}", f"add it; {suggest(wanted, archive.names, 'it has')}"
                )
            where = f"{path.name}, {split}" if split else path.name
            rows = _utterances(where, arrays, split or "", classes, counts)
            if split is not None:
                yield from ((split, utterance) for utterance in rows)
            elif folds is not None:
                utterances = list(rows)
                sizes = Counter(utterance.video_id for utterance in utterances)
                split_of = split_videos(folds, sizes, notes)
                left = sizes.keys() - split_of.keys()
                if left:
                    notes.append(f"{path.name}: {len(left)} videos are in no split of {short(folds)}, not read")
                yield from ((split_of[u.video_id], u) for u in utterances if u.video_id in split_of)
        notes += [f"{path.name}: {what} in {count} utterances" for what, count in counts.items() if count]


def _find(archive: Archive, notes: list[str]) -> dict[str | None, dict[str, str]]:
    """Names of arrays by split and kind; the split is None if labels are not divided into splits."""
    keys: dict[str | None, dict[str, str]] = {}
    for key in archive.names:
        stem, _, end = key.rpartition("_")
        split, kind = (SPLIT_NAMES[end], KINDS.get(stem)) if end in SPLIT_NAMES else (None, KINDS.get(key))
        other = keys.setdefault(split, {}).setdefault(kind, key) if kind else key
        if other != key:
            raise UserError(f"{archive.path} has both {other!r} and {key!r} for the same data", "leave one of them out")
    if not any("label" in found for found in keys.values()):
        raise UserError(
            f"{archive.path} has no array of labels", f"name it label; {suggest('label', archive.names, 'it has')}"
        )
    splits: list[str | None] = [split for split in keys if split]
    whole: list[str | None] = splits if any("label" in keys[split] for split in splits) else [None]
    keys = {split: keys.get(split, {}) for split in whole}
    read = {key for found in keys.values() for key in found.values()}
    notes += not_read(archive.path.name, "array", [key for key in archive.names if key not in read], "not known and")
    return keys


def _utterances(
    where: str, arrays: Arrays, split: str, classes: Sequence[str], counts: Counter[str]
) -> Iterator[Utterance]:
    N = arrays["label"].size
    labels = [_label(where, value, classes) for value in arrays["label"].reshape(-1).tolist()]
    if "text" in arrays and arrays["text"].dtype.kind in "US" and "words" not in arrays:
        arrays["words"] = arrays.pop("text")
    for key, array in arrays.items():
        if not array.ndim or len(array) != N:
            raise UserError(f"{where}: {key} has the shape {array.shape} for {N} labels", "give each utterance one row")
    ids = _strings(where, "id", arrays) if "id" in arrays else [f"{split}{n}" for n in range(N)]
    videos = (
        _strings(where, "video_id", arrays)
        if "video_id" in arrays
        else _videos(where, ids if "id" in arrays or split else [], counts)
    )
    texts = _strings(where, "words", arrays) if "words" in arrays else [""] * N
    sequences: Arrays = {key: _features(where, key, arrays[key]) for key in MODALITIES if key in arrays}
    spans = _spans(where, sequences, arrays.get("length"), counts)
    for n in range(N):
        found = {key: steps[n, slice(*spans[key][n])] for key, steps in sequences.items()}
        found = {key: steps for key, steps in found.items() if steps.any()}
        yield Utterance(ids[n], videos[n], texts[n] or None, {"M": labels[n]}, found)


def _label(where: str, value: Any, classes: Sequence[str]) -> float:
    try:
        text = value.decode() if isinstance(value, bytes) else str(int(value) if isinstance(value, bool) else value)
        return parse_label(text, classes)
    except ValueError:
        remedy = suggest(str(value), classes) if classes else "give numbers, or name the `classes`"
        raise UserError(f"{where}: a label is {value!r}", remedy) from None


def _strings(where: str, key: str, arrays: Arrays) -> list[str]:
    """One string per utterance; several words are joined to a line."""
    array = arrays[key]
    if array.dtype.kind not in ("US" if key == "words" else "USiu"):
        raise UserError(f"{where}: {key} is of type {array.dtype}", "store strings")
    try:
        rows = array.astype(np.str_).reshape(len(array), -1)
    except UnicodeDecodeError:
        raise UserError(f"{where}: {key} holds bytes that are not ASCII", "store Unicode strings") from None
    return [" ".join(word for word in row if word) for row in rows.tolist()]


def _videos(where: str, ids: list[str], counts: Counter[str]) -> list[str]:
    """Video of each utterance, derived from its id if possible."""
    if not ids:
        raise UserError(f"{where} does not name videos, which folds need", "add an array 'video_id', or ids video_clip")
    for mark in (SEPARATOR, "_"):
        if all(mark in name for name in ids):
            if mark != SEPARATOR:
                counts[f"no video_id, the id up to its last {mark!r} taken for it,"] += len(ids)
            return [name.rpartition(mark)[0] for name in ids]
    counts["no video named, treated as a separate video,"] += len(ids)
    return list(ids)


def _features(where: str, key: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.dtype.kind not in "fiu" or array.ndim not in {2, 3}:
        raise UserError(
            f"{where}: {key} holds {array.dtype} of shape {array.shape}", "store (N, T, F) or (N, F) numbers"
        )
    if not array.shape[-1]:
        raise UserError(f"{where}: {key} holds features of width 0", "store one number per feature, or leave it out")
    return array if array.ndim == 3 else array[:, None]


def _spans(
    where: str, sequences: Arrays, lengths: npt.NDArray[Any] | None, counts: Counter[str]
) -> dict[str, npt.NDArray[np.int64]]:
    """Start and end step, (N, 2), of each modality."""
    spans: dict[str, npt.NDArray[np.int64]] = {}
    for T in dict.fromkeys(steps.shape[1] for steps in sequences.values()):
        alike = [key for key, steps in sequences.items() if steps.shape[1] == T]
        real = np.any([sequences[key].any(axis=2) for key in alike], axis=0)  # (N, T)
        if not T:
            start = stop = np.zeros(len(real), np.int64)
        elif T > 1 and lengths is not None:
            start, stop = _stated(where, real, lengths.reshape(-1))
        else:
            there = real.any(axis=1)
            start = np.where(there, real.argmax(axis=1), 0)
            stop = np.where(there, T - real[:, ::-1].argmax(axis=1), 0)
            name = f"of {T} steps no length is stated, zeros"
            counts[f"{name} in front cut as padding"] += np.count_nonzero(start) * (T > 1)
            counts[f"{name} behind cut as padding"] += np.count_nonzero(there & (stop < T)) * (T > 1)
        spans |= dict.fromkeys(alike, np.stack([start, stop], axis=1))
    return spans


def _stated(where: str, real: npt.NDArray[np.bool_], lengths: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
    """Spans of given lengths, with padding after or before them: on the side that only has zeros."""
    N, T = real.shape
    if lengths.dtype.kind not in "iu" or len(lengths) != N or not ((lengths >= 0) & (lengths <= T)).all():
        raise UserError(f"{where}: length is not a whole number from 0 to {T} each", "count the real steps")
    lengths = lengths.astype(np.int64)
    step = np.arange(T)
    if not (real & (step >= lengths[:, None])).any():
        return np.zeros_like(lengths), lengths
    if not (real & (step < T - lengths[:, None])).any():
        return T - lengths, np.full_like(lengths, T)
    raise UserError(f"{where}: there are features beyond the given lengths", "pad with zeros, or correct the lengths")
