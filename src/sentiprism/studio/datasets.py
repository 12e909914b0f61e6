"""Datasets of the store as pages show them: found by identifier, opened once, features left on disk."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from sentiprism.data.clips import Clip, load_clips
from sentiprism.data.dataset import SEQUENCES, SPLITS, Card, Dataset, Utterance
from sentiprism.data.integrity import split_file
from sentiprism.data.names import CARD
from sentiprism.data.store import list_names, load_dataset, read_card
from sentiprism.errors import UserError
from sentiprism.files import home
from sentiprism.studio.recordings import Recordings
from sentiprism.studio.store.tables import ID


class StoredDataset(NamedTuple):
    """A dataset of the store; one whose card is damaged is shown with the reason."""

    id: str
    name: str
    card: Card | None
    fault: str

    @property
    def utterances(self) -> int:
        """Number of utterances in all splits."""
        return 0 if self.card is None else sum(split.utterances for split in self.card.splits.values())

    @property
    def sequences(self) -> tuple[str, ...]:
        """Names of the stored sequences."""
        missing = {} if self.card is None else self.card.splits["train"].missing
        return tuple(name for name in SEQUENCES if name in missing)


class Media(NamedTuple):
    """A recording of an utterance, and the part of it that is the utterance."""

    path: Path
    name: str
    start: float | None
    end: float | None
    """Seconds; None = the whole recording."""


def identify_dataset(name: str) -> str:
    """What a browser calls a dataset."""
    return sha256(name.encode()).hexdigest()[:ID]


def list_stored() -> list[StoredDataset]:
    """Datasets of the store, ordered by name."""
    return [_stored(name) for name in list_names()]


def find_stored(identifier: str) -> StoredDataset | None:
    """The dataset of an identifier; None where the store does not have it."""
    name = next((one for one in list_names() if identify_dataset(one) == identifier), None)
    return None if name is None else _stored(name)


def _stored(name: str) -> StoredDataset:
    folder = home("datasets", name)
    try:
        return StoredDataset(identify_dataset(name), name, _card(folder, (folder / CARD).stat().st_mtime_ns), "")
    except (UserError, OSError) as error:
        return StoredDataset(identify_dataset(name), name, None, str(error))


@lru_cache(maxsize=256)
def _card(folder: Path, changed: int) -> Card:  # noqa: ARG001 - part of the cache's key
    return read_card(folder)


def open_stored(name: str) -> Dataset:
    """Open a dataset; it stays open until its files change.

    Raises:
        UserError: it is damaged.
    """
    folder = home("datasets", name)
    try:
        found = [path.stat() for path in (folder / CARD, *(split_file(folder, split) for split in SPLITS))]
    except OSError as error:
        raise UserError(f"dataset {name!r} cannot be read: {error.strerror or error}", "import it again") from None
    return _open(folder, tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in found))


@lru_cache(maxsize=4)
def _open(folder: Path, stamps: object) -> Dataset:  # noqa: ARG001 - part of the cache's key
    return load_dataset(folder, verify=False)


def lacks_times(name: str, card: Card) -> bool:
    """Whether a dataset was extracted from recordings, but does not know where its utterances are in them.

    Args:
        name: of the dataset.
        card: its card.
    """
    return bool(card.recipes) and not load_clips(name)


def find_recording(name: str, utterance: Utterance, recordings: Recordings) -> Media | None:
    """Find the recording of an utterance: by the dataset's own record, else by the utterance's id.

    Args:
        name: of the dataset.
        utterance: whose.
        recordings: of the studio: a moved recording is found there by its content.
    """
    clip = load_clips(name).get(utterance.id)
    if clip is not None:
        path = find_clip(clip, recordings)
        return None if path is None else Media(path, utterance.id, clip.start, clip.end)
    row = recordings.with_stem({utterance.id, utterance.id.replace("$_$", "_")})
    if row is None or not recordings.path(row).is_file():  # it is not where another machine of the team has added it
        return None
    return Media(recordings.path(row), row.name, None, None)


def find_clip(clip: Clip, recordings: Recordings) -> Path | None:
    """Find a clip's recording: among the studio's by its content, else where it was; None if it is in neither place."""
    added = recordings.with_content(clip.content)
    if added is not None and recordings.path(added).is_file():
        return recordings.path(added)
    return clip.find()
