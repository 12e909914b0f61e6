"""Export a dataset as a pickle in the layout of MMSA's files, see `importers.mmsa`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import SPLITS, Card, Dataset, Split
from sentiprism.data.exporters.pickle_writer import PickleWriter
from sentiprism.data.importers.mmsa import LABELS, LENGTHS, SEPARATOR, SEQUENCES
from sentiprism.data.known import describe

NEUTRAL = 1
"""Number of the class Neutral in ``classification_labels``."""
ANNOTATIONS = ("Negative", "Neutral", "Positive")
Row = npt.NDArray[Any]


def write_mmsa(dataset: Dataset, file: Path, progress: Callable[[int], object]) -> None:
    """Write a pickle; sequences are padded with zeros to the longest of the dataset.

    Keys are MMSA's: ``id`` (``video$_$clip``), ``raw_text``, ``text_bert`` (N, 3, L) of ids, mask and segments where
    the dataset has token ids, ``text``, ``audio``, ``vision`` (N, T, F), ``audio_lengths``, ``vision_lengths`` unless
    a known dataset is aligned to words, ``annotations``, ``classification_labels``, ``regression_labels`` and those
    of one modality.

    Args:
        dataset: the dataset.
        file: to write.
        progress: called with the number of utterances so far.
    """
    known = describe(dataset.name)
    aligned = known is not None and known.aligned
    steps = _steps(dataset, aligned=aligned)
    done = 0
    with file.open("wb") as opened:
        writer = PickleWriter(opened)
        with writer.whole(), writer.mapping():
            for name in SPLITS:
                split = dataset.split(name)
                writer.key(name)
                with writer.mapping():
                    _write_split(writer, dataset.card, split, steps, aligned=aligned)
                done += len(split)
                progress(done)


def _steps(dataset: Dataset, *, aligned: bool) -> dict[str, int]:
    """Steps of each array: the longest sequence of all splits."""
    splits = [dataset.split(name) for name in SPLITS]
    found = {
        key: max(int(split.sequences[key].lengths.max(initial=1)) for split in splits)
        for key in SEQUENCES
        if all(key in split.sequences for split in splits)
    }
    if aligned:
        return dict.fromkeys(found, max(found.values(), default=1))
    if found.keys() >= {"token_ids", "text"} and found["token_ids"] == found["text"]:
        pairs = ((split.sequences["token_ids"].lengths, split.sequences["text"].lengths) for split in splits)
        if any((ids != features).any() for ids, features in pairs):
            found["text"] += 1  # else a reader would cut the features by the mask of the ids
    return found


def _write_split(writer: PickleWriter, card: Card, split: Split, steps: dict[str, int], *, aligned: bool) -> None:
    N = len(split)
    writer.key("raw_text")
    writer.texts(text or "" for text in split.texts or [""] * N)
    for key, length in steps.items():
        writer.key(SEQUENCES[key])
        if key == "token_ids":
            writer.array("f4", (N, 3, length), _bert(split, length))
        else:
            writer.array("f4", (N, length, card.widths[key]), _padded(split, key, length, card.widths[key]))
        if key in LENGTHS and not aligned:
            writer.key(LENGTHS[key])
            writer.numbers(split.sequences[key].lengths.tolist())
    writer.key("id")
    writer.texts(make_id(str(name), str(video)) for name, video in zip(split.ids, split.video_ids, strict=True))
    writer.key("annotations")
    writer.texts(_annotation(card, label) for label in split.labels["M"])
    for name, values in split.labels.items():
        suffix = "" if name == "M" else f"_{name}"
        writer.key(f"classification_labels{suffix}")
        writer.array("f4", (N,), [_classes(card, values)])
        writer.key(LABELS[name])
        writer.array("f4", (N,), [values])


def make_id(name: str, video: str) -> str:
    """Write an id as ``video$_$clip``, by which MMSA's files name the video."""
    part, found, _ = name.rpartition(SEPARATOR)
    if (part if found else name) == video:
        return name
    return f"{video}{SEPARATOR}{name.replace(SEPARATOR, '_')}"


def _padded(split: Split, key: str, length: int, width: int) -> Iterator[Row]:
    for number in range(len(split)):
        row = np.zeros((length, width), np.float32)
        steps = split.sequences[key][number]
        row[: len(steps)] = steps
        yield row


def _bert(split: Split, length: int) -> Iterator[Row]:
    """(3, L) ids, mask and segments of each utterance, with [CLS] and [SEP]."""
    for number in range(len(split)):
        row = np.zeros((3, length), np.float32)
        ids = split.sequences["token_ids"][number]
        row[0, : len(ids)], row[1, : len(ids)] = ids, 1
        yield row


def _classes(card: Card, values: Row) -> Row:
    """(N,) classes; of intensities the sign: negative 0, neutral 1, positive 2."""
    if card.target.kind == "classes":
        return values
    return np.sign(values - (card.target.low + card.target.high) / 2) + NEUTRAL


def _annotation(card: Card, label: float) -> str:
    if card.target.kind == "classes":
        return card.target.classes[int(label)]
    return ANNOTATIONS[int(_classes(card, np.asarray(label)))]
