"""Data types of a dataset: utterances, splits and the card."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import SkipValidation

from sentiprism.config import Config
from sentiprism.data.ragged import Ragged
from sentiprism.recipe import Recipe
from sentiprism.types import TargetSpec

SPLITS = ("train", "valid", "test")
SEQUENCES = ("token_ids", "text", "audio", "vision")
"""Stored sequences: ids of the distribution's own tokenizer, and features of the three modalities."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sample as an importer reads it.

    Args:
        id: unique in the dataset.
        video_id: the recording it was cut from; no recording may stand in two splits.
        text: transcript, or None where there is none.
        labels: "M", and where the dataset has them "T", "A", "V", on the dataset's scale.
        sequences: by the names of `SEQUENCES`: (T, F) float32, or (T,) integer ids; absent or T=0 = missing.
        planted: ground truth of a synthetic sample by name: (K,) float32.
    """

    id: str
    video_id: str
    text: str | None
    labels: Mapping[str, float]
    sequences: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    planted: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)


class DatasetFacts(Config):
    """What is known of a dataset before its utterances are read."""

    title: str
    """Full name for people."""
    source: str
    """Importer and file names it was made from."""
    target: TargetSpec
    protocol: str
    """Metric protocol by name, see `sentiprism.metrics`."""
    language: str = "en"
    """Of the transcripts, ISO 639-1."""
    vocabulary: str | None = None
    """Vocabulary that ``token_ids`` were made with, for example ``bert-base-uncased``."""
    text_encoder: str | None = None
    """Encoder that made the stored text features where it is contextual (first step = [CLS]); None for GloVe."""
    fold: str | None = None
    """``K/N`` where the test split is fold K of N by video."""
    recipes: dict[str, Recipe] = {}
    """By stored sequence, how it was made from recordings, where that is known; one column a feature."""
    columns: dict[str, tuple[str, ...]] = {}
    """Names of the features of a sequence that no recipe describes; left out where there is another number of them."""


class DatasetInfo(DatasetFacts):
    """What an importer knows of a dataset beside its utterances."""

    notes: Annotated[Iterable[str], SkipValidation] = ()
    """The importer's own warnings, for the card; read when the utterances have been."""
    expected: dict[str, int] | None = None
    """Utterances of the official splits; others are warned of."""
    allow_shared_videos: bool = False
    """Warn of a video that is in two splits instead of refusing it."""


class SplitCard(Config):
    """What one split holds, as counted while it was imported."""

    utterances: int
    videos: int
    label_histogram: dict[str, int]
    """Utterances per rounded label (or class)."""
    lengths: dict[str, tuple[int, float, int]]
    """Per sequence: shortest, mean and longest true length in steps, over the utterances that have it."""
    missing: dict[str, int]
    """Per sequence: utterances without it."""


class Card(DatasetFacts):
    """Everything a reader should know of a dataset before trusting a number made on it."""

    name: str
    widths: dict[str, int] = {}
    """F per stored feature sequence."""
    labels: tuple[str, ...] = ("M",)
    splits: dict[str, SplitCard]
    warnings: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    """Of several datasets that are trained on as one: what of each, in words."""
    content: str
    """SHA-256 over the data files: two datasets with one hash are the same data."""
    hashes: dict[str, str] = {}
    """SHA-256 of each split's file; {} in cards of earlier versions."""


@dataclass(frozen=True)
class Split:
    """One split, memory-mapped; N utterances.

    ``labels`` are (N,) float32, or int64 where the target is classes; ``texts`` is None where no utterance has one.
    """

    name: str
    ids: npt.NDArray[Any]
    video_ids: npt.NDArray[Any]
    texts: tuple[str | None, ...] | None
    labels: dict[str, npt.NDArray[Any]]
    sequences: dict[str, Ragged]
    planted: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    part: npt.NDArray[np.int64] | None = None
    """(N,) which of several joined datasets each utterance is of; None where it is one."""

    def __len__(self) -> int:
        return len(self.ids)

    def subset(self, rows: npt.NDArray[np.int64]) -> "Split":
        """Some of the utterances, in the order given."""
        return Split(
            self.name,
            self.ids[rows],
            self.video_ids[rows],
            None if self.texts is None else tuple(self.texts[row] for row in rows.tolist()),
            {name: values[rows] for name, values in self.labels.items()},
            {name: column.subset(rows) for name, column in self.sequences.items()},
            {name: values[rows] for name, values in self.planted.items()},
            None if self.part is None else self.part[rows],
        )


@dataclass(frozen=True)
class TuningView:
    """What training, selection and tuning may see: there is no test split here to leak."""

    card: Card
    train: Split
    valid: Split

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.card.name


@dataclass(frozen=True)
class Dataset(TuningView):
    """A dataset with its test split, which only evaluation opens."""

    test: Split

    def tuning(self) -> TuningView:
        """The same dataset without its test split."""
        return TuningView(self.card, self.train, self.valid)

    def split(self, name: str) -> Split:
        """A split by name."""
        from sentiprism.errors import UserError, suggest

        if name not in SPLITS:
            raise UserError(f"no split is called {name!r}", suggest(name, SPLITS))
        return getattr(self, name)  # type: ignore[no-any-return]
