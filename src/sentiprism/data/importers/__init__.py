"""Importers, one file a format, and the one door to them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sentiprism.errors import UserError
from sentiprism.files import sha256

if TYPE_CHECKING:
    from sentiprism.data.dataset import Dataset, Utterance
    from sentiprism.data.known import KnownDataset

    Rows = Iterator[tuple[str, Utterance]]

__all__ = ["import_dataset"]

BERT_WIDTHS = (768, 1024)
"""F of the MMSA distribution's text features, last hidden states of BERT; GloVe has 300."""


def import_dataset(
    name: str,
    *,
    labels: Path | None = None,
    text: Path | None = None,
    audio: Path | None = None,
    vision: Path | None = None,
    mmsa: Path | None = None,
    csd: Path | None = None,
    words: Path | None = None,
    folds: Path | None = None,
    low: float | None = None,
    high: float | None = None,
    language: str = "en",
    replace: bool = False,
    progress: Callable[[int], object] | None = None,
) -> "Dataset":
    """Import a dataset into the store, from one of: table, MMSA pickle, computational sequences.

    Args:
        name: of a known dataset (`sentiprism.data.known`), which brings its range and protocol; or your own.
        labels: CSV of a table, see `read_table`.
        text: features of the table or of ``csd``, as ``audio`` and ``vision``.
        audio: see ``text``.
        vision: see ``text``.
        mmsa: pickle, see `read_mmsa`.
        csd: labels as a computational sequence, see `read_csd`; needs ``folds``.
        words: transcripts as a computational sequence.
        folds: videos of each split.
        low: least label of a dataset of your own, on the scale of the labels given.
        high: greatest label of it.
        language: of the transcripts of a dataset of your own, ISO 639-1.
        replace: a dataset of this name.
        progress: called with the number of utterances so far.

    Raises:
        UserError: a source or the range is missing or one too many, or importer or store refuse the data.
    """
    from itertools import chain

    from sentiprism.data.store import write_dataset
    from sentiprism.metrics import protocol_for
    from sentiprism.types import TargetSpec

    notes: list[str] = []
    files = {"text": text, "audio": audio, "vision": vision}
    rows = _reader(labels=labels, mmsa=mmsa, csd=csd, files=files, words=words, folds=folds, notes=notes)
    known = _known(name, mmsa, notes)
    target = known.target if known else None
    if target is None:
        if low is None or high is None or not low < high:
            raise UserError(f"{name!r} is no dataset known here", "give the range of its labels, --low and --high")
        target = TargetSpec(low=low, high=high)
    elif {low, high} - {None, target.low, target.high}:
        raise UserError(
            f"{name!r} has labels on [{target.low:g}, {target.high:g}]",
            "leave --low and --high out, or rename it",
        )
    first = next(rows, None)
    held = first[1].sequences if first else {}
    vocabulary = known.vocabulary if known and mmsa else None
    if mmsa and not known and "token_ids" in held:
        notes.append("the vocabulary of the token ids is not known: they cannot be matched with a text encoder")
    contextual = "text" in held and held["text"].shape[1] in BERT_WIDTHS
    sources = {"labels": labels, "mmsa": mmsa, "csd": csd, **files, "words": words, "folds": folds}
    return write_dataset(
        name,
        _shifted(chain([first] if first else [], rows), known.label_offset if known else 0.0),
        title=known.title if known else name,
        source=", ".join(f"{key} {path.name}" for key, path in sources.items() if path),
        target=target,
        protocol=known.protocol if known else protocol_for(target).name,
        language=known.language if known else language,
        vocabulary=vocabulary if "token_ids" in held else None,
        text_encoder=vocabulary if contextual else None,
        notes=notes,
        expected=known.splits if known else None,
        allow_shared_videos=bool(known and known.shared_videos),
        replace=replace,
        progress=progress,
    )


def _reader(
    *,
    labels: Path | None,
    mmsa: Path | None,
    csd: Path | None,
    files: dict[str, Path | None],
    words: Path | None,
    folds: Path | None,
    notes: list[str],
) -> "Rows":
    """Rows of the one source that is given."""
    sources = {"--labels": labels, "--mmsa": mmsa, "--csd": csd}
    given = [option for option, path in sources.items() if path]
    if len(given) != 1:
        raise UserError(f"{' and '.join(given) or 'no source'} given", f"give one of {', '.join(sources)}")
    idle = [f"--{key}" for key, path in files.items() if mmsa and path]
    idle += [f"--{key}" for key, path in (("words", words), ("folds", folds)) if path and not csd]
    if idle:
        raise UserError(f"{given[0]} does not go with {' and '.join(idle)}", "leave one of them out")
    if mmsa:
        from sentiprism.data.importers.mmsa import read_mmsa

        return read_mmsa(mmsa, notes=notes)
    if labels:
        from sentiprism.data.importers.table import read_table

        features = {key: path for key, path in files.items() if path}
        return read_table(labels, features=features, notes=notes)
    from sentiprism.data.importers.csd import read_csd

    if not csd or not folds:
        raise UserError("--csd states no splits", "give the videos of each split with --folds")
    return read_csd(labels=csd, folds=folds, words=words, notes=notes, **files)


def _known(name: str, mmsa: Path | None, notes: list[str]) -> "KnownDataset | None":
    """What is known of a dataset, by its name or by the digest of a distributed file."""
    from sentiprism.data.known import describe, recognise

    known = describe(name)
    if mmsa is None or not mmsa.is_file():
        return known
    found = recognise(sha256(mmsa))
    if found:
        notes.append(f"{mmsa.name} is {found[1]} of {found[0].title} as distributed (SHA-256)")
        if known and found[0] != known:
            raise UserError(f"{mmsa} is {found[0].title}, not {known.title}", f"name it {found[0].name}")
        return found[0]
    if known and known.files:
        notes.append(f"{mmsa.name} has the SHA-256 of no file of {known.title} as distributed")
    return known


def _shifted(rows: "Rows", offset: float) -> "Rows":
    from dataclasses import replace

    for split, utterance in rows:
        labels = {key: value + offset for key, value in utterance.labels.items()}
        yield split, replace(utterance, labels=labels) if offset else utterance
