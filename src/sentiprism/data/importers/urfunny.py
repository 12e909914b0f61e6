"""Import the public files of UR-FUNNY (Hasan et al., EMNLP-IJCNLP 2019), one pickled mapping by segment each.

Layout, README and data loader of ROC-HCI/UR-FUNNY:

=============================  ===================================================================================
``data_folds``                 ``{train, dev, test: [segment]}``
``humor_label_sdk``            ``{segment: 0 or 1}``
``covarep_features_sdk``       ``{segment: {punchline_features: words of 81, context_features: sentences of words}}``
``openface_features_sdk``      the same with 371 features (the first version's README says 75)
``language_sdk``               ``{segment: {punchline_sentence, punchline_features: words, punchline_embedding_indexes,
                               and the same for the context}}``; in the first version ``word_embedding_indexes_sdk``,
                               with only the indexes
``word_embedding_list``        the vector (300, GloVe) of each index
``word_list``                  the word of each index, if available
=============================  ===================================================================================

Words are steps: all modalities of a segment have one step per word of its punchline.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import SPLITS, Utterance
from sentiprism.data.importers.folds import SPLIT_NAMES
from sentiprism.data.importers.sandbox import Node, PickleTree, open_tree
from sentiprism.errors import UserError, suggest

FILES = {
    "folds": ("data_folds.pkl",),
    "labels": ("humor_label_sdk.pkl",),
    "language": ("language_sdk.pkl", "word_embedding_indexes_sdk.pkl"),
    "audio": ("covarep_features_sdk.pkl",),
    "vision": ("openface_features_sdk.pkl",),
    "vectors": ("word_embedding_list.pkl",),
    "words": ("word_list.pkl",),
}
"""Files and their accepted names; folds and labels are required."""
HOLD = 128
"""Segments after which memory pages are released."""

_EYES = tuple(f"eye_lmk_{axis}_{n}" for axis in "xyXYZ" for n in range(56))
_UNITS = tuple(f"AU{n:02d}" for n in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45))
COLUMNS = {
    "audio": (
        *("f0", "VUV", "NAQ", "QOQ", "H1H2", "PSP", "HRF", "MDQ", "peakSlope", "Rd", "Rd_conf"),
        *(f"MCEP_{n}" for n in range(25)),
        *(f"HMPDM_{n}" for n in range(25)),
        *(f"HMPDD_{n}" for n in range(13)),
        *("vowelSpace", "F1", "F2", "F3", "F4", "F5", "VAD"),
    ),
    "vision": (
        *("confidence", "success"),
        *(f"gaze_{eye}_{axis}" for eye in (0, 1) for axis in "xyz"),
        *("gaze_angle_x", "gaze_angle_y"),
        *_EYES,
        *(f"pose_{name}" for name in ("Tx", "Ty", "Tz", "Rx", "Ry", "Rz")),
        *(f"p_{name}" for name in ("scale", "rx", "ry", "rz", "tx", "ty", *range(34))),
        *(f"{unit}_r" for unit in _UNITS),
        *(f"{unit}_c" for unit in (*_UNITS[:-1], "AU28", "AU45")),
    ),
}
"""Names of the features, from the release's extracted_features.txt."""


def read_urfunny(
    folder: Path, *, context: bool = False, notes: list[str] | None = None
) -> Iterator[tuple[str, Utterance]]:
    """Read UR-FUNNY's pickles without executing them.

    Args:
        folder: their folder; modalities without a file are missing.
        context: prepend the sentences before the punchline, text and features.
        notes: warnings are appended to it while utterances are read.

    Yields:
        split and segment: ``text`` (T, 300) GloVe vectors, ``audio`` (T, 81) and ``vision`` (T, 371) means over each
        of its words; its text as words with spaces, if the words are available.

    Raises:
        UserError: a file is missing or refused (`open_tree`), or has other content.
    """
    notes = [] if notes is None else notes
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder", f"give the folder of UR-FUNNY's pickles: {FILES['folds'][0]}, ...")
    trees = _open(folder, notes)
    release = _Release(folder, trees, context)
    counts: Counter[str] = Counter()
    for split, segments in _folds(folder, trees["folds"]).items():
        for number, name in enumerate(segments):
            if name not in trees["labels"]:
                counts["has no label, not read"] += 1
                continue
            yield split, release.segment(name, counts)
            if number % HOLD == HOLD - 1:
                for tree in trees.values():
                    tree.release()
    notes.append("no file has the recording of a segment: each counts as a separate video")
    notes += [f"{folder.name}: {what} in {count} segments" for what, count in counts.items()]


