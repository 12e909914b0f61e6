"""Import pickles of the MMSA distribution (MOSI, MOSEI, CH-SIMS).

Layout: Yu et al., ACL 2020 and Mao et al., ACL 2022 (MMSA); see also Self-MM (Yu et al., AAAI 2021). Shapes are read
    from
the file. ``text_bert`` (N, 3, L) is float32: rows of ids, mask and segments, including [CLS] and [SEP]. Unaligned files
have true lengths; in aligned ones every modality has the length of the text mask, as in MMSA.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import SPLITS, Utterance
from sentiprism.data.importers.notes import not_read
from sentiprism.data.importers.sandbox import Column, Other, PickleFile, open_pickle
from sentiprism.data.known import KnownDataset
from sentiprism.errors import UserError, suggest

LABELS = {"M": "regression_labels"} | {name: f"regression_labels_{name}" for name in "TAV"}
SEQUENCES = {"token_ids": "text_bert", "text": "text", "audio": "audio", "vision": "vision"}
LENGTHS = {"audio": "audio_lengths", "vision": "vision_lengths"}
UNUSED = ("annotations", "classification_labels")
KEYS = {"id", "raw_text", *LABELS.values(), *SEQUENCES.values(), *LENGTHS.values(), *UNUSED}
SEPARATOR = "$_$"
HOLD = 128
"""Utterances after which memory pages are released."""


def read_mmsa(
    path: Path, *, known: KnownDataset | None = None, notes: list[str] | None = None
) -> Iterator[tuple[str, Utterance]]:
    """Read an MMSA pickle, aligned or unaligned, without executing it.

    Args:
        path: the file.
        known: expected dataset; its other form, aligned to words or not, is refused.
        notes: warnings are appended to it while utterances are read.

    Yields:
        split and utterance: ``token_ids`` (T,) int32, ``text``, ``audio`` and ``vision`` (T, F) views of the
        file at their true lengths; labels "M" and, where the file has them, "T", "A", "V".

    Raises:
        UserError: the file is refused (`open_pickle`), a split or key is missing, columns differ in count, or it is
            the other form of ``known``.
    """
    notes = [] if notes is None else notes
    file = open_pickle(path)
    names = {"valid" if name == "dev" else name: name for name in file.splits}
    for split in SPLITS:
        if split not in names:
            raise UserError(f"{path} has no split {split!r}", suggest_rename(split, file.splits))
    _check_form(path, file.splits[names["train"]], known)
    notes += not_read(path.name, "split", [name for key, name in names.items() if key not in SPLITS])
    unknown = {key for split in SPLITS for key in file.splits[names[split]]} - KEYS
    notes += not_read(path.name, "key", sorted(unknown), "not known and")
    unused = [key for key in UNUSED if key in file.splits[names["train"]]]
    if unused:
        notes.append(f"{path.name}: {' and '.join(unused)} not read: labels are regression_labels")
    counts: Counter[str] = Counter()
    for split in SPLITS:
        yield from _read_split(path, file, names[split], split, counts)
    notes += [f"{path.name}: {what} in {count} utterances" for what, count in counts.items()]


def suggest_rename(name: str, present: Any) -> str:
    """Remedy for a missing name, if another one may be meant."""
    return f"rename the correct one; {suggest(name, present, 'it has')}"


def _check_form(path: Path, columns: Mapping[str, Column], known: KnownDataset | None) -> None:
    """Refuse an aligned file for an unaligned dataset, and vice versa."""
    other = known.other_form() if known else None
    if known is None or other is None:
        return
    sequences = [columns[SEQUENCES[key]] for key in ("audio", "vision") if SEQUENCES[key] in columns]
    steps = {array.shape[1] for array in sequences if isinstance(array, np.ndarray) and array.ndim == 3}
    if not steps - {1}:
        return  # one vector per utterance can be either
    aligned = len(steps) == 1 and not set(LENGTHS.values()) & columns.keys()
    if aligned != known.aligned:
        cause = f"{path} {'is' if aligned else 'is not'} aligned to words, {known.name} {'is not' if aligned else 'is'}"
        raise UserError(cause, f"name it {other.name}")


def _read_split(
    path: Path, file: PickleFile, name: str, split: str, counts: Counter[str]
) -> Iterator[tuple[str, Utterance]]:
    columns = {key: column for key, column in file.splits[name].items() if key in KEYS and key not in UNUSED}
    where = f"{path}: {name}"
    N = _check(where, columns)
    ids = _strings(where, "id", columns)
    texts = _strings(where, "raw_text", columns) if "raw_text" in columns else [None] * N
    labels = {label: _numbers(where, key, columns) for label, key in LABELS.items() if key in columns}
    lengths = {key: _numbers(where, column, columns) for key, column in LENGTHS.items() if column in columns}
    for key, values in lengths.items():
        if not np.isfinite(values).all():
            raise UserError(f"{where}.{LENGTHS[key]} holds NaN or infinity", "store whole numbers of frames")
    arrays = {key: _array(where, column, columns) for key, column in SEQUENCES.items() if column in columns}
    for n in range(N):
        video, found, _ = ids[n].rpartition(SEPARATOR)
        if not found:
            counts[f"no {SEPARATOR!r} in the id, treated as a separate video,"] += 1
        utterance = Utterance(
            id=ids[n],
            video_id=video or ids[n],
            text=texts[n],
            labels={label: float(values[n]) for label, values in labels.items()},
            sequences=_cut(
                {key: array[n] for key, array in arrays.items()},
                {key: values[n] for key, values in lengths.items()},
                counts,
            ),
        )
        yield split, utterance
        if n % HOLD == HOLD - 1:
            file.release()
    file.release()


def _cut(
    rows: dict[str, npt.NDArray[Any]], lengths: dict[str, float], counts: Counter[str]
) -> dict[str, npt.NDArray[Any]]:
    """Sequences of one utterance, cut to their true lengths."""
    mask = rows["token_ids"][1] > 0 if "token_ids" in rows else None  # (L,)
    cut: dict[str, npt.NDArray[Any]] = {}
    for key, row in rows.items():
        if key == "token_ids":
            with np.errstate(invalid="ignore"):  # NaN becomes a negative id, which the store refuses
                cut[key] = row[0][mask].astype(np.int32)
        elif key in lengths:
            if lengths[key] > len(row):
                counts[f"{LENGTHS[key]} beyond the frames there are"] += 1
            cut[key] = row[: max(int(lengths[key]), 0)]
        elif len(row) == 1:
            cut[key] = row
        elif mask is not None and len(mask) == len(row):
            cut[key] = row[mask]
        else:
            real = np.flatnonzero(row.any(axis=1))
            counts[f"{key} without given length, cut where only zeros follow,"] += 1
            cut[key] = row[: real[-1] + 1] if len(real) else row[:0]
    return cut


def _check(where: str, columns: dict[str, Column]) -> int:
    """Number of utterances, the same in every column."""
    for key in ("id", LABELS["M"]):
        if key not in columns:
            raise UserError(f"{where} has no key {key!r}", suggest_rename(key, columns))
    counts = {}
    for key, column in columns.items():
        if isinstance(column, Other):
            raise UserError(f"{where}.{key} is {column.what}", "store it as one array, or as a list of strings")
        counts[key] = len(column) if isinstance(column, list) or column.ndim else 0
    for key, count in counts.items():
        if count != counts["id"]:
            raise UserError(
                f"{where} has {counts['id']} entries under 'id' and {count} under {key!r}",
                "give each utterance one entry under every key",
            )
    return counts["id"]


def _strings(where: str, key: str, columns: dict[str, Column]) -> list[str]:
    column = columns[key]
    if isinstance(column, np.ndarray) and column.dtype.kind == "U":
        return [str(text) for text in column.reshape(len(column), -1)[:, 0]]
    if not isinstance(column, list):
        raise UserError(f"{where}.{key} holds no strings", "store it as a list of strings")
    return column


def _numbers(where: str, key: str, columns: dict[str, Column]) -> npt.NDArray[Any]:
    column = columns[key]
    if not isinstance(column, np.ndarray) or column.dtype.kind not in "fiub" or column.size != len(column):
        if isinstance(column, list) and not column:
            return np.empty(0)
        raise UserError(f"{where}.{key} is not one number per utterance", "store it as an (N,) array of numbers")
    return column.reshape(-1)


def _array(where: str, key: str, columns: dict[str, Column]) -> npt.NDArray[Any]:
    array = columns[key]
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu" or array.ndim not in {2, 3}:
        raise UserError(f"{where}.{key} is not an array of numbers (N, T, F)", "store it as one array of numbers")
    if key == SEQUENCES["token_ids"] and (array.ndim != 3 or array.shape[1] != 3):
        raise UserError(
            f"{where}.{key} has shape {array.shape}, not (N, 3, L)",
            "store ids, mask and segments as its 3 rows",
        )
    if not array.shape[-1]:
        raise UserError(f"{where}.{key} holds features of width 0", "store one number per feature, or leave it out")
    return array if array.ndim == 3 else array[:, None, :]
