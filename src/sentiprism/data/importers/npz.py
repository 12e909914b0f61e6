"""Read untrusted numpy archives: numbers and strings only."""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError, shorten
from sentiprism.reading import open_regular

ROOM = 1 << 28
"""Unpacked bytes that are allowed for any file."""
RATIO = 200
"""Largest ratio of unpacked to packed size of a larger file: padded features have about 10, a bomb 1000."""
DIRECTORY = 4 << 20
"""Most bytes of an archive's list of members, about 50,000 of them; usual files have ten."""
MOST_REASON = 120
"""Most characters of a library's message."""
HEADER_FAULTS = ("parse header", "malformed node", "multi-line statement", "array header", "dtype descriptor")
REMEDY = "save it again, without Python objects"


class Archive:
    """An open archive; arrays are read on access.

    Args:
        path: for messages.
        file: what numpy opened.
    """

    def __init__(self, path: Path, file: Any) -> None:
        self.path, self._file = path, file
        self.names: list[str] = list(file.files)

    def read(self, name: str) -> npt.NDArray[Any]:
        """Read an array.

        Raises:
            UserError: it is damaged, too large for this machine, or has Python objects.
        """
        try:
            with quiet():
                array = self._file[name]
        except Exception as error:  # numpy and zipfile raise many kinds of exceptions for invalid files
            raise unreadable(self.path, error) from None
        if not isinstance(array, np.ndarray):
            raise UserError(f"{self.path}: {name!r} is not an array", REMEDY)
        return array


@contextmanager
def quiet() -> Iterator[None]:
    """Context without numpy's warnings about Python 2 files, in which overflowing shapes are errors."""
    with warnings.catch_warnings(), np.errstate(over="raise"):
        warnings.simplefilter("ignore", UserWarning)
        yield


@contextmanager
def open_npz(path: Path) -> Iterator[Archive]:
    """Open an ``.npz`` without reading any pickle in it.

    Raises:
        UserError: it is not a regular file or not an archive, or it unpacks to far more than its size.
    """
    with open_regular(path, what="archive") as fd, open(fd, "rb", closefd=False) as stream:
        try:
            _check_directory(path, stream)
            file = np.load(stream, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile) or file.zip is None:
                raise UserError(f"{path} is not an .npz archive", REMEDY)
            unpacked = sum([member.file_size for member in file.zip.infolist()])
        except UserError:
            raise
        except Exception as error:  # see `Archive.read`
            raise unreadable(path, error) from None
        check_unpacked(path, unpacked, stream.seek(0, 2))
        with file:
            yield Archive(path, file)


def check_unpacked(path: Path, unpacked: int, size: int) -> None:
    """Refuse a file that unpacks to far more than its ``size`` in bytes."""
    if unpacked > max(ROOM, RATIO * size):
        raise UserError(f"{path} unpacks to {unpacked / 1e9:.1f} GB", "save it again, uncompressed")


def unreadable(path: Path, error: Exception) -> UserError:
    """Make the error for a file that a library could not read."""
    reason = reason_of(error)
    if (
        "pickle" in reason or "Object arrays" in reason or "Python objects" in reason
    ):  # numpy's message advises to allow pickles
        return UserError(f"{path} is not a numpy array, or has Python objects", REMEDY)
    if any(part in reason for part in HEADER_FAULTS):
        return UserError(f"{path} is damaged: its header does not describe an array", REMEDY)
    return UserError(f"{path} cannot be read: {reason}", REMEDY)


def reason_of(error: Exception) -> str:
    """Shorten a library's message to one line."""
    text = str(error.args[0]) if error.args else ""
    return shorten(" ".join(text.split()) or type(error).__name__, MOST_REASON)


def _check_directory(path: Path, stream: IO[bytes]) -> None:
    """Refuse an archive with too many members before zipfile creates an object for each of them."""
    size = stream.seek(0, 2)
    stream.seek(max(size - (1 << 16) - 22 - 76, 0))
    tail = stream.read()
    stream.seek(0)
    plain = len(tail) - 22
    end = plain if tail[plain : plain + 4] == b"PK\5\6" and tail.endswith(b"\0\0") else tail.rfind(b"PK\5\6")
    if end < 0 or end + 16 > len(tail):
        return  # not an archive: numpy raises an error
    (length,) = struct.unpack_from("<I", tail, end + 12)
    if end >= 76 and tail[end - 20 : end - 16] == b"PK\6\7":  # larger than 4 GB
        (length,) = struct.unpack_from("<Q", tail, end - 76 + 40)
    if length > DIRECTORY:
        raise UserError(f"{path} has too many members for a file of features", "keep one array of each kind")
