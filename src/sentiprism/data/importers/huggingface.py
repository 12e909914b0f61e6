"""Import a folder for Hugging Face ``datasets`` that this program has exported."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import parquet

from sentiprism.assets.hub_names import Repository, parse_repository
from sentiprism.assets.repository import Layout, fetch_repository, pin
from sentiprism.config import Record
from sentiprism.data.dataset import SEQUENCES, SPLITS, Dataset, DatasetFacts, DatasetInfo, Utterance
from sentiprism.data.exporters.huggingface import DESCRIPTION, FEATURES, NAMES, PLANTED, label_columns, make_schema
from sentiprism.data.importers.npz import check_unpacked, reason_of
from sentiprism.data.importers.parquet import unpacked_bytes
from sentiprism.data.store import write_dataset
from sentiprism.errors import UserError, few
from sentiprism.reading import MB, check_regular, parse_json

MOST_DATA = 64 * 1024 * MB
"""Largest file of a split; CMU-MOSEI with unaligned features has 3 GB."""
FILES = r"data/(?:train|validation|test)-\d{5}-of-\d{5}\.parquet"
DATASET = Layout(
    what="a dataset of sentiprism",
    allowed={FILES: MOST_DATA},
    needed=tuple(rf"data/{name}-.*" for name in NAMES.values()),
)
REMEDY = "give a folder made by: sentiprism dataset export NAME --format huggingface"
ROWS = 256
"""Utterances in memory at once."""


class _Described(Record):
    """Description in the files' metadata."""

    name: str
    labels: tuple[str, ...]
    widths: dict[str, int]
    planted: tuple[str, ...] = ()
    shared_videos: bool = False
    warnings: tuple[str, ...] = ()
    facts: DatasetFacts

    @property
    def schema(self) -> pa.Schema:
        """Columns of the files."""
        return make_schema(self.facts, self.labels, self.widths, self.planted)


def import_huggingface(
    source: str | Path,
    name: str | None = None,
    *,
    replace: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Dataset:
    """Import a folder that ``export_dataset(format="huggingface")`` has written; the data are equal bit by bit.

    Args:
        source: folder, or ``hf://datasets/OWNER/NAME@COMMIT``.
        name: in the store; by default the name that it was exported with.
        replace: replace an existing dataset of this name.
        progress: called with the number of utterances so far.

    Raises:
        UserError: it is not such a folder, is damaged, or its utterances are invalid.
    """
    repository = parse_repository(source, "datasets")
    pinned = None if repository is None else pin(repository)
    files = _find_files(Path(source) if pinned is None else fetch_repository(pinned, DATASET))
    described = _describe(files)
    info = DatasetInfo(
        **{key: getattr(described.facts, key) for key in DatasetFacts.model_fields},
        notes=(*described.warnings, *_origin(pinned)),
        allow_shared_videos=described.shared_videos,
    )
    return write_dataset(name or described.name, _read(files, described), info, replace=replace, progress=progress)


def _origin(pinned: Repository | None) -> tuple[str, ...]:
    return () if pinned is None else (f"imported from {pinned}",)


def _find_files(folder: Path) -> dict[str, list[Path]]:
    """Parquet files of each split."""
    found = {split: sorted((folder / "data").glob(f"{name}-*.parquet")) for split, name in NAMES.items()}
    if missing := [NAMES[split] for split in SPLITS if not found[split]]:
        raise UserError(f"{folder} has no files data/{missing[0]}-*.parquet", REMEDY)
    return found


def _describe(files: dict[str, list[Path]]) -> _Described:
    """The description, which all files share."""
    found = {path: _describe_file(path) for split in SPLITS for path in files[split]}
    first = next(iter(found.values()))
    for path, one in found.items():
        if one != first:
            raise UserError(f"{path} has another description than the first file", REMEDY)
    return first


def _describe_file(path: Path) -> _Described:
    """The description in a file, whose columns and sizes are checked."""
    check_regular(path, MOST_DATA, "Parquet file")
    with _faults(path):
        metadata = parquet.read_metadata(path)
        schema = metadata.schema.to_arrow_schema()
        text = (schema.metadata or {}).get(DESCRIPTION.encode(), b"").decode()
    if not text:
        raise UserError(f"{path} was not exported by sentiprism: it has no description", REMEDY)
    source = f"the description in {path}"
    found = _Described.parse(parse_json(text, source), source, REMEDY)
    if unknown := sorted({*found.widths} - {*SEQUENCES}):
        raise UserError(f"{path} has unknown sequences: {few(unknown)}", REMEDY)
    if not schema.equals(found.schema):
        pairs = zip(found.schema, schema, strict=False)
        wrong = next((theirs.name for own, theirs in pairs if not own.equals(theirs)), "their number")
        raise UserError(f"{path}: its columns are not those of its description ({wrong})", REMEDY)
    check_unpacked(path, unpacked_bytes(metadata, {*schema.names}), path.stat().st_size)
    return found


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    """Context that turns what pyarrow raises for a damaged file into one line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{path} cannot be read: {reason_of(error)}", REMEDY) from None


def _read(files: dict[str, list[Path]], described: _Described) -> Iterator[tuple[str, Utterance]]:
    """Yield split and utterance."""
    for split in SPLITS:
        for path in files[split]:
            with parquet.ParquetFile(path) as file:
                for batch in _batches(path, file):
                    for row in range(len(batch)):
                        with _faults(path):
                            made = _utterance(batch, row, described)
                        yield split, made


def _batches(path: Path, file: Any) -> Iterator[Any]:
    batches = file.iter_batches(ROWS)
    while True:
        with _faults(path):
            batch = next(batches, None)
            if batch is None:
                return
            batch.validate(full=True)  # damaged lengths would point outside of the memory
        yield batch


def _utterance(batch: Any, row: int, described: _Described) -> Utterance:
    given = {name: batch[name][row].as_py() for name in ("id", "video_id", "text")}
    if given["id"] is None or given["video_id"] is None:
        raise ValueError(f"row {row + 1} of a block has no id or video")
    labels = {name: batch[column][row].as_py() for name, column in label_columns(described.labels).items()}
    if None in labels.values():
        raise ValueError(f"{given['id']!r} lacks a label")
    sequences = {key: _steps(batch[FEATURES[key]][row].values, width) for key, width in described.widths.items()}
    planted = {name: _numbers(batch[PLANTED + name][row].values, np.float32) for name in described.planted}
    return Utterance(**given, labels=labels, sequences=sequences, planted=planted)


def _steps(values: Any, width: int) -> npt.NDArray[Any]:
    """(T, F) features, or (T,) ids; T=0 for null."""
    if not width:
        return np.empty(0, np.int32) if values is None else _numbers(values, np.int32)
    if values is None or not len(values):
        return np.empty((0, width), np.float32)
    if values.null_count or (np.asarray(values.value_lengths()) != width).any():
        raise ValueError(f"a step does not have {width} features")
    return _numbers(values.flatten(), np.float32).reshape(-1, width)


def _numbers(values: Any, kind: Any) -> npt.NDArray[Any]:
    if values is None or values.null_count:
        raise ValueError("a number is missing")
    return np.asarray(values.to_numpy(), kind)
