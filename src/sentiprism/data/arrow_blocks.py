"""Check the record batches of an Arrow file before unpacking them.

Layout: Apache Arrow's columnar format, IPC file format, and FlatBuffers' internals. This program writes each batch once
and uncompressed, so that unpacking needs no more memory than the file's size; other files are refused.
"""

import mmap
import struct

MAGIC = b"ARROW1"
DICTIONARIES, BATCHES = 2, 3
"""Fields of the footer."""
HEADER = 2
"""Field of a message."""
COMPRESSION = 3
"""Field of a record batch."""
BLOCK = struct.Struct("<qi4xq")
"""Offset, bytes of metadata and of content of a batch."""
CONTINUED = 0xFFFFFFFF


def check_blocks(pages: mmap.mmap) -> None:
    """Refuse a file whose batches are compressed or exceed its size.

    Raises:
        ValueError: its batches are invalid, or the file is damaged.
    """
    try:
        _check(pages)
    except struct.error:
        raise ValueError("it points outside of itself") from None


def _check(pages: mmap.mmap) -> None:
    if pages[-len(MAGIC) :] != MAGIC:
        raise ValueError("its end is missing")
    end = len(pages) - len(MAGIC) - 4
    footer = _follow(pages, end - _number(pages, end, "<i"))
    if _vector(pages, footer, DICTIONARIES)[1]:
        raise ValueError("it has dictionaries")
    start, count = _vector(pages, footer, BATCHES)
    total = 0
    for number in range(count):
        offset, metadata, content = BLOCK.unpack_from(pages, start + number * BLOCK.size)
        total += metadata + content
        if min(offset, metadata, content) < 0 or total > len(pages):
            raise ValueError("its batches are more than the file has")
        prefix = 8 if _number(pages, offset, "<I") == CONTINUED else 4
        message = _follow(pages, offset + prefix)
        header = _field(pages, message, HEADER)
        if header is None or _field(pages, _follow(pages, header), COMPRESSION) is not None:
            raise ValueError("it is compressed")


def _number(pages: mmap.mmap, at: int, form: str) -> int:
    if at < 0:
        raise ValueError("it points outside of itself")
    return int(struct.unpack_from(form, pages, at)[0])


def _follow(pages: mmap.mmap, at: int) -> int:
    """Follow an offset."""
    return at + _number(pages, at, "<I")


def _field(pages: mmap.mmap, table: int, number: int) -> int | None:
    """Position of a table's field; None if the table lacks it."""
    kinds = table - _number(pages, table, "<i")
    slot = 4 + 2 * number
    if slot + 2 > _number(pages, kinds, "<H"):
        return None
    offset = _number(pages, kinds + slot, "<H")
    return table + offset if offset else None


def _vector(pages: mmap.mmap, table: int, number: int) -> tuple[int, int]:
    """Position of the first element, and the number of elements."""
    field = _field(pages, table, number)
    if field is None:
        return 0, 0
    vector = _follow(pages, field)
    return vector + 4, _number(pages, vector, "<I")
