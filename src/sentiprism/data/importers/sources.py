"""Source formats of datasets, one class per format."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sentiprism.data.dataset import Utterance
    from sentiprism.data.known import KnownDataset
    from sentiprism.types import TargetSpec

    Rows = Iterator[tuple[str, Utterance]]
    """Split and utterance."""


class Reading(NamedTuple):
    """Context of an import, which collects its warnings."""

    known: "KnownDataset | None"
    """Expected dataset of the files."""
    target: "TargetSpec"
    notes: list[str]
    """Warnings are appended to it while utterances are read."""


@dataclass(frozen=True)
class Source(ABC):
    """Files of one format."""

    def distributed(self) -> Path | None:
        """File to identify by its hash as a distributed one of a known dataset."""
        return None

    @abstractmethod
    def read(self, reading: Reading) -> "Rows":
        """Read utterances with their splits.

        Raises:
            UserError: a file is missing, damaged or inconsistent.
        """

    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the features by sequence, if the format has them."""
        return {}

    def describe(self) -> str:
        """Names of the files, for the dataset's card."""
        from sentiprism.data.importers.folds import short

        parts = []
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Mapping):
                parts += [
                    f"{field.name} {split} {path.name}" for split, path in value.items() if isinstance(path, Path)
                ]
            elif isinstance(value, str | Path):
                parts.append(f"{field.name} {short(value)}")
        return ", ".join(parts)


@dataclass(frozen=True)
class TableSource(Source):
    """A table, and a file of features for each modality.

    Args:
        labels: CSV, or one per split, see `read_table`.
        text: features, as ``audio`` and ``vision``.
        audio: see ``text``.
        vision: see ``text``.
        folds: videos of each split, for a table without splits, see `split_videos`.
        renamed: sources of standard columns in a table with other names, see `read_table`.
    """

    labels: Path | Mapping[str, Path]
    text: Path | None = None
    audio: Path | None = None
    vision: Path | None = None
    folds: Path | str | None = None
    renamed: Mapping[str, str] | None = None

    def read(self, reading: Reading) -> "Rows":
        """See `Source.read`."""
        from sentiprism.data.importers.table import read_table

        files = {"text": self.text, "audio": self.audio, "vision": self.vision}
        return read_table(
            self.labels,
            features={name: path for name, path in files.items() if path},
            columns=self.renamed,
            classes=reading.target.classes,
            folds=self.folds,
            official=reading.known is not None,
            notes=reading.notes,
        )


@dataclass(frozen=True)
class MmsaSource(Source):
    """A pickle of the MMSA distribution, see `read_mmsa`."""

    mmsa: Path

    def distributed(self) -> Path:
        """The pickle."""
        return self.mmsa

    def read(self, reading: Reading) -> "Rows":
        """See `Source.read`."""
        from sentiprism.data.importers.mmsa import read_mmsa

        return read_mmsa(self.mmsa, known=reading.known, notes=reading.notes)


@dataclass(frozen=True)
class CsdSource(Source):
    """Computational sequences of the CMU SDK, see `read_csd`.

    Args:
        csd: labels.
        folds: videos of each split, see `split_videos`.
        text: features, as ``audio`` and ``vision``.
        audio: see ``text``.
        vision: see ``text``.
        words: transcripts.
    """

    csd: Path
    folds: Path | str
    text: Path | None = None
    audio: Path | None = None
    vision: Path | None = None
    words: Path | None = None

    def read(self, reading: Reading) -> "Rows":
        """See `Source.read`."""
        from sentiprism.data.importers.csd import read_csd

        return read_csd(
            labels=self.csd,
            folds=self.folds,
            text=self.text,
            audio=self.audio,
            vision=self.vision,
            words=self.words,
            notes=reading.notes,
        )


@dataclass(frozen=True)
class ArraysSource(Source):
    """Padded arrays in one archive, see `read_arrays`."""

    arrays: Path
    folds: Path | str | None = None

    def read(self, reading: Reading) -> "Rows":
        """See `Source.read`."""
        from sentiprism.data.importers.arrays import read_arrays

        return read_arrays(self.arrays, folds=self.folds, classes=reading.target.classes, notes=reading.notes)


@dataclass(frozen=True)
class UrfunnySource(Source):
    """UR-FUNNY's public pickles in a folder, see `read_urfunny`."""

    urfunny: Path
    context: bool = False

    def read(self, reading: Reading) -> "Rows":
        """See `Source.read`."""
        from sentiprism.data.importers.urfunny import read_urfunny

        return read_urfunny(self.urfunny, context=self.context, notes=reading.notes)

    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the distributed features."""
        from sentiprism.data.importers.urfunny import COLUMNS

        return COLUMNS
