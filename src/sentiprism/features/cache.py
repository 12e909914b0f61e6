"""Cache features by the content of the recording."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import ipc

from sentiprism.errors import UserError
from sentiprism.features.track import Track
from sentiprism.files import atomic_file, exclusive, home
from sentiprism.reading import check_regular
from sentiprism.recipe import Recipe

FORMAT = 1
"""Of the files, and of what decoding hands to extractors; raised where old entries would mislead."""
LIMIT = 20_000_000_000
"""Bytes the cache may grow to; what was longest not used goes first. Two hours of sound are 45 MB."""


class Usage(NamedTuple):
    """What the cache holds."""

    folder: Path
    entries: int
    size: int
    """Bytes."""


def cached(content: str, recipe: Recipe, options: Mapping[str, Any], make: Callable[[], list[Track]]) -> list[Track]:
    """Tracks of a recording as ``make`` made them once, memory-mapped.

    One process makes what several ask for. An entry that is damaged is made again. Where nothing can be kept, for
    want of space or rights, the features are made each time.

    Args:
        content: SHA-256 of the recording.
        recipe: of the extractor.
        options: whatever else the tracks depend on and JSON can say: frames a second, which faces.
        make: makes the tracks, [] where there is nothing to see.
    """
    path = _folder() / f"{_key(content, recipe, options)}.arrow"
    found = _read(path)
    if found is not None:
        return found
    with ExitStack() as held:
        try:
            held.enter_context(exclusive(path))
        except OSError:
            return make()
        found = _read(path)
        if found is not None:
            return found
        tracks = make()
        with suppress(OSError):
            with atomic_file(path) as temporary:
                _write(temporary, tracks, len(recipe.columns))
            _shrink(LIMIT, path)
    found = _read(path)
    return tracks if found is None else found


def usage() -> Usage:
    """How much the cache holds."""
    sizes = [size for _, size, _ in _entries()]
    return Usage(_folder(), len(sizes), sum(sizes))


def _folder() -> Path:
    return home("cache", "features")


def _key(content: str, recipe: Recipe, options: Mapping[str, Any]) -> str:
    made = {"content": content, "recipe": recipe.model_dump(mode="json"), "options": dict(options), "format": FORMAT}
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()


def _digest(tracks: list[Track]) -> str:
    digest = hashlib.sha256()
    for track in tracks:
        digest.update(f"{track.values.shape}".encode())
        digest.update(np.ascontiguousarray(track.times, np.float64).data)
        digest.update(np.ascontiguousarray(track.values).data)
    return digest.hexdigest()


def _write(path: Path, tracks: list[Track], width: int) -> None:
    """One record batch a track, in the precision of the first one's values."""
    kind = np.float16 if tracks and tracks[0].values.dtype == np.float16 else np.float32
    tracks = [Track(track.times, np.ascontiguousarray(track.values, kind)) for track in tracks]
    fields = [("times", pa.float64()), ("values", pa.list_(pa.from_numpy_dtype(kind), width))]
    schema = pa.schema(fields, {"sha256": _digest(tracks)})
    with pa.OSFile(str(path), "wb") as file, ipc.new_file(file, schema) as writer:
        for track in tracks:
            flat = pa.array(track.values.reshape(-1))
            arrays = [pa.array(np.asarray(track.times, np.float64)), pa.FixedSizeListArray.from_arrays(flat, width)]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))


def _read(path: Path) -> list[Track] | None:
    """The tracks, or None where they are not there or not what was written."""
    try:
        check_regular(path)
        reader = ipc.open_file(pa.memory_map(str(path)))
        tracks = [_track(reader.get_batch(number)) for number in range(reader.num_record_batches)]
        whole = _digest(tracks).encode() == reader.schema.metadata[b"sha256"]
    except (UserError, OSError, ValueError, LookupError, TypeError, AttributeError, pa.ArrowException):
        return None
    if not whole:
        return None
    with suppress(OSError):  # used now: the last to go
        os.utime(path)
    return tracks


def _track(batch: pa.RecordBatch) -> Track:
    batch.validate(full=True)  # lengths that are damaged would lead outside the file
    values = batch.column("values")
    flat = values.flatten().to_numpy(zero_copy_only=True)
    times = batch.column("times").to_numpy(zero_copy_only=True)
    return Track(times, flat.reshape(len(times), values.type.list_size))


def _entries() -> list[tuple[float, int, Path]]:
    """Time of last use, size and path of each entry, the longest unused first."""
    found = []
    with suppress(OSError):
        for entry in os.scandir(_folder()):
            if entry.name.endswith(".arrow"):
                with suppress(OSError):  # another process removed it
                    found.append((entry.stat().st_mtime, entry.stat().st_size, Path(entry.path)))
    return sorted(found)


def _shrink(limit: int, keep: Path) -> None:
    """Remove entries until the rest fits; on systems that do not remove open files, those stay."""
    entries = _entries()
    size = sum(entry[1] for entry in entries)
    for _, bytes_, path in entries:
        if size <= limit:
            break
        if path != keep:
            with suppress(OSError):
                path.unlink()
                path.with_name(f".{path.name}.lock").unlink(missing_ok=True)
                size -= bytes_
