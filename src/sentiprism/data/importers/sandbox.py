"""Read an untrusted pickle without executing it.

The child (`sentiprism.data.importers._pickle`) gets the file as an open descriptor, an empty environment and limits; it
writes its result to unnamed temporary files, which the system removes even if both processes are killed. Arrays are
then mapped at their position in the pickle, so that even a large file only needs memory for its strings.
"""

import json
import mmap
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.reading import open_regular
from sentiprism.sandbox.confine import warn_unconfined
from sentiprism.sandbox.launch import ChildProcess

CHILD = "sentiprism.data.importers._pickle.child"
REMEDY = "get the file again from its distributor, or have it saved as arrays and strings alone"


@dataclass(frozen=True)
class Limits:
    """Resource limits of the child.

    Args:
        memory: address space in bytes, without the mapped file.
        output: bytes of each result file.
        cpu: processor seconds.
        wall: seconds of wall time.
    """

    memory: int
    output: int
    cpu: int
    wall: float

    @classmethod
    def for_size(cls, size: int, *, tree: bool = False) -> Self:
        """Limits that are enough for a valid file of ``size`` bytes: its strings in memory, 4 MB per second.

        Args:
            size: of the file.
            tree: whether it has nested lists, whose numbers take 9 bytes in the file, 32 in memory, and more time.
        """
        cpu = 60 + size // (1_000_000 if tree else 4_000_000)
        memory = 512 * 2**20 + (6 if tree else 1) * size
        return cls(memory=memory, output=64 * 2**20 + 4 * size, cpu=cpu, wall=60.0 + 4 * cpu)


@dataclass(frozen=True)
class Other:
    """A column that is neither an array nor a list of strings or numbers; ``what`` describes it."""

    what: str


Column = npt.NDArray[Any] | list[str] | Other
"""A mapped array, a float64 array from a list of numbers, or a list of strings."""


Maps = list[mmap.mmap | None]
"""The pickle, and its decoded parts; None = empty."""


class PickleFile:
    """An open pickle; its arrays stay valid as long as they are referenced.

    Args:
        splits: ``splits[split][key]`` is a `Column`.
        maps: the mapped files with the arrays.
    """

    def __init__(self, splits: Mapping[str, Mapping[str, Column]], maps: Maps) -> None:
        self.splits, self._maps = splits, maps

    def release(self) -> None:
        """Release the memory pages that were read so far; they are read again on access."""
        _release(self._maps)


Node = Column | str | float | dict[str, "Node"] | list["Node"]
"""Content of a tree: a column, a text, a number, or a mapping or list of such."""


class PickleTree:
    """An open pickle of nested mappings, lists and arrays; the content of a name is read on access.

    Args:
        places: position of the content of each name in ``answer``.
        answer: output of the child.
        maps: the mapped files with the arrays.
    """

    def __init__(self, places: dict[str | None, tuple[int, int]], answer: mmap.mmap, maps: Maps) -> None:
        self._places, self._answer, self._maps = places, answer, maps

    @property
    def names(self) -> list[str]:
        """Keys of the outermost mapping; [] if it is not a mapping."""
        return [name for name in self._places if name is not None]

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __getitem__(self, name: str | None) -> Node:
        """Content of a name; None = the whole, if it is not a mapping."""
        return _node(json.loads(self._answer[slice(*self._places[name])]), self._maps)

    def release(self) -> None:
        """As `PickleFile.release`."""
        _release([*self._maps, self._answer])


def _release(maps: Maps) -> None:
    for pages in maps:
        if pages is not None and hasattr(mmap, "MADV_DONTNEED"):
            pages.madvise(mmap.MADV_DONTNEED)


def open_pickle(path: Path, limits: Limits | None = None) -> PickleFile:
    """Open a pickle of {split: {key: array or list}}.

    Args:
        path: the file, of protocol 2 to 5.
        limits: resource limits; by default in proportion to its size.

    Raises:
        UserError: the file is missing, damaged or exceeds the limits, or has more than arrays, strings and numbers.
    """
    with _answered(path, "splits", limits) as (answer, maps):
        splits: dict[str, dict[str, Column]] = {}
        for line in answer:
            entry = json.loads(line)
            split = splits.setdefault(entry["split"], {})
            if "key" in entry:
                split[entry["key"]] = _column(entry, maps)
    return PickleFile(splits, maps)


