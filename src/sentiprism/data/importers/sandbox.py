"""Opens a pickle that somebody else made: a child process says what is in it, and nothing in it is ever run.

The child (`sentiprism.data.importers._pickle`) gets the file as an open descriptor, an empty environment and
limits; it answers into unnamed temporary files, which the system removes even where both processes are
killed. Arrays are then mapped where they lie in the pickle, so a file of any size is open in the memory of
its strings.
"""

import json
import mmap
import os
import subprocess
import tempfile
from collections.abc import Mapping
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
    """What the child may use.

    Args:
        memory: address space in bytes, without the mapped file.
        output: bytes of each answer.
        cpu: processor seconds.
        wall: seconds on the clock.
    """

    memory: int
    output: int
    cpu: int
    wall: float

    @classmethod
    def for_size(cls, size: int) -> Self:
        """Room for an honest file of ``size`` bytes: its strings in memory, 4 MB a second."""
        cpu = 60 + size // 4_000_000
        return cls(memory=512 * 2**20 + size, output=64 * 2**20 + 4 * size, cpu=cpu, wall=60.0 + 4 * cpu)


@dataclass(frozen=True)
class Other:
    """A column that is neither an array nor a list of strings or numbers; ``what`` it is, in words."""

    what: str


Column = npt.NDArray[Any] | list[str] | Other
"""A mapped array, a float64 array made of a list of numbers, or a list of strings."""


class PickleFile:
    """An open pickle; its arrays stay valid as long as somebody holds them.

    Args:
        splits: ``splits[split][key]`` is a `Column`.
        maps: the mapped files they lie in.
    """

    def __init__(self, splits: Mapping[str, Mapping[str, Column]], maps: list[mmap.mmap | None]) -> None:
        self.splits, self._maps = splits, maps

    def release(self) -> None:
        """Let go of the pages read so far, which count as our memory; they are read again on demand."""
        for pages in self._maps:
            if pages is not None and hasattr(mmap, "MADV_DONTNEED"):
                pages.madvise(mmap.MADV_DONTNEED)


def open_pickle(path: Path, limits: Limits | None = None) -> PickleFile:
    """Open a pickle of {split: {key: array or list}}.

    Args:
        path: the file, of protocol 2 to 5.
        limits: what reading it may use; by default in proportion to its size.

    Raises:
        UserError: the file is missing, broken or greedy, or asks for more than arrays, strings, numbers.
    """
    try:
        with (
            open_regular(path, what="pickle") as fd,
            open(fd, "rb", closefd=False) as file,
            tempfile.TemporaryFile() as decoded,
            tempfile.TemporaryFile() as answer,
        ):
            _run_child(path, limits or Limits.for_size(os.fstat(fd).st_size), file, decoded, answer)
            maps = [_mapped(file), _mapped(decoded)]
            answer.seek(0)
            splits: dict[str, dict[str, Column]] = {}
            for line in answer:
                entry = json.loads(line)
                split = splits.setdefault(entry["split"], {})
                if "key" in entry:
                    split[entry["key"]] = _column(entry, maps)
    except (OSError, TypeError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error})", REMEDY) from None
    return PickleFile(splits, maps)


def _mapped(file: IO[bytes]) -> mmap.mmap | None:
    size = file.seek(0, 2)
    return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if size else None


def _run_child(path: Path, limits: Limits, file: IO[bytes], decoded: IO[bytes], answer: IO[bytes]) -> None:
    warn_unconfined()
    descriptors = (file.fileno(), decoded.fileno())
    with ChildProcess(
        CHILD,
        *(limits.memory + os.fstat(file.fileno()).st_size, limits.output, limits.cpu, *descriptors),
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


def _column(entry: dict[str, Any], maps: list[mmap.mmap | None]) -> Column:
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
