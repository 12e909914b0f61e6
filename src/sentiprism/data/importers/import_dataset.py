"""Import a dataset into the store."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sentiprism.errors import UserError
from sentiprism.files import sha256
from sentiprism.languages import check_language
from sentiprism.reading import check_regular

if TYPE_CHECKING:
    from sentiprism.data.dataset import Dataset
    from sentiprism.data.importers.labels import LabelSpec
    from sentiprism.data.importers.sources import Source
    from sentiprism.data.known import KnownDataset

BERT_WIDTHS = (768, 1024)
"""Widths of the MMSA distribution's text features from BERT; GloVe has 300."""


def import_dataset(
    name: str,
    source: "Source",
    *,
    labels: "LabelSpec | None" = None,
    language: str = "en",
    replace: bool = False,
    progress: Callable[[int], object] | None = None,
) -> "Dataset":
    """Import a dataset into the store.

    Args:
        name: of a known dataset (`sentiprism.data.known`), which has a range and protocol; or a new name.
        source: its files, see `sentiprism.data.importers.sources`.
        labels: range or classes of the labels of a new dataset.
        language: of the transcripts of a new dataset, see `check_language`.
        replace: replace an existing dataset of this name.
        progress: called with the number of utterances so far.

    Raises:
        UserError: the range is missing or not allowed, or the data are invalid.
    """
    from itertools import chain

    from sentiprism.data.dataset import DatasetInfo
    from sentiprism.data.importers.folds import fold_of
    from sentiprism.data.importers.labels import LabelSpec
    from sentiprism.data.importers.sources import Reading
    from sentiprism.data.importers.table import shift_labels
    from sentiprism.data.known import describe
    from sentiprism.data.store import write_dataset
    from sentiprism.metrics import protocol_for

    notes: list[str] = []
    language = check_language(language)
    distributed = source.distributed()
    known = describe(name) if distributed is None else _recognise(distributed, describe(name), notes)
    target = (labels or LabelSpec()).resolve(name, known)
    rows = source.read(Reading(known, target, notes))
    first = next(rows, None)
    held = first[1].sequences if first else {}
    vocabulary = known.vocabulary if known and distributed else None
    if distributed and not known and "token_ids" in held:
        notes.append("the vocabulary of the token ids is unknown: they cannot be matched with a text encoder")
    contextual = "text" in held and held["text"].shape[1] in BERT_WIDTHS
    info = DatasetInfo(
        title=known.title if known else name,
        source=source.describe(),
        target=target,
        protocol=known.protocol if known else protocol_for(target).name,
        language=known.language if known else language,
        vocabulary=vocabulary if "token_ids" in held else None,
        text_encoder=vocabulary if contextual else None,
        fold=fold_of(getattr(source, "folds", None)),
        columns=known.columns if known and distributed else source.columns(),
        notes=notes,
        expected=known.splits if known else None,
        allow_shared_videos=bool(known and known.shared_videos),
    )
    shift = known.label_offset if known else 0.0
    rows = shift_labels(chain([first] if first else [], rows), shift)
    return write_dataset(name, rows, info, replace=replace, progress=progress)


def _recognise(file: Path, named: "KnownDataset | None", notes: list[str]) -> "KnownDataset | None":
    """Known dataset by the hash of a distributed file, else by name."""
    from sentiprism.data.known import recognise

    check_regular(file, what="pickle")
    found = recognise(sha256(file))
    if found:
        notes.append(f"{file.name} is {found[1]} of {found[0].title} as distributed (SHA-256)")
        if named and found[0] != named:
            raise UserError(f"{file} is {found[0].title}, not {named.title}", f"name it {found[0].name}")
        return found[0]
    if named and named.files:
        notes.append(f"{file.name} differs from the distributed files of {named.title} (SHA-256)")
    return named
