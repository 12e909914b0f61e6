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
"""Stored sequences: ids of the distribution's tokenizer, and features of the three modalities."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sample, as read by an importer.

    Args:
        id: unique in the dataset.
        video_id: the recording it was cut from; a recording must not be in two splits.
        text: transcript, or None.
        labels: "M" and, if the dataset has them, "T", "A", "V", on the dataset's scale.
        sequences: by the names in `SEQUENCES`: (T, F) float32, or (T,) integer ids; absent or T=0 = missing.
        planted: ground truth of a synthetic sample by name: (K,) float32.
    """

    id: str
    video_id: str
    text: str | None
    labels: Mapping[str, float]
    sequences: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    planted: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)


class DatasetFacts(Config):
    """Properties of a dataset that are known before its utterances are read."""

    title: str
    """Full name."""
    source: str
    """Importer and names of the source files."""
    target: TargetSpec
    protocol: str
    """Metric protocol by name, see `sentiprism.metrics`."""
    language: str = "en"
    """Language of the transcripts, ISO 639-1."""
    vocabulary: str | None = None
    """Vocabulary of ``token_ids``, for example ``bert-base-uncased``."""
    text_encoder: str | None = None
    """Encoder of the stored text features if contextual (first step = [CLS]); None for GloVe."""
    fold: str | None = None
    """``K/N`` if the test split is fold K of N by video."""
    recipes: dict[str, Recipe] = {}
    """By stored sequence, how it was made from recordings, if known; one column per feature."""
    columns: dict[str, tuple[str, ...]] = {}
    """By stored sequence without a recipe, names of its features; ignored if their number differs."""


class DatasetInfo(DatasetFacts):
    """Properties of a dataset that an importer states."""

    notes: Annotated[Iterable[str], SkipValidation] = ()
    """The importer's warnings, for the card; read after the utterances."""
    expected: dict[str, int] | None = None
    """Number of utterances in the official splits; differences cause a warning."""
    allow_shared_videos: bool = False
    """Warn about a video that is in two splits instead of refusing it."""


class SplitCard(Config):
    """Statistics of a split, counted during import."""

    utterances: int
    videos: int
    label_histogram: dict[str, int]
    """Number of utterances per rounded label (or class)."""
    lengths: dict[str, tuple[int, float, int]]
    """Per sequence: shortest, mean and longest length in steps, over utterances that have it."""
    missing: dict[str, int]
    """Per sequence: number of utterances without it."""


class Card(DatasetFacts):
    """Description of a dataset: sources, labels, statistics, warnings and hashes."""

    name: str
    widths: dict[str, int] = {}
    """F per stored feature sequence."""
    labels: tuple[str, ...] = ("M",)
    splits: dict[str, SplitCard]
    warnings: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    """For joined datasets: a note on what is used of each."""
    content: str
    """SHA-256 over the data files: datasets with the same hash have the same data."""
    hashes: dict[str, str] = {}
    """SHA-256 of each split's file; {} in cards of earlier versions."""


@dataclass(frozen=True)
class Split:
    """One split, memory-mapped; N utterances.

    ``labels`` are (N,) float32, or int64 classes; ``texts`` is None if no utterance has one.
    """

    name: str
    ids: npt.NDArray[Any]
    video_ids: npt.NDArray[Any]
    texts: tuple[str | None, ...] | None
    labels: dict[str, npt.NDArray[Any]]
    sequences: dict[str, Ragged]
    planted: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    part: npt.NDArray[np.int64] | None = None
    """(N,) index of the joined dataset that each utterance is from; None for a single dataset."""

    def __len__(self) -> int:
        return len(self.ids)

    def utterance(self, number: int) -> Utterance:
        """Read one utterance; its sequences are views of the mapped file.

        Args:
            number: from 0.

        Raises:
            UserError: the split has fewer utterances.
        """
        from sentiprism.errors import UserError

        if not 0 <= number < len(self):
            cause = f"{self.name} has no utterance number {number}"
            raise UserError(cause, f"choose one from 0 to {len(self) - 1}")
        steps = {name: column[number] for name, column in self.sequences.items()}
        return Utterance(
            id=str(self.ids[number]),
            video_id=str(self.video_ids[number]),
            text=None if self.texts is None else self.texts[number],
            labels={name: values[number].item() for name, values in self.labels.items()},
            sequences={name: row for name, row in steps.items() if len(row)},
            planted={name: values[number] for name, values in self.planted.items()},
        )

    def subset(self, rows: npt.NDArray[np.int64]) -> "Split":
        """Select utterances in the given order."""
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
    """A dataset without its test split, for training, selection and tuning."""

    card: Card
    train: Split
    valid: Split

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.card.name


@dataclass(frozen=True)
class Dataset(TuningView):
    """A dataset with its test split, for evaluation."""

    test: Split

    def tuning(self) -> TuningView:
        """The same dataset without its test split."""
        return TuningView(self.card, self.train, self.valid)

    def split(self, name: str) -> Split:
        """Get a split by name."""
        from sentiprism.errors import UserError, suggest

        if name not in SPLITS:
            raise UserError(f"no split is called {name!r}", suggest(name, SPLITS))
        return getattr(self, name)  # type: ignore[no-any-return]
