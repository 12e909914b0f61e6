"""Numpy archives that somebody else made: arrays of numbers and strings come out, or one clear refusal."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError

ROOM = 1 << 28
"""Bytes any archive may unpack to."""
RATIO = 200
"""Times its own size a larger one may unpack to: padded features shrink tenfold, a bomb a thousandfold."""


class Archive:
    """An open archive; an array is read when it is asked for.

    Args:
        path: for messages.
        file: what numpy opened.
    """

    def __init__(self, path: Path, file: Any) -> None:
        self.path, self._file = path, file
        self.names: list[str] = list(file.files)

    def read(self, name: str) -> npt.NDArray[Any]:
        """One array.

        Raises:
            UserError: it is damaged, too large for this machine, or holds Python objects.
        """
        try:
            array = self._file[name]
        except Exception as error:  # numpy and zipfile raise a dozen kinds for what is in a file
            raise _refusal(self.path, error) from None
        if not isinstance(array, np.ndarray):
            raise UserError(f"{self.path}: {name!r} is no array", "save it again with numpy.savez")
        return array


@contextmanager
def open_npz(path: Path) -> Iterator[Archive]:
    """Open an ``.npz``; no pickle in it is ever read.

    Raises:
        UserError: there is no such file, it is no archive, or it unpacks to far more than it is.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        file = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise UserError(f"no file {path}", "check the path") from None
    except Exception as error:  # see `Archive.read`
        raise _refusal(path, error) from None
    with file:
        if unpacked > max(ROOM, RATIO * path.stat().st_size):
            raise UserError(f"{path} unpacks to {unpacked / 1e9:.1f} GB", "save it again, uncompressed")
        yield Archive(path, file)


def _refusal(path: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return UserError(f"{path} cannot be read: {reason}", "save it again, without Python objects")