def _open(folder: Path, notes: list[str]) -> dict[str, PickleTree]:
    found = {key: next((folder / n for n in names if (folder / n).is_file()), None) for key, names in FILES.items()}
    for key in ("folds", "labels"):
        if found[key] is None:
            there = [path.name for path in folder.glob("*.pkl")]
            raise UserError(
                f"{folder} has no {FILES[key][0]}", f"get UR-FUNNY's files; {suggest(FILES[key][0], there)}"
            )
    if not any(found[key] for key in ("language", "audio", "vision")):
        raise UserError(f"{folder} has folds and labels, and no features", f"add {FILES['language'][0]}")
    if path := found["language"]:
        number = 1 + FILES["language"][::-1].index(path.name)
        notes.append(f"{folder.name}: the files are laid out as version {number} of UR-FUNNY ({path.name})")
    absent = [FILES[key][0] for key in ("language", "audio", "vision", "vectors") if found[key] is None]
    notes += [f"{folder.name} has no {name}" for name in absent]
    return {key: open_tree(path) for key, path in found.items() if path is not None}


def _folds(folder: Path, tree: PickleTree) -> dict[str, list[str]]:
    path = folder / FILES["folds"][0]
    named = {SPLIT_NAMES[name]: name for name in tree.names if name in SPLIT_NAMES}
    for split in SPLITS:
        if split not in named:
            raise UserError(f"{path} has no split {split!r}", f"get the file again; {suggest(split, tree.names)}")
    return {split: _segments(path, tree[named[split]]) for split in SPLITS}


def _segments(path: Path, found: Node) -> list[str]:
    if isinstance(found, np.ndarray) and found.ndim == 1 and found.dtype.kind in "iuf":
        return [str(int(name)) for name in found]
    names = found.tolist() if isinstance(found, np.ndarray) else found
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return [str(name) for name in names]
    raise UserError(f"{path} does not name segments", "get the file again")


