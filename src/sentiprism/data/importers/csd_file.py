"""Read one computational sequence (`.csd`, HDF5) stream by stream."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sentiprism.data.importers.npz import check_unpacked, reason_of
from sentiprism.errors import UserError
from sentiprism.extras import install_extra
from sentiprism.reading import check_regular

LARGEST = 1 << 30
"""Most unpacked bytes of one stream of one video: days of speech at 100 features per hundredth of a second."""
MOST_VIDEOS = 100_000
"""Most videos or segments of one file; MOSEI has 23,000 segments."""
MOST_WORDS = 1_000_000
"""Most words of one video: two weeks of speech."""
MOST_LETTERS = 1_000
"""Most bytes of one word."""
REMEDY = "save it again with the CMU Multimodal SDK"

Kind = Literal["numbers", "words", "either"]
Stream = tuple[npt.NDArray[Any], npt.NDArray[Any]]


class Streams:
    """The streams of one file.

    Args:
        path: for messages.
        data: the group ``<root>/data``.
        kind: expected kind of features.
    """

    def __init__(self, path: Path, data: Any, kind: Kind) -> None:
        self.path, self.kind, self._data = path, kind, data
        self.keys = dict.fromkeys(islice(data, MOST_VIDEOS + 1))
        self._last: tuple[str, Stream] | None = None
        self._counted: set[tuple[str, str]] = set()
        self._total, self._size = 0, path.stat().st_size
        if len(self.keys) > MOST_VIDEOS:
            raise UserError(f"{path} has more than {MOST_VIDEOS:,} videos or segments", "split it into several files")
        if not all(isinstance(key, str) for key in self.keys):
            raise UserError(f"{path} has a video whose name is not UTF-8", REMEDY)
        if not self.keys:
            raise UserError(f"{path} holds no videos", REMEDY)
        if kind == "either":
            self.kind = "words" if self.read(next(iter(self.keys)))[0].dtype.kind == "S" else "numbers"

    def read(self, key: str) -> Stream:
        """Read features (T, F), numbers or byte strings, and intervals (T, 2); empty if the key is absent.

        Raises:
            UserError: they have another shape or type, are in another file, or unpack to far more than the file's size.
        """
        if key not in self.keys:
            return np.empty((0, 1), np.float32), np.empty((0, 2))
        if self._last and self._last[0] == key:  # segments of a video are read consecutively
            return self._last[1]
        try:
            group = child(self.path, self._data, key)
            features = self._array(group, key, "features", self.kind)
            intervals = self._array(group, key, "intervals", "numbers")
        except UserError:
            raise
        except Exception as error:  # h5py raises many kinds of exceptions for invalid files
            raise UserError(f"{self.path}: {key} cannot be read: {reason_of(error)}", REMEDY) from None
        if not features.shape[1] or intervals.shape != (len(features), 2):
            raise UserError(
                f"{self.path}: {key} has features of shape {features.shape} and intervals of {intervals.shape}",
                "give each step its features, and its start and end in seconds",
            )
        self._last = key, (features, intervals)
        return features, intervals

    def _array(self, group: Any, key: str, name: str, kind: Kind) -> npt.NDArray[Any]:
        import h5py

        dataset = child(self.path, group, name)
        where = f"{self.path}: {key}/{name}"
        if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
            raise UserError(f"{where} is in another file, or not an array", REMEDY)
        size = dataset.size or 0
        string = h5py.check_string_dtype(dataset.dtype) is not None
        if dataset.ndim != 2 or size * dataset.dtype.itemsize > LARGEST or (string and size > MOST_WORDS):
            raise UserError(f"{where} has shape {dataset.shape}", "give it (T, F) of one video")
        if (string and kind == "numbers") or (not string and kind == "words") or not (string or _is_number(dataset)):
            wanted = {"numbers": "numbers", "words": "words", "either": "numbers, or words"}[kind]
            raise UserError(f"{where} is of type {dataset.dtype}", f"store {wanted}")
        if (key, name) not in self._counted:
            self._counted.add((key, name))
            self._total += size * dataset.dtype.itemsize
            check_unpacked(self.path, self._total, self._size)
        values = np.asarray(dataset[()])
        return _words(where, values) if string else values


def _is_number(dataset: Any) -> bool:
    """Whether the elements are plain numbers; enumerations, which are stored as numbers, are not."""
    import h5py

    return dataset.dtype.kind in "fiu" and h5py.check_enum_dtype(dataset.dtype) is None


def _words(where: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Words as byte strings of limited length, so that they fit in memory."""
    longest = max(map(len, values.flat), default=0) if values.dtype.kind == "O" else values.dtype.itemsize
    if longest > MOST_LETTERS:
        raise UserError(f"{where} has a word of {longest:,} bytes", "store one word per step")
    return values.astype(np.bytes_)


def child(path: Path, group: Any, name: str) -> Any:
    """Get a member of a group in the same file; links could refer to any file on this machine."""
    import h5py

    if not isinstance(group, h5py.Group) or name not in group:
        raise UserError(f"{path} has no {name!r}, as a computational sequence should", REMEDY)
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise UserError(f"{path}: {name!r} is a link to somewhere else", "store the data itself in the file")
    return group[name]


@contextmanager
def open_csd(path: Path, kind: Kind) -> Iterator[Streams]:
    """Open a computational sequence.

    Args:
        path: the file.
        kind: expected kind of features; "either" is decided by the first stream.

    Raises:
        UserError: h5py is missing, or it is not a regular file, not HDF5, or has another layout.
    """
    try:
        import h5py
    except ImportError:
        raise UserError("computational sequences need h5py", install_extra("csd")) from None
    check_regular(path, what="computational sequence")
    try:
        file = h5py.File(path, "r")
    except Exception as error:  # see `Streams.read`
        raise UserError(f"{path} is not an HDF5 file: {reason_of(error)}", REMEDY) from None
    with file:
        try:
            if len(file) != 1:
                raise UserError(f"{path} has {len(file)} groups instead of one sequence", REMEDY)
            data = child(path, child(path, file, next(iter(file))), "data")
            if not isinstance(data, h5py.Group):
                raise UserError(f"{path} has 'data' that is not a group of videos", REMEDY)
            streams = Streams(path, data, kind)
        except UserError:
            raise
        except Exception as error:  # see `Streams.read`
            raise UserError(f"{path} is damaged: {reason_of(error)}", REMEDY) from None
        yield streams
