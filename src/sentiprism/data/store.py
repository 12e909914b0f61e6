"""Store of datasets: write, load, list, remove."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sentiprism.data.arrow import Columns, SplitWriter, read_split
from sentiprism.data.checks import Checks
from sentiprism.data.clips import FILE, Clip, format_clips
from sentiprism.data.dataset import SPLITS, Card, Dataset, DatasetFacts, DatasetInfo, Split, TuningView, Utterance
from sentiprism.data.integrity import REMEDY, check_files, hash_files, split_file, verifies
from sentiprism.data.joined import join_datasets
from sentiprism.data.known import describe
from sentiprism.data.names import CARD, dataset_names, parse_fold
from sentiprism.data.video_folds import split_by_fold
from sentiprism.errors import FULL, UserError, suggest
from sentiprism.files import atomic_folder, check_writable, exclusive, home, remove_folder, safe_name
from sentiprism.reading import read_json

SYNTHETIC = "synthetic"
"""Name of the dataset that this program generates, see `sentiprism.data.synthetic`."""
SEEN = ("train", "valid")
"""Splits for training, selection and tuning."""


def write_dataset(
    name: str,
    utterances: Iterable[tuple[str, Utterance]],
    info: DatasetInfo,
    *,
    replace: bool = False,
    progress: Callable[[int], object] | None = None,
    clips: Mapping[str, Clip] | None = None,
) -> Dataset:
    """Check and store utterances one by one, with bounded memory.

    Args:
        name: the dataset's name in the store.
        utterances: (split, utterance) in any order of splits; read once.
        info: for the card.
        replace: replace an existing dataset of this name.
        progress: called with the number of utterances so far.
        clips: where utterances are in recordings, by id.

    Raises:
        UserError: an utterance is invalid (see `Checks`), the name exists, or the disk is full; then nothing is left
            behind.
    """
    folder = home("datasets", safe_name(name, "dataset name"))
    checks = Checks(info.target, allow_shared_videos=info.allow_shared_videos)
    try:
        with _disk_faults(name), atomic_folder(folder, replace=replace) as temporary:
            stored = Columns(info.target.kind == "classes", checks.labels, checks.widths, checks.planted)
            writers = {split: SplitWriter(split_file(temporary, split), stored) for split in SPLITS}
            try:
                for number, (split, utterance) in enumerate(utterances, 1):
                    admitted = checks.admit(split, utterance)
                    stored.labels, stored.planted = checks.labels, checks.planted
                    writers[split].add(admitted)
                    if progress is not None:
                        progress(number)
                splits, warnings = checks.finish(info.expected)
                for writer in writers.values():
                    writer.finish()
            finally:
                for writer in writers.values():
                    writer.abandon()
            hashes, content = hash_files(temporary)
            facts = {key: getattr(info, key) for key in DatasetFacts.model_fields}
            facts["columns"] = {k: names for k, names in info.columns.items() if len(names) == checks.widths.get(k)}
            card = Card(
                **facts,
                name=name,
                widths={key: width for key, width in checks.widths.items() if width},
                labels=checks.labels,
                splits=splits,
                warnings=tuple(dict.fromkeys((*info.notes, *warnings))),
                content=content,
                hashes=hashes,
            )
            (temporary / CARD).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
            if clips:
                (temporary / FILE).write_text(format_clips(clips), encoding="utf-8")
    finally:
        close = getattr(utterances, "close", None)  # end an importer's child process now, not at garbage collection
        if close is not None:
            close()
    return load_dataset(folder, verify=False)


@contextmanager
def _disk_faults(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise UserError(f"the disk is full: dataset {name!r} was not stored", "free some space") from None
        where = f" ({error.filename})" if error.filename else ""
        cause = f"dataset {name!r} was not stored: {error.strerror or error}{where}"
        raise UserError(cause, "check the folder, or set SENTIPRISM_HOME to another one") from None


def read_card(folder: Path) -> Card:
    """Read the card in a dataset's folder.

    Raises:
        UserError: it is damaged.
    """
    path = folder / CARD
    try:
        card = Card.parse(read_json(path, what="card of a dataset"), str(path))
    except UserError as error:
        raise UserError(error.cause, REMEDY) from None
    if set(card.splits) != set(SPLITS):
        raise UserError(f"{path} does not describe the splits {', '.join(SPLITS)}", REMEDY)
    return card


def list_names() -> list[str]:
    """List the names of the datasets in the store, whether their cards can be read or not."""
    root = home("datasets")
    found = root.iterdir() if root.is_dir() else ()
    return sorted(path.name for path in found if path.name[0] != "." and os.path.lexists(path / CARD))


def _folder(name: str | Path) -> Path:
    if isinstance(name, str) and name in list_names():
        return home("datasets", name)
    if os.path.lexists(Path(name) / CARD):
        return Path(name)
    if str(name) == SYNTHETIC:
        return _make_synthetic()
    if Path(name).parts[1:]:
        raise UserError(
            f"{name} is not the folder of a dataset", f"it should have a {CARD}; see: sentiprism dataset list"
        )
    known = describe(str(name))
    if known and known.files:
        remedy = f"import it with: sentiprism dataset add {known.name} --mmsa {next(iter(known.files))}"
        raise UserError(f"{known.title} ({known.name}) is not imported yet", remedy)
    raise UserError(f"no dataset is called {str(name)!r}", suggest(str(name), list_names()))


def _make_synthetic() -> Path:
    """Make the synthetic dataset at its first use."""
    from sentiprism.data.synthetic import synthetic_dataset  # which imports this module

    folder = home("datasets", SYNTHETIC)
    with exclusive(folder):
        if not os.path.lexists(folder / CARD):  # another process may have made it
            logging.getLogger("sentiprism").warning(f"note: making the synthetic dataset in {folder}")
            synthetic_dataset(SYNTHETIC)
    return folder


def load_dataset(name: str | Path, *, verify: bool = True) -> Dataset:
    """Open a dataset; features stay on disk until they are used.

    Args:
        name: in the store, or a dataset's folder; names separated by commas are joined, see `join_datasets`, and
            ``NAME@KofN`` is split by fold, see `sentiprism.data.video_folds`.
        verify: compare all files with the card's hashes, once per process while the files are unchanged; see also
            `unverified`.

    Raises:
        UserError: it is unknown, damaged or changed, or card and files are inconsistent.
    """
    if (names := dataset_names(name))[1:]:
        return join_datasets([load_dataset(one, verify=verify) for one in names])
    if (fold := parse_fold(name)) is not None:
        return split_by_fold(load_dataset(fold[0], verify=verify), fold[1])
    folder = _folder(name)
    card = read_card(folder)
    splits = {split: _open(folder, split, card) for split in SPLITS}
    if verify and verifies():
        check_files(folder, card, SPLITS)
    return Dataset(card, splits["train"], splits["valid"], splits["test"])


def verify_dataset(name: str | Path, *, test: bool = True) -> None:
    """Compare a dataset's files with its card's hashes, as `load_dataset` does.

    Args:
        name: in the store, or a dataset's folder.
        test: whether the test split's file is read too; always, if the card has one hash over all splits.

    Raises:
        UserError: a file was changed after import.
    """
    for one in dataset_names(name) if verifies() else ():
        fold = parse_fold(one)  # its train has utterances of every split
        folder = _folder(one if fold is None else fold[0])
        card = read_card(folder)
        check_files(folder, card, SPLITS if test or fold or not card.hashes else SEEN)


def load_tuning(name: str | Path) -> TuningView:
    """Open a dataset without reading the file of its test split; the others are verified.

    Raises:
        UserError: as `load_dataset`; or several datasets are named, whose test videos would have to be read; or a fold,
            whose test split is not a separate file.
    """
    if dataset_names(name)[1:]:
        raise UserError(f"{name} are several datasets", "search on the first of them")
    if parse_fold(name) is not None:
        raise UserError(f"{name} is a fold of a dataset", "search on a dataset that was imported with `folds` K/N")
    folder = _folder(name)
    card = read_card(folder)
    train, valid = (_open(folder, split, card) for split in SEEN)
    if verifies():
        check_files(folder, card, SEEN)
    return TuningView(card, train, valid)


def _open(folder: Path, split: str, card: Card) -> Split:
    path = split_file(folder, split)
    try:
        found, columns = read_split(path, split)
        if {k: n for k, n in columns.widths.items() if n} != card.widths or columns.labels != card.labels:
            raise ValueError("its columns do not match the card")
        if len(found) != card.splits[split].utterances:
            raise ValueError(f"it has {len(found)} utterances, which does not match the card")
    except UserError as error:
        raise UserError(error.cause, REMEDY) from None
    except Exception as error:  # pyarrow and numpy raise many kinds of exceptions for invalid files
        raise UserError(f"{path} is damaged: {error}", REMEDY) from None
    return found


def check_store(name: str, *, replace: bool = False) -> None:
    """Check before a long extraction that a dataset can be stored.

    Raises:
        UserError: its name exists or is invalid, or the store cannot be written.
    """
    folder = home("datasets", safe_name(name, "dataset name"))
    if folder.exists() and not replace:
        raise UserError(f"dataset {name!r} exists already", "choose another name, or replace it with `replace`")
    with _disk_faults(name):
        check_writable(folder)


def list_datasets() -> list[Card]:
    """List the cards of the datasets in the store, ordered by name.

    Raises:
        UserError: a card is damaged; `remove_dataset` can still remove it.
    """
    return [read_card(home("datasets", name)) for name in list_names()]


def remove_dataset(name: str) -> None:
    """Delete a dataset from the store.

    Raises:
        UserError: it does not exist.
    """
    if name not in list_names():
        raise UserError(f"no dataset is called {name!r}", suggest(name, list_names()))
    remove_folder(home("datasets", name))
