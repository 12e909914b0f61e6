"""Write a pickle of dictionaries, lists of strings and numbers, and arrays, with bounded memory.

Arrays are written as numpy 1 writes them, row by row, so that a program with any version of numpy reads the file; the
pickle module would need the whole array in memory, and numpy 2 would name modules that numpy 1 does not have.
"""

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
import numpy.typing as npt

PROTO_4, STOP = b"\x80\x04", b"."
EMPTY_DICT, EMPTY_LIST, MARK, SETITEMS, APPENDS = b"}", b"]", b"(", b"u", b"e"
TUPLE, TUPLE1, TUPLE3, REDUCE, BUILD = b"t", b"\x85", b"\x87", b"R", b"b"
NONE, TRUE, FALSE = b"N", b"\x88", b"\x89"
GLOBAL, BINUNICODE, BININT, BINFLOAT, BINBYTES8 = b"c", b"X", b"J", b"G", b"\x8e"
"""Opcodes of pickle protocol 4, by the names of `pickletools`."""
KINDS: dict[str, np.dtype[Any]] = {"f4": np.dtype("<f4"), "i8": np.dtype("<i8")}


class PickleWriter:
    """Writes one value; a dictionary's entries are each a `key` and a value.

    Args:
        file: opened for binary writing.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Around the value."""
        self._file.write(PROTO_4)
        yield
        self._file.write(STOP)

    @contextmanager
    def mapping(self) -> Iterator[None]:
        """Around the entries of a dictionary."""
        self._file.write(EMPTY_DICT + MARK)
        yield
        self._file.write(SETITEMS)

    def text(self, text: str) -> None:
        """A string: a key, or a value."""
        content = text.encode()
        self._file.write(BINUNICODE + struct.pack("<I", len(content)) + content)

    key = text

    def texts(self, texts: Iterable[str]) -> None:
        """A list of strings."""
        self._file.write(EMPTY_LIST + MARK)
        for one in texts:
            self.text(one)
        self._file.write(APPENDS)

    def numbers(self, numbers: Iterable[int]) -> None:
        """A list of whole numbers."""
        self._file.write(EMPTY_LIST + MARK + b"".join(map(_whole, numbers)) + APPENDS)

    def array(self, kind: str, shape: tuple[int, ...], rows: Iterable[npt.NDArray[Any]]) -> None:
        """An array that is given row by row.

        Args:
            kind: ``f4`` or ``i8``.
            shape: of the whole array.
            rows: parts of it along the first axis.

        Raises:
            ValueError: the rows have another size than ``shape``.
        """
        dtype = KINDS[kind]
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        reconstruct = GLOBAL + b"numpy.core.multiarray\n_reconstruct\n" + GLOBAL + b"numpy\nndarray\n"
        self._file.write(reconstruct + _whole(0) + TUPLE1 + b"C\x01b" + TUPLE3 + REDUCE)
        self._file.write(MARK + _whole(1) + MARK + b"".join(map(_whole, shape)) + TUPLE)
        self._dtype(kind)
        self._file.write(FALSE + BINBYTES8 + struct.pack("<Q", size))
        written = 0
        for row in rows:
            written += self._file.write(np.ascontiguousarray(row, dtype).tobytes())
        if written != size:
            raise ValueError(f"{written} bytes of rows for an array of {size}")
        self._file.write(TUPLE + BUILD)

    def _dtype(self, kind: str) -> None:
        self._file.write(GLOBAL + b"numpy\ndtype\n")
        self.text(kind)
        self._file.write(FALSE + TRUE + TUPLE3 + REDUCE + MARK + _whole(3))
        self.text("<")
        self._file.write(NONE * 3 + _whole(-1) * 2 + _whole(0) + TUPLE + BUILD)


def _whole(number: int) -> bytes:
    return BININT + struct.pack("<i", number)
