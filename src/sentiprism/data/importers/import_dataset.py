"""Importers, one file a format, and the one door to them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from sentiprism.errors import UserError
from sentiprism.files import sha256
from sentiprism.languages import check_language
from sentiprism.reading import check_regular

if TYPE_CHECKING:
    from sentiprism.data.dataset import Dataset, Utterance
    from sentiprism.data.known import KnownDataset
    from sentiprism.types import TargetSpec

    Rows = Iterator[tuple[str, Utterance]]

BERT_WIDTHS = (768, 1024)
"""F of the MMSA distribution's text features, last hidden states of BERT; GloVe has 300."""

WIDEST, FINEST = 1e9, 1e-4
"""Greatest size of a label, and least width of a range as a part of that: float32 has seven digits."""

GOES_WITH = {
    "labels": ("text", "audio", "vision", "folds", "column"),
    "mmsa": (),
    "csd": ("text", "audio", "vision", "words", "folds"),
    "arrays": ("folds",),
    "urfunny": ("context",),
}
"""Sources, and the options that go with each."""


def import_dataset(
    name: str,
    *,
    labels: Path | Mapping[str, Path] | None = None,
    text: Path | None = None,
    audio: Path | None = None,
    vision: Path | None = None,
    mmsa: Path | None = None,
    csd: Path | None = None,
    arrays: Path | None = None,
    urfunny: Path | None = None,
    words: Path | None = None,
    folds: Path | str | None = None,
    columns: Mapping[str, str] | None = None,
    context: bool = False,
    low: float | None = None,
    high: float | None = None,
    classes: Sequence[str] = (),
    language: str = "en",
    replace: bool = False,
    progress: Callable[[int], object] | None = None,
) -> "Dataset":
    """Import a dataset into the store, from one of: table, MMSA pickle, computational sequences, arrays, UR-FUNNY.

    Args:
        name: of a known dataset (`sentiprism.data.known`), which brings its range and protocol; or your own.
        labels: CSV of a table, or one a split, see `read_table`.
        text: features of the table or of ``csd``, as ``audio`` and ``vision``.
        audio: see ``text``.
        vision: see ``text``.
        mmsa: pickle, see `read_mmsa`.
        csd: labels as a computational sequence, see `read_csd`; needs ``folds``.
        arrays: padded arrays in one archive, see `read_arrays`.
        urfunny: folder of UR-FUNNY's public pickles, see `read_urfunny`.
        words: transcripts as a computational sequence.
        folds: videos of each split where the source states none, see `split_videos`.
        columns: where the columns of a table come from, see `read_table`.
        context: the sentences before a punchline of UR-FUNNY come before it.
        low: least label of a dataset of your own, on the scale of the labels given.
        high: greatest label of it.
        classes: names of its labels instead, in the order of the logits.
        language: of the transcripts of a dataset of your own, see `check_language`.
        replace: a dataset of this name.
        progress: called with the number of utterances so far.

    Raises:
        UserError: a source or the range is missing or one too many, or importer or store refuse the data.
    """
    from itertools import chain

    from sentiprism.data.importers.folds import fold_of
    from sentiprism.data.importers.table import read_table, shifted
    from sentiprism.data.store import write_dataset
    from sentiprism.metrics import protocol_for

    notes: list[str] = []
    language = check_language(language)
    files = {"text": text, "audio": audio, "vision": vision}
    sources = {"labels": labels, "mmsa": mmsa, "csd": csd, "arrays": arrays, "urfunny": urfunny}
    _check_sources(sources, {**files, "words": words, "folds": folds, "column": columns, "context": context})
    known = _known(name, mmsa, notes)
    target = choose_target(name, known, low, high, classes)
    rows: Rows
    names: Mapping[str, tuple[str, ...]] = {}
    if labels:
        given = {key: path for key, path in files.items() if path}
        rows = read_table(
            labels,
            features=given,
            columns=columns,
            classes=target.classes,
            folds=folds,
            official=known is not None,
            notes=notes,
        )
    elif mmsa:
        from sentiprism.data.importers.mmsa import read_mmsa

        rows, names = read_mmsa(mmsa, known=known, notes=notes), known.columns if known else {}
    elif arrays:
        from sentiprism.data.importers.arrays import read_arrays

        rows = read_arrays(arrays, folds=folds, classes=target.classes, notes=notes)
    elif urfunny:
        from sentiprism.data.importers.urfunny import COLUMNS, read_urfunny

        rows, names = read_urfunny(urfunny, context=context, notes=notes), COLUMNS
    else:
        from sentiprism.data.importers.csd import read_csd

        if not csd or not folds:
            raise UserError("--csd states no splits", "give the videos of each split with --folds")
        rows = read_csd(labels=csd, folds=folds, words=words, notes=notes, **files)
    first = next(rows, None)
    held = first[1].sequences if first else {}
    vocabulary = known.vocabulary if known and mmsa else None
    if mmsa and not known and "token_ids" in held:
        notes.append("the vocabulary of the token ids is not known: they cannot be matched with a text encoder")
    contextual = "text" in held and held["text"].shape[1] in BERT_WIDTHS
    return write_dataset(
        name,
        shifted(chain([first] if first else [], rows), known.label_offset if known else 0.0),
        title=known.title if known else name,
        source=_describe({**sources, **files, "words": words, "folds": folds}),
        target=target,
        protocol=known.protocol if known else protocol_for(target).name,
        language=known.language if known else language,
        vocabulary=vocabulary if "token_ids" in held else None,
        text_encoder=vocabulary if contextual else None,
        fold=fold_of(folds),
        columns=names,
        notes=notes,
        expected=known.splits if known else None,
        allow_shared_videos=bool(known and known.shared_videos),
        replace=replace,
        progress=progress,
    )


