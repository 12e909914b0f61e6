"""Damaged pickles, by the thousand, on the machine that reads them: it refuses or reads, and does nothing else."""

import ast
import mmap
import pickle
import pickletools
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import sentiprism.data.importers._pickle as package
from sentiprism.data.importers._pickle.child import columns
from sentiprism.data.importers._pickle.machine import OPCODES, Machine
from sentiprism.data.importers._pickle.values import RefusedError
from sentiprism.sandbox import confine


def answer(content: bytes) -> list[dict]:
    """What the child would say of a file."""
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as decoded:
        file.write(content)
        file.flush()
        with mmap.mmap(file.fileno(), len(content), access=mmap.ACCESS_READ) as pages:
            return list(columns(Machine(pages, decoded.fileno()).run()))


def refusal(content: bytes) -> str | None:
    """The cause given where a file is refused, None where it is read."""
    try:
        answer(content)
    except RefusedError as error:
        return str(error) if str(error).isprintable() else pytest.fail(f"not one printable line: {str(error)!a}")
    return None


def sample(protocol: int) -> bytes:
    rng = np.random.default_rng(0)
    split = {
        "id": ["a", "b"],
        "audio": rng.normal(size=(2, 3, 4)).astype(np.float32),
        "vision": np.asfortranarray(rng.normal(size=(2, 3, 4))),
        "turned": rng.normal(size=(3, 2, 4)).transpose(1, 0, 2),
        "raw_text": np.array(["é", "b"], object),
        "names": np.array(["中文", "b"]),
        "audio_lengths": [np.int64(3), 2],
    }
    return pickle.dumps({"train": split, "test": split}, protocol)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_damaged_bytes_are_read_or_refused(protocol: int) -> None:
    whole, rng = sample(protocol), np.random.default_rng(protocol)
    outcomes = {True: 0, False: 0}
    for _ in range(1500):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(whole), rng.integers(1, 4)):
            damaged[at] = rng.integers(256)
        outcomes[refusal(bytes(damaged)) is None] += 1
    assert min(outcomes.values()) > 100  # damage to numbers passes, damage to structure does not


def test_shuffled_instructions_are_read_or_refused() -> None:
    rng = np.random.default_rng(0)
    opcodes = np.array(sorted(OPCODES), dtype=np.uint8)
    for _ in range(3000):
        content = b"\x80\x04" + rng.choice(opcodes, rng.integers(1, 60)).tobytes() + b"."
        assert refusal(content) is not None or answer(content) == []  # an empty dictionary can come of it


def test_every_instruction_of_python_is_either_known_or_forbidden() -> None:
    assert {ord(opcode.code) for opcode in pickletools.opcodes} - OPCODES.keys() == {ord(".")}


def test_sources_import_nothing_that_is_not_in_the_standard_library() -> None:
    for file in (*Path(package.__path__[0]).glob("*.py"), Path(confine.__file__)):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                ours = name.startswith(("sentiprism.data.importers._pickle", confine.__name__))
                assert ours or name.partition(".")[0] in sys.stdlib_module_names, f"{file.name} imports {name}"
