"""Read the bytes of a pickle in order."""

import codecs
import mmap
import os
import struct
from typing import Any

from sentiprism.data.importers._pickle.values import Blob, LongText, kind, refuse

LONG_TEXT = 1 << 20
"""Longer texts are left in the file; only bytes encoded by protocol 2 are that long."""
PIECE = 1 << 20


class Reader:
    """Read bytes and numbers of a file in order.

    Args:
        file: the pickle.
        decoded: descriptor of the file to which decoded bytes are appended.
    """

    def __init__(self, file: mmap.mmap, decoded: int) -> None:
        self.file, self.decoded, self.decoded_size = file, decoded, 0
        self.at = 0

    def take(self, length: int) -> bytes:
        """Read the next bytes."""
        self.skip(length)
        return self.file[self.at - length : self.at]

    def skip(self, length: int) -> int:
        """Skip bytes and return their start."""
        if length < 0 or length > len(self.file) - self.at:
            refuse(f"is cut short: at byte {self.at} it needs {length} more, but the file has {len(self.file)}")
        self.at += length
        return self.at - length

    def number(self, form: str) -> Any:
        """Read the next number in a `struct` format."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> bytes:
        """Read the next line, without its end."""
        end = self.file.find(b"\n", self.at)
        if end < 0:
            refuse(f"is cut short or broken: the line at byte {self.at} has no end")
        return self.take(end + 1 - self.at)[:-1]

    def bytes_of(self, blob: Any) -> bytes:
        """Content of a blob."""
        if not isinstance(blob, Blob):
            refuse(f"holds {kind(blob)} where bytes belong")
        if blob.source:
            return os.pread(self.decoded, blob.length, blob.offset)
        return self.file[blob.offset : blob.offset + blob.length]

    def encode(self, text: str | LongText) -> Blob:
        """Decode bytes that protocol 2 wrote as text of the same code points."""
        start, decoder = self.decoded_size, codecs.getincrementaldecoder("utf-8")()
        try:
            if isinstance(text, str):
                return self.keep(text.encode("latin-1"))
            for at in range(text.offset, text.offset + text.length, PIECE):
                end = min(at + PIECE, text.offset + text.length)
                self.keep(decoder.decode(self.file[at:end]).encode("latin-1"))
            decoder.decode(b"", final=True)
        except UnicodeError:
            refuse("holds text where the bytes of an array belong")
        return Blob(1, start, self.decoded_size - start)

    def keep(self, data: bytes) -> Blob:
        """Append decoded bytes for the parent."""
        start, view = self.decoded_size, memoryview(data)
        while view:
            written = os.write(self.decoded, view)
            view, self.decoded_size = view[written:], self.decoded_size + written
        return Blob(1, start, len(data))
