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
"""Version of the files and of decoding; increased whenever old entries become invalid."""
LIMIT = 20_000_000_000
"""Largest size of the cache in bytes; the least recently used entries are removed. Two hours of sound take 45 MB."""


class Usage(NamedTuple):
    """Size of the cache."""

    folder: Path
    entries: int
    size: int
    """Bytes."""


def cached(content: str, recipe: Recipe, options: Mapping[str, Any], make: Callable[[], list[Track]]) -> list[Track]:
    """Get tracks of a recording from the cache, memory-mapped, or make them.

    Only one process at a time makes an entry. A damaged entry is made again. If nothing can be written, for lack of
    space or permissions, the features are made every time.

    Args:
        content: SHA-256 of the recording.
        recipe: of the extractor.
        options: further settings that determine the tracks, as JSON values: frames per second, which faces.
        make: makes the tracks; [] if there are none.
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
    """Measure the size of the cache."""
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
    """Write one record batch per track, in the precision of the first track."""
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
    """Read tracks; None if missing or damaged."""
    try:
        check_regular(path)
        reader = ipc.open_file(pa.memory_map(str(path)))
        tracks = [_track(reader.get_batch(number)) for number in range(reader.num_record_batches)]
        whole = _digest(tracks).encode() == reader.schema.metadata[b"sha256"]
    except (UserError, OSError, ValueError, LookupError, TypeError, AttributeError, pa.ArrowException):
        return None
    if not whole:
        return None
    with suppress(OSError):  # mark as recently used
        os.utime(path)
    return tracks


def _track(batch: pa.RecordBatch) -> Track:
    batch.validate(full=True)  # damaged lengths would point outside the file
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
                with suppress(OSError):  # another process has removed it
                    found.append((entry.stat().st_mtime, entry.stat().st_size, Path(entry.path)))
    return sorted(found)


def _shrink(limit: int, keep: Path) -> None:
    """Remove entries until the rest fits; open files stay on systems that cannot remove them."""
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
