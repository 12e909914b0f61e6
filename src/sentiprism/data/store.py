"""Datasets on disk: a folder each, one memory-mapped Arrow file a split, and a card."""

import errno
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sentiprism.data.arrow import Columns, SplitWriter, read_split
from sentiprism.data.checks import Checks
from sentiprism.data.dataset import SPLITS, Card, Dataset, Split, TuningView, Utterance
from sentiprism.errors import UserError, suggest
from sentiprism.files import atomic_folder, home, remove_folder, safe_name
from sentiprism.recipe import Recipe
from sentiprism.types import TargetSpec

CARD = "card.json"
FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def write_dataset(
    name: str,
    utterances: Iterable[tuple[str, Utterance]],
    *,
    title: str,
    source: str,
    target: TargetSpec,
    protocol: str,
    language: str = "en",
    vocabulary: str | None = None,
    text_encoder: str | None = None,
    fold: str | None = None,
    recipes: Mapping[str, Recipe] | None = None,
    notes: Iterable[str] = (),
    expected: Mapping[str, int] | None = None,
    allow_shared_videos: bool = False,
    replace: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Dataset:
    """Check utterances while they stream in, and store them; memory stays bounded whatever their number.

    Args:
        name: the dataset's name in the store.
        utterances: (split, utterance) in any order of splits; consumed once.
        title: full name for people.
        source: importer and file names.
        target: range or classes of the labels.
        protocol: metric protocol by name.
        language: of the transcripts, ISO 639-1.
        vocabulary: that ``token_ids`` were made with.
        text_encoder: that made the text features, where it is contextual.
        fold: ``K/N`` where the test split is fold K of N by video.
        recipes: by stored sequence, how it was made from recordings.
        notes: the importer's own warnings, for the card.
        expected: utterances of the official splits; others are warned of.
        allow_shared_videos: warn of a video that stands in two splits instead of refusing it.
        replace: an existing dataset of this name.
        progress: called with the number of utterances so far.

    Raises:
        UserError: the first fault found (see `Checks`), the name is taken, or the disk is full; then nothing
            is left behind.
    """
    folder = home("datasets", safe_name(name, "dataset name"))
    checks = Checks(target, allow_shared_videos=allow_shared_videos)
    try:
        with _disk_faults(name), atomic_folder(folder, replace=replace) as temporary:
            columns = Columns(target.kind == "classes", checks.labels, checks.widths, checks.planted)
            writers = {split: SplitWriter(_file(temporary, split), columns) for split in SPLITS}
            try:
                for number, (split, utterance) in enumerate(utterances, 1):
                    admitted = checks.admit(split, utterance)
                    columns.labels, columns.planted = checks.labels, checks.planted
                    writers[split].add(admitted)
                    if progress is not None:
                        progress(number)
                splits, warnings = checks.finish(expected)
                for writer in writers.values():
                    writer.finish()
            finally:
                for writer in writers.values():
                    writer.abandon()
            card = Card(
                name=name,
                title=title,
                source=source,
                target=target,
                protocol=protocol,
                language=language,
                vocabulary=vocabulary,
                text_encoder=text_encoder,
                fold=fold,
                widths={key: width for key, width in checks.widths.items() if width},
                recipes=dict(recipes or {}),
                labels=checks.labels,
                splits=splits,
                warnings=(*notes, *warnings),
                content=content_hash(temporary),
            )
            (temporary / CARD).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    finally:
        close = getattr(utterances, "close", None)  # an importer's child process ends now, not at collection
        if close is not None:
            close()
    return load_dataset(folder)


def _file(folder: Path, split: str) -> Path:
    return folder / f"{split}.arrow"


@contextmanager
def _disk_faults(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = " ".join(str(error.strerror or error).split())
        if error.errno in FULL:
            raise UserError(f"the disk is full: dataset {name!r} was not stored", "free some space") from None
        raise UserError(f"dataset {name!r} was not stored: {reason}", "check the folder and the disk") from None


def content_hash(folder: Path) -> str:
    """SHA-256 over the data files of a dataset's folder, in the order train, valid, test."""
    digest = hashlib.sha256()
    for split in SPLITS:
        with _file(folder, split).open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def _read_card(folder: Path) -> Card:
    path = folder / CARD
    try:
        return Card.parse(json.loads(path.read_text(encoding="utf-8")), str(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no JSON"
        raise UserError(f"{path} cannot be read: {reason}", "import the dataset again, with --replace") from None


def _names() -> list[str]:
    root = home("datasets")
    found = root.iterdir() if root.is_dir() else ()
    return sorted(path.name for path in found if path.name[0] != "." and (path / CARD).is_file())


def _folder(name: str | Path) -> Path:
    if isinstance(name, str) and name in _names():
        return home("datasets", name)
    if (Path(name) / CARD).is_file():
        return Path(name)
    raise UserError(f"no dataset is called {str(name)!r}", suggest(str(name), _names()))


def load_dataset(name: str | Path, *, verify: bool = False) -> Dataset:
    """Open a dataset; features stay on disk until they are asked for.

    Args:
        name: in the store, or a dataset's folder.
        verify: read all of it and compare with the card's content hash.

    Raises:
        UserError: it is unknown or damaged, or card and files contradict each other.
    """
    folder = _folder(name)
    card = _read_card(folder)
    splits = {split: _open(folder, split, card) for split in SPLITS}
    if verify and content_hash(folder) != card.content:
        raise UserError(f"the files of {folder} were changed after import", "import it again, with --replace")
    return Dataset(card, splits["train"], splits["valid"], splits["test"])


def load_tuning(name: str | Path) -> TuningView:
    """Open a dataset without its test split, whose file is not touched.

    Raises:
        UserError: as `load_dataset`.
    """
    folder = _folder(name)
    card = _read_card(folder)
    return TuningView(card, _open(folder, "train", card), _open(folder, "valid", card))


def _open(folder: Path, split: str, card: Card) -> Split:
    path = _file(folder, split)
    try:
        found, columns = read_split(path, split)
        if {k: n for k, n in columns.widths.items() if n} != card.widths or columns.labels != card.labels:
            raise ValueError("its columns are not those of the card")
        if len(found) != card.splits[split].utterances:
            raise ValueError(f"it has {len(found)} utterances, not those of the card")
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is damaged: {reason}", "import the dataset again, with --replace") from None
    return found


def list_datasets() -> list[Card]:
    """Cards of the datasets in the store, by name.

    Raises:
        UserError: a card is damaged; `remove_dataset` still removes it.
    """
    return [_read_card(home("datasets", name)) for name in _names()]


def remove_dataset(name: str) -> None:
    """Delete a dataset from the store.

    Raises:
        UserError: there is none of this name.
    """
    if name not in _names():
        raise UserError(f"no dataset is called {name!r}", suggest(name, _names()))
    remove_folder(home("datasets", name))
