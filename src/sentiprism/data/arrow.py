"""Store a split as an Arrow IPC file, written in record batches and read memory-mapped."""

import mmap
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import ipc

from sentiprism.data.arrow_blocks import check_blocks
from sentiprism.data.checks import MOST_NAME
from sentiprism.data.dataset import SEQUENCES, Split, Utterance
from sentiprism.data.ragged import Ragged, arrow_type, to_arrow
from sentiprism.reading import open_regular

BATCH_BYTES = 32 << 20
"""Bytes of features that are kept in memory before they are written as one record batch."""
FORMAT = {"sentiprism.format": "1"}


@dataclass
class Columns:
    """Columns of a dataset: names of labels, widths of sequences (0 = ids) and of planted ground truth."""

    classes: bool
    labels: tuple[str, ...] = ()
    widths: dict[str, int] = field(default_factory=dict)
    planted: dict[str, int] = field(default_factory=dict)

    def schema(self) -> pa.Schema:
        """Arrow schema: id, video_id, text, label.*, sequence.*, planted.*."""
        label = pa.int64() if self.classes else pa.float32()
        fields = [(name, pa.string()) for name in ("id", "video_id", "text")]
        fields += [(f"label.{name}", label) for name in self.labels]
        fields += [(f"sequence.{k}", arrow_type(self.widths[k])) for k in SEQUENCES if k in self.widths]
        fields += [(f"planted.{k}", pa.list_(pa.float32(), n)) for k, n in sorted(self.planted.items())]
        return pa.schema(fields, FORMAT)

    @classmethod
    def of(cls, schema: pa.Schema) -> "Columns":
        """Columns of a schema; ``of(schema).schema() == schema`` for a schema of this program."""
        columns = cls(classes=False)
        for column in schema:
            group, _, name = column.name.partition(".")
            if group == "label":
                columns.labels += (name,)
                columns.classes = column.type == pa.int64()
            elif group == "sequence":
                inner = getattr(column.type, "value_type", None)
                columns.widths[name] = getattr(inner, "list_size", 0)
            elif group == "planted":
                columns.planted[name] = getattr(column.type, "list_size", 0)
        return columns


def _batch(rows: list[Utterance], columns: Columns) -> pa.RecordBatch:
    schema = columns.schema()
    arrays = []
    for column in schema:
        group, _, name = column.name.partition(".")
        if group == "label":
            arrays.append(pa.array([row.labels[name] for row in rows], pa.float64()).cast(column.type))
        elif group == "sequence":
            arrays.append(to_arrow([row.sequences.get(name) for row in rows], columns.widths[name]))
        elif group == "planted":
            values = pa.array(np.concatenate([row.planted[name] for row in rows]))
            arrays.append(pa.FixedSizeListArray.from_arrays(values, columns.planted[name]))
        else:
            arrays.append(pa.array([getattr(row, column.name) for row in rows], column.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


class SplitWriter:
    """Write a split's file; if a sequence first appears late, its column is added to earlier batches.

    Args:
        path: the file.
        columns: filled by the checks while utterances are added; shared by the splits.
    """

    def __init__(self, path: Path, columns: Columns) -> None:
        self.path, self.columns = path, columns
        self._rows: list[Utterance] = []
        self._bytes = 0
        self._sink: Any = None
        self._writer: Any = None
        self._schema: pa.Schema = None

    def add(self, utterance: Utterance) -> None:
        """Add a checked utterance; writes a batch when enough are collected."""
        self._rows.append(utterance)
        self._bytes += sum(steps.nbytes for steps in utterance.sequences.values())
        if self._bytes > BATCH_BYTES:
            self._flush()

    def finish(self) -> None:
        """Write the remaining utterances, with the columns of the whole dataset, and close the file."""
        self._flush()
        self._writer.close()
        self._sink.close()

    def abandon(self) -> None:
        """Close the file in any state."""
        if self._sink is not None:
            with suppress(OSError):  # writing the last bytes fails too if the disk is full
                self._sink.close()

    def _open(self) -> None:
        self._schema = self.columns.schema()
        self._sink = pa.OSFile(str(self.path), "wb")
        self._writer = ipc.new_file(self._sink, self._schema)

    def _flush(self) -> None:
        if self._writer is None:
            self._open()
        elif self._schema != self.columns.schema():
            self._widen()
        if self._rows:
            self._writer.write_batch(_batch(self._rows, self.columns))
        self._rows, self._bytes = [], 0

    def _widen(self) -> None:
        self._writer.close()
        self._sink.close()
        narrow = self.path.rename(self.path.with_suffix(".narrow"))
        self._open()
        with pa.OSFile(str(narrow)) as source:
            reader = ipc.open_file(source)
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                arrays = [
                    batch.column(column.name)
                    if column.name in batch.schema.names
                    else to_arrow([None] * len(batch), Columns.of(self._schema).widths[column.name.split(".")[1]])
                    for column in self._schema
                ]
                self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        narrow.unlink()


def read_split(path: Path, name: str) -> tuple[Split, Columns]:
    """Open a split's file; features stay on disk until a row is read.

    Raises:
        UserError: it is not a regular file.
        Exception: it is damaged, or not of this format.
    """
    from pyarrow import compute  # not needed for a missing dataset

    with open_regular(path, what="file of a dataset") as fd:
        pages = mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
    _advise(pages, "MADV_RANDOM")  # otherwise a system may read megabytes of features ahead of each page
    reader = ipc.open_file(pa.py_buffer(pages))
    columns = Columns.of(reader.schema)
    if not reader.schema.equals(columns.schema(), check_metadata=True):
        raise ValueError("its columns do not match a dataset of this version")
    check_blocks(pages)
    table = reader.read_all()
    table.validate(full=True)  # validates strings and offsets, without reading features
    for column in ("id", "video_id"):
        if (compute.max(compute.binary_length(table[column])).as_py() or 0) > MOST_NAME * 4:
            raise ValueError(f"a {column} has more than {MOST_NAME} characters")
    texts = table["text"].to_pylist()
    split = Split(
        name=name,
        ids=np.array(table["id"].to_pylist(), np.str_),
        video_ids=np.array(table["video_id"].to_pylist(), np.str_),
        texts=None if table["text"].null_count == len(table) else tuple(texts),
        labels={label: table[f"label.{label}"].to_numpy() for label in columns.labels},
        sequences={key: Ragged.from_arrow(table[f"sequence.{key}"]) for key in columns.widths},
        planted={
            key: np.concatenate([part.flatten().to_numpy() for part in table[f"planted.{key}"].chunks]).reshape(-1, n)
            for key, n in columns.planted.items()
        },
    )
    _advise(pages, "MADV_NORMAL")
    return split, columns


def _advise(pages: mmap.mmap, advice: str) -> None:
    if hasattr(mmap, advice):  # not available on every system
        pages.madvise(getattr(mmap, advice))
