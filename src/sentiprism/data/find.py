"""Find utterances of a dataset by label, length, missing modality, words, or a model's errors."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.config import Config
from sentiprism.data.dataset import SEQUENCES, SPLITS, Dataset, Split
from sentiprism.errors import UserError, suggest

WORDS = "words"
"""Length of the transcript in words, beside the lengths of sequences in steps."""
MOST_WORDS = 200
"""Most characters of the text that is searched for."""


class UtteranceFilter(Config):
    """Which utterances to list; what is not set does not matter."""

    split: Literal["train", "valid", "test"] | None = None
    low: float | None = None
    """Lowest label."""
    high: float | None = None
    """Highest label."""
    label: str | None = None
    """Name of the class, for class labels."""
    length_of: str = WORDS
    """What ``shortest`` and ``longest`` count: ``words``, or the steps of a stored sequence."""
    shortest: int | None = None
    longest: int | None = None
    missing: str | None = None
    """Stored sequence, or ``words``, that utterances lack."""
    words: str = ""
    """Part of the text, ignoring case."""
    difference: float | None = None
    """Least difference between a model's prediction and the label."""


class Place(NamedTuple):
    """An utterance by its split and number."""

    split: str
    number: int


def find_utterances(
    dataset: Dataset, wanted: UtteranceFilter, differences: Mapping[str, npt.NDArray[Any]] | None = None
) -> list[Place]:
    """Find utterances, without reading any feature.

    Args:
        dataset: the dataset.
        wanted: which ones.
        differences: per split (N,) differences between prediction and label, NaN = not predicted; the largest is
            then listed first, and utterances without a prediction are left out.

    Returns:
        Places in the order of the splits and of the dataset, or of the differences.

    Raises:
        UserError: the filter names an unknown class or sequence, or limits differences without a model.
    """
    _check(dataset, wanted, differences)
    found, keys = list[Place](), list[float]()
    for name in SPLITS if wanted.split is None else (wanted.split,):
        split = dataset.split(name)
        kept = _kept(split, wanted, dataset.card.target.classes)
        if differences is not None:
            distance = differences[name]
            kept &= np.isfinite(distance) & (distance >= (wanted.difference or 0.0))
            keys += distance[kept].tolist()
        found += [Place(name, number) for number in np.flatnonzero(kept).tolist()]
    if differences is None:
        return found
    return [found[n] for n in np.argsort(-np.asarray(keys), kind="stable").tolist()]


def count_words(text: str | None) -> int:
    """Count the words of a transcript, separated by spaces."""
    return len((text or "").split())


def _check(dataset: Dataset, wanted: UtteranceFilter, differences: object) -> None:
    classes = dataset.card.target.classes
    if wanted.label is not None and wanted.label not in classes:
        raise UserError(f"no class is called {wanted.label!r}", suggest(wanted.label, classes, "the classes are"))
    known = (WORDS, *SEQUENCES)
    for name in (wanted.length_of, wanted.missing):
        if name is not None and name not in known:
            raise UserError(f"no sequence is called {name!r}", suggest(name, known))
    if wanted.difference is not None and differences is None:
        raise UserError("a least difference is given without a run", "give the run whose predictions are compared")


def _kept(split: Split, wanted: UtteranceFilter, classes: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """(N,) whether each utterance is wanted."""
    kept = np.ones(len(split), np.bool_)
    label = split.labels["M"]
    if wanted.low is not None:
        kept &= label >= np.float32(wanted.low)
    if wanted.high is not None:
        kept &= label <= np.float32(wanted.high)
    if wanted.label is not None:
        kept &= label == classes.index(wanted.label)
    if wanted.missing is not None:
        kept &= _lengths(split, wanted.missing) == 0
    if wanted.shortest is not None:
        kept &= _lengths(split, wanted.length_of) >= wanted.shortest
    if wanted.longest is not None:
        kept &= _lengths(split, wanted.length_of) <= wanted.longest
    if words := wanted.words[:MOST_WORDS].casefold().strip():
        texts = split.texts or [None] * len(split)
        kept &= np.array([text is not None and words in text.casefold() for text in texts], np.bool_)
    return kept


def _lengths(split: Split, name: str) -> npt.NDArray[np.int64]:
    """(N,) words or steps; 0 = missing."""
    if name == WORDS:
        return np.array([count_words(text) for text in split.texts or [None] * len(split)], np.int64)
    column = split.sequences.get(name)
    return np.zeros(len(split), np.int64) if column is None else column.lengths