def open_tree(path: Path, limits: Limits | None = None) -> PickleTree:
    """Open a pickle of nested mappings, lists, arrays, texts and numbers, at most six levels deep.

    Args:
        path: the file, of protocol 2 to 5; whole numbers as keys become texts.
        limits: resource limits; by default in proportion to its size.

    Raises:
        UserError: as `open_pickle`.
    """
    with _answered(path, "tree", limits) as (answer, maps):
        places: dict[str | None, tuple[int, int]] = {}
        name, at = None, 0
        for number, line in enumerate(answer):
            if number % 2:
                places[name] = (at, at + len(line))
            else:
                name = json.loads(line)
            at += len(line)
        said = _mapped(answer) or mmap.mmap(-1, 1)  # the output for an empty mapping is empty
    return PickleTree(places, said, maps)


@contextmanager
def _answered(path: Path, form: str, limits: Limits | None) -> Iterator[tuple[IO[bytes], Maps]]:
    """Yield the output of the child for a pickle, and the files with the arrays."""
    try:
        with (
            open_regular(path, what="pickle") as fd,
            open(fd, "rb", closefd=False) as file,
            tempfile.TemporaryFile() as decoded,
            tempfile.TemporaryFile() as answer,
        ):
            limits = limits or Limits.for_size(os.fstat(fd).st_size, tree=form == "tree")
            _run_child(path, form, limits, file, decoded, answer)
            answer.seek(0)
            yield answer, [_mapped(file), _mapped(decoded)]
    except (OSError, TypeError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error})", REMEDY) from None


def _mapped(file: IO[bytes]) -> mmap.mmap | None:
    size = file.seek(0, 2)
    return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if size else None


def _run_child(path: Path, form: str, limits: Limits, file: IO[bytes], decoded: IO[bytes], answer: IO[bytes]) -> None:
    warn_unconfined()
    descriptors = (file.fileno(), decoded.fileno())
    with ChildProcess(
        CHILD,
        *(limits.memory + os.fstat(file.fileno()).st_size, limits.output, limits.cpu, *descriptors, form),
        options=("-P", "-s", "-S"),
        environment={"PYTHONDONTWRITEBYTECODE": "1", "MALLOC_ARENA_MAX": "1"},
        descriptors=descriptors,
        stdout=answer,
        stderr=subprocess.DEVNULL,
        folder=os.sep,
    ) as child:
        try:
            status = child.wait(limits.wall)
        except subprocess.TimeoutExpired:
            raise UserError(f"{path} was not read within {limits.wall:g} s", REMEDY) from None
    if status == 0:
        return
    answer.seek(0)
    try:
        cause = json.loads(answer.read())["error"]
    except (ValueError, KeyError, TypeError):
        killed = "needs more time or memory than a dataset of its size"
        cause = killed if status < 0 else f"cannot be read: its reader ended with {status}"
    raise UserError(f"{path} {cause}", REMEDY)


def _node(entry: dict[str, Any], maps: Maps) -> Node:
    match entry:
        case {"mapping": dict(mapping)}:
            return {key: _node(item, maps) for key, item in mapping.items()}
        case {"items": list(items)}:
            return [_node(item, maps) for item in items]
        case {"value": str() | int() | float() as value}:
            return value
    return _column(entry, maps)


def _column(entry: dict[str, Any], maps: Maps) -> Column:
    match entry:
        case {"array": [source, offset, dtype, shape, fortran, axes]}:
            buffer = maps[source]
            if buffer is None or 0 in shape:
                return np.empty(shape if 0 in shape else (0,), dtype)
            array: npt.NDArray[Any]
            array = np.ndarray(tuple(shape), dtype, buffer, offset, order="F" if fortran else "C")
            return array if axes is None else array.transpose(axes)
        case {"strings": list(strings)}:
            return strings
        case {"numbers": list(numbers)}:
            return np.array(numbers, np.float64)
    return Other(str(entry["other"]))
