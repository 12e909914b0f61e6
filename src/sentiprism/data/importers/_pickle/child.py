"""The child process: limit itself, read the pickle, describe it.

stdin    see `sentiprism.sandbox.follow`
stdout   a regular file: one line with a JSON object per column; for a tree, one line per name and one for its content;
         or one line {"error": cause}
argv     limits (memory and output in bytes, processor time in seconds); descriptors of the pickle, a regular file, and
         of the file for decoded bytes; ``splits`` or ``tree``
"""

import json
import math
import mmap
import os
import sys
from collections.abc import Iterator
from typing import Any

from sentiprism.data.importers._pickle.machine import Machine
from sentiprism.data.importers._pickle.values import (
    CODES,
    Array,
    Blob,
    Dtype,
    RefusedError,
    kind,
    refuse,
    shown,
)
from sentiprism.sandbox.confine import confine

OTHERS = {
    b"PK\3\4": "a zip archive, such as .npz or what torch.save writes",
    b"\x1f\x8b": "compressed with gzip",
    b"\x89HDF": "an HDF5 file",
}
"""First bytes of files that are not pickles."""
TEXT = {bytes([code]) for code in range(0x20, 0x7F)} - {b"(", b"c", b"]", b"}"}
"""First bytes of texts that are not pickles."""
SAMPLE = 1000
DEEPEST = 6
"""Most levels of a tree: segment, part, sentence, word and number are five."""


def describe(value: object) -> dict[str, Any]:
    """Describe a column: the position of its array, its strings, its numbers, or its type."""
    if isinstance(value, Array) and isinstance(value.dtype, Dtype):
        return describe_array(value, value.dtype)
    if isinstance(value, list | tuple):
        if all(isinstance(item, str) for item in value):
            return {"strings": value}
        strange = next((item for item in value if not isinstance(item, int | float)), None)
        return {"numbers": value} if strange is None else {"other": f"a list that holds {kind(strange)}"}
    return {"other": kind(value)}


def describe_array(array: Array, dtype: Dtype) -> dict[str, Any]:
    """Describe the position of an array: [source, offset, dtype, shape, Fortran order, order of axes]."""
    code, shape, data = dtype.code, array.shape, array.data
    if not CODES.fullmatch(code):
        return {"other": f"an array of dtype {shown(code)}"}
    if not isinstance(shape, tuple) or len(shape) > 8 or not all(type(n) is int and n >= 0 for n in shape):
        refuse("has an array of an impossible shape")
    size = math.prod(shape)
    if code.startswith("O"):
        if not isinstance(data, list) or len(data) != size:
            refuse(f"has an array of shape {shape} with a different number of objects")
        return describe(data)
    item = int(code[1:]) * (4 if code.startswith("U") else 1)
    if not isinstance(data, Blob) or data.length != size * item:
        refuse(f"has an array of shape {shape} and dtype {code} with a different number of bytes")
    axes = array.axes
    if axes is not None and (not all(type(n) is int for n in axes) or sorted(axes) != list(range(len(shape)))):
        refuse("has an array of impossible axes")
    order = ">" if dtype.order == ">" else "<"
    return {"array": [data.source, data.offset, order + code, shape, array.fortran, axes]}


def describe_tree(value: object, depth: int = 0) -> dict[str, Any]:
    """Describe a nested value: as `describe`, and mappings and lists of such values."""
    if depth > DEEPEST:
        refuse(f"is nested more than {DEEPEST} levels deep")
    if isinstance(value, dict):
        return {"mapping": {key: describe_tree(item, depth + 1) for key, item in value.items()}}
    if isinstance(value, str | int | float):
        return {"value": value}
    found = describe(value)
    if isinstance(value, Array):
        value = value.data
    if "other" in found and isinstance(value, list | tuple):
        return {"items": [describe_tree(item, depth + 1) for item in value]}
    return found


def entries(root: object) -> Iterator[Any]:
    """Yield names and contents of a mapping; anything else has the name None."""
    for name, value in root.items() if isinstance(root, dict) else [(None, root)]:
        yield name
        yield describe_tree(value, 1)


def columns(root: object) -> Iterator[dict[str, Any]]:
    """Describe every column of every split."""
    if not isinstance(root, dict):
        refuse(f"holds {kind(root)} where the splits train, valid and test belong")
    for split, content in root.items():
        if not isinstance(content, dict):
            refuse(f"holds {kind(content)} under {shown(split)} where the columns of a split belong")
        yield {"split": split}
        for key, value in content.items():
            yield {"split": split, "key": key, **describe(value)}


def main() -> None:
    """Limit this process, read the file and write the result; the exit status is 1 if the file is refused."""
    memory, output, cpu, pickle, decoded = (int(word) for word in sys.argv[1:-1])
    tree = sys.argv[-1] == "tree"
    confine({"AS": memory, "FSIZE": output, "CPU": cpu, "CORE": 0, "NPROC": 0, "NOFILE": 8})
    try:
        size = os.fstat(pickle).st_size
        if not size:
            refuse("is empty")
        with mmap.mmap(pickle, size, access=mmap.ACCESS_READ) as file:
            for magic, what in OTHERS.items():
                if file[: len(magic)] == magic:
                    refuse(f"is {what}, not a pickle")
            if file[:1] in TEXT and b"\0" not in file[:SAMPLE]:
                refuse("is a text, not a pickle")
            root = Machine(file, decoded, numbered=tree).run()
            for line in entries(root) if tree else columns(root):
                # one text may be repeated a million times
                if isinstance(line, dict) and sum(map(len, line.get("strings", ()))) > output:
                    refuse("unpacks to more than a dataset of its size")
                print(json.dumps(line))
            sys.stdout.flush()
    except RefusedError as error:
        cause = str(error)
    except MemoryError:
        cause = "needs more memory than a dataset of its size"
    except OSError as error:
        cause = f"unpacks to more than a dataset of its size, or there is no space for it ({error.strerror})"
    else:
        return
    os.lseek(1, 0, os.SEEK_SET)
    os.ftruncate(1, 0)
    os.write(1, json.dumps({"error": cause}).encode())
    os._exit(1)


if __name__ == "__main__":
    main()