class _Release:
    """Assemble segments from the files of a release."""

    def __init__(self, folder: Path, trees: dict[str, PickleTree], context: bool) -> None:
        self.folder, self.trees = folder, trees
        self.parts = ("context", "punchline") if context else ("punchline",)
        self.vectors = self._matrix("vectors", trees["vectors"][None]) if "vectors" in trees else None
        self.words = trees["words"][None] if "words" in trees else None

    def segment(self, name: str, counts: Counter[str]) -> Utterance:
        """Make an utterance from a segment."""
        language = self._entry("language", name)
        sequences = {m: self._features(m, self._entry(m, name)) for m in ("audio", "vision")}
        indexes = self._indexes(language)
        if self.vectors is not None and len(indexes):
            sequences["text"] = self.vectors[indexes]
        found = {key: steps for key, steps in sequences.items() if steps is not None and len(steps)}
        if len({len(steps) for steps in found.values()}) > 1:
            counts["words, audio and vision are not equally long"] += 1
        return Utterance(name, name, self._text(language, indexes), {"M": self._label(name)}, found)

    def _entry(self, key: str, name: str) -> dict[str, Node]:
        tree = self.trees.get(key)
        entry = tree[name] if tree is not None and name in tree else {}
        if not isinstance(entry, dict):
            raise self._fault(key, f"does not have punchline and context of segment {name!r}")
        return entry

    def _label(self, name: str) -> float:
        value = self.trees["labels"][name]
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.item()
        if not isinstance(value, int | float) or value not in {0, 1}:
            raise self._fault("labels", f"has {value!r} for segment {name!r} instead of 0 or 1")
        return float(value)

    def _features(self, key: str, entry: dict[str, Node]) -> npt.NDArray[Any] | None:
        pieces = []
        for part in self.parts:
            found = entry.get(f"{part}_features")
            for sentence in _sentences(found) if part == "context" else [found]:
                steps = self._matrix(key, sentence)
                pieces += [steps] if steps is not None and len(steps) else []
        if len({steps.shape[1] for steps in pieces}) > 1:
            raise self._fault(key, "has features of different widths in one segment")
        return np.concatenate(pieces) if len(pieces) > 1 else pieces[0] if pieces else None

    def _matrix(self, key: str, found: Node | None) -> npt.NDArray[Any] | None:
        """Features of a sentence's words, (T, F)."""
        if found is None or (isinstance(found, list) and not found):
            return None
        rows = np.stack([np.asarray(row) for row in found]) if isinstance(found, list) and _alike(found) else found
        if isinstance(rows, np.ndarray) and rows.ndim == 1 and not len(rows):
            return None
        if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.dtype.kind not in "fiu":
            raise self._fault(key, "does not have one vector per word")
        return rows

    def _indexes(self, language: dict[str, Node]) -> npt.NDArray[np.int64]:
        """Indexes of the words into vectors and list of words."""
        pieces = [np.empty(0, np.int64)]
        for part in self.parts:
            found = language.get(f"{part}_embedding_indexes", [])
            for sentence in _sentences(found) if part == "context" else [found]:
                indexes = np.asarray(sentence) if isinstance(sentence, np.ndarray) else np.empty(0)
                if (isinstance(sentence, list) and sentence) or indexes.dtype.kind not in "fiu":
                    raise self._fault("language", "has indexes of words that are not numbers")
                pieces.append(indexes.reshape(-1).astype(np.int64))
        joined = np.concatenate(pieces)
        known = [len(table) for table in (self.vectors, self.words) if isinstance(table, np.ndarray | list)]
        if len(joined) and known and not (joined.min() >= 0 and joined.max() < min(known)):
            raise self._fault("language", f"has an index of a word outside of the {min(known)} there are")
        return joined

    def _text(self, language: dict[str, Node], indexes: npt.NDArray[np.int64]) -> str | None:
        """The sentences, or their words joined."""
        pieces: list[str] = []
        for part in self.parts:
            names = (
                ("context_sentences", "context_features")
                if part == "context"
                else ("punchline_sentence", "punchline_features")
            )
            pieces += next(filter(None, (_strings(language.get(name)) for name in names)), [])
        if not pieces and isinstance(self.words, list):
            pieces = [str(self.words[index]) for index in indexes]
        return " ".join(pieces) or None

    def _fault(self, key: str, cause: str) -> UserError:
        path = next(path for name in FILES[key] if (path := self.folder / name).is_file())
        return UserError(f"{path} {cause}", "get the file again")


def _sentences(found: Node | None) -> list[Any]:
    """Sentences of a context, from a list or from an array of equally long ones."""
    if isinstance(found, np.ndarray) and found.ndim == 1 and len(found):
        return [found]
    return list(found) if isinstance(found, list | np.ndarray) else []


def _alike(found: list[Any]) -> bool:
    return all(isinstance(row, np.ndarray) and row.ndim == 1 and row.shape == found[0].shape for row in found)


def _strings(found: Node | None) -> list[str]:
    """All texts of a list in order; [] if it has anything else."""
    if isinstance(found, str):
        return [found] if found else []
    if isinstance(found, np.ndarray) and found.dtype.kind == "U":
        return [str(text) for text in found.reshape(-1)]
    return [text for item in found for text in _strings(item)] if isinstance(found, list) else []