def _check_sources(sources: Mapping[str, object], options: Mapping[str, object]) -> None:
    """One source, and only options that go with it."""
    given = [name for name, value in sources.items() if value]
    if len(given) != 1:
        chosen = " and ".join(f"--{name}" for name in given) or "no source"
        raise UserError(f"{chosen} given", f"give one of {', '.join(f'--{name}' for name in sources)}")
    idle = [f"--{name}" for name, value in options.items() if value and name not in GOES_WITH[given[0]]]
    if idle:
        raise UserError(f"--{given[0]} does not go with {' and '.join(idle)}", "leave one of them out")


def choose_target(
    name: str, known: "KnownDataset | None", low: float | None, high: float | None, classes: Sequence[str]
) -> "TargetSpec":
    """What the labels of a dataset are.

    Args:
        name: of the dataset, for messages.
        known: what is known of it.
        low: least label of one that is not known.
        high: greatest label.
        classes: names of its labels instead.

    Raises:
        UserError: neither known nor given, or the two contradict each other.
    """
    from sentiprism.data.checks import check_name
    from sentiprism.types import TargetSpec

    if known:
        target = known.target
        has = f"the classes {', '.join(target.classes)}" if target.classes else f"[{target.low:g}, {target.high:g}]"
        if (classes and tuple(classes) != target.classes) or {low, high} - {None, target.low, target.high}:
            raise UserError(f"{name!r} has labels on {has}", "leave --low, --high and --classes out, or rename it")
        return target
    if classes:
        if low is not None or high is not None:
            raise UserError("classes have no range", "leave --low and --high out, or --classes")
        if len(classes) < 2 or len(set(classes)) < len(classes) or not all(classes):
            cause = f"{','.join(classes)!r} does not name classes, each once"
            raise UserError(cause, "give two names or more, with commas between")
        for place, label in enumerate(classes):
            check_name(label, "name", f"class {place}")
        return TargetSpec(kind="classes", classes=tuple(classes))
    if low is None or high is None:
        missing = "greatest label" if low is not None else "least label" if high is not None else "range"
        remedy = "give --low and --high, or --classes and the names of its labels"
        raise UserError(f"{name!r} is not one of the known datasets, and has no {missing} given", remedy)
    if not (isfinite(low) and isfinite(high) and low < high):
        raise UserError(
            f"labels from {low:g} to {high:g} are not a range", "give --low and --high, the first below the second"
        )
    widest = max(abs(low), abs(high))
    if widest > WIDEST or high - low < widest * FINEST:
        cause = f"labels from {low:g} to {high:g} cannot be told apart in float32"
        raise UserError(cause, "give them another scale, such as 0 to 1")
    return TargetSpec(low=low, high=high)


def _describe(sources: "Mapping[str, Path | str | Mapping[str, Path] | None]") -> str:
    """Importer and file names, for the card."""
    from sentiprism.data.importers.folds import short

    parts = []
    for key, value in sources.items():
        if isinstance(value, Mapping):
            parts += [f"{key} {split} {path.name}" for split, path in value.items()]
        elif value:
            parts.append(f"{key} {short(value)}")
    return ", ".join(parts)


def _known(name: str, mmsa: Path | None, notes: list[str]) -> "KnownDataset | None":
    """What is known of a dataset, by its name or by the digest of a distributed file."""
    from sentiprism.data.known import describe, recognise

    known = describe(name)
    if mmsa is None:
        return known
    check_regular(mmsa, what="pickle")
    found = recognise(sha256(mmsa))
    if found:
        notes.append(f"{mmsa.name} is {found[1]} of {found[0].title} as distributed (SHA-256)")
        if known and found[0] != known:
            raise UserError(f"{mmsa} is {found[0].title}, not {known.title}", f"name it {found[0].name}")
        return found[0]
    if known and known.files:
        notes.append(f"{mmsa.name} has the SHA-256 of no file of {known.title} as distributed")
    return known
