"""Pickles that would run code, exhaust the machine or are simply broken: one clear line each, and no trace."""

import copyreg
import os
import pickle
import struct
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from makers import make_mmsa
from sentiprism.data.importers.import_dataset import import_dataset
from sentiprism.data.importers.sandbox import Limits, open_pickle
from sentiprism.data.importers.sources import MmsaSource
from sentiprism.errors import UserError


class Call:
    """Pickles as the call of a function."""

    def __init__(self, function, *args) -> None:
        self.call = function, args

    def __reduce__(self):
        return self.call


def short(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


def system(marker: Path) -> str:
    return f"touch {marker}"


def inst(marker: Path) -> bytes:
    return b"(S'" + system(marker).encode() + b"'\nios\nsystem\n."


def obj(marker: Path) -> bytes:
    return b"(cos\nsystem\nX" + struct.pack("<I", len(system(marker))) + system(marker).encode() + b"o."


def stack_global(marker: Path) -> bytes:
    return b"\x80\x04" + short("os") + short("system") + b"\x93" + short(system(marker)) + b"\x85R."


def binary_global(marker: Path) -> bytes:
    return b"\x80\x02cos\nsystem\nX" + struct.pack("<I", len(system(marker))) + system(marker).encode() + b"\x85R."


def in_a_column(marker: Path) -> bytes:
    content = {"train": {"audio": Call(os.system, system(marker))}, "valid": {}, "test": {}}
    return pickle.dumps(content, 4)


def in_an_object_array(marker: Path) -> bytes:
    return pickle.dumps({"train": {"id": np.array([Call(os.system, system(marker)), "a"], object)}}, 5)


def as_a_dtype(marker: Path) -> bytes:
    return pickle.dumps({"train": {"audio": Call(np.dtype, Call(os.system, system(marker)))}}, 4)


def eval_text(marker: Path) -> bytes:
    return pickle.dumps(Call(eval, f"__import__('os').system({system(marker)!r})"), 4)


def get_attribute() -> bytes:
    return pickle.dumps({"train": Call(getattr, Call(__import__, "os"), "system")}, 4)


def extension(marker: Path) -> bytes:
    copyreg.add_extension("posix", "system", 0xF1)
    try:
        return pickle.dumps({"train": Call(os.system, system(marker))}, 2)
    finally:
        copyreg.remove_extension("posix", "system", 0xF1)


ARMED: list[Callable[[Path], bytes]] = [
    inst, obj, stack_global, binary_global, in_a_column, in_an_object_array, as_a_dtype, eval_text,
]  # fmt: skip


def array(dtype: bytes, shape: bytes, data: bytes) -> bytes:
    """{"train": {"audio": numpy.core.numeric._frombuffer(data, dtype, shape, "C")}}, written by hand."""
    numpy_dtype = b"cnumpy\ndtype\n" + short(dtype.decode()) + b"\x85R"
    call = (
        b"cnumpy.core.numeric\n_frombuffer\n(C" + bytes([len(data)]) + data + numpy_dtype + shape + short("C") + b"tR"
    )
    return b"\x80\x04}" + short("train") + b"}" + short("audio") + call + b"ss."


def column(key: bytes, value: bytes) -> bytes:
    return b"\x80\x04}" + short("train") + b"}" + short(key.decode()) + value + b"ss."


DEEP = 200_000
BILLION = b"]\x94" + b"".join(b"](" + (b"h" + bytes([n])) * 10 + b"e\x94" for n in range(60))
MEGABYTE = b"X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20) + b"q\x00"

PASSIVE: dict[str, tuple[bytes, str]] = {
    "empty file": (b"", "is empty"),
    "text": (b"id,video_id,label\n", "is a text, not a pickle"),
    "zip (torch.save)": (b"PK\x03\x04" + bytes(60), "is a zip archive, such as .npz or what torch.save writes"),
    "gzip": (b"\x1f\x8b" + bytes(60), "is compressed with gzip, not a pickle"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(60), "is an HDF5 file, not a pickle"),
    "zeros": (bytes(60), "is not a pickle"),
    "protocol 9": (b"\x80\x09N.", "protocol 9"),
    "protocol 0": (pickle.dumps({"train": 1}, 0), "text form of protocol 0"),
    "no stop": (b"\x80\x04N", "is cut short"),
    "nothing to stop with": (b"\x80\x04.", "nothing is on its stack"),
    "recall of nothing": (b"\x80\x04h\x07.", "it loads memo entry 7"),
    "no mark": (b"\x80\x04]e.", "is a broken pickle"),
    "key without a value": (b"\x80\x04}(Nu.", "a key without a value"),
    "key that is a list": (b"\x80\x04}]Ns.", "as a key where a name belongs"),
    "global that is no text": (b"\x80\x04NN\x93.", "by a name that is not a text"),
    "global of many lines": (b"\x80\x04" + short("os\nx\x1b[2J") + short("system\r\n") + b"\x93.", r"'os\nx\x1b"),
    "dotted way out of numpy": (b"\x80\x04" + short("numpy") + short("ndarray.__class__") + b"\x93.", "__class__"),
    "numpy.load": (b"\x80\x04cnumpy\nload\n" + short("/etc/passwd") + b"\x85R.", "asks for 'numpy.load'"),
    "numpy.memmap": (b"\x80\x04cnumpy\nmemmap\n" + short("/etc/passwd") + b"\x85R.", "asks for 'numpy.memmap'"),
    "torch tensor": (b"\x80\x04ctorch._utils\n_rebuild_tensor_v2\n)R.", "asks for 'torch._utils._rebuild_tensor_v2'"),
    "persistent id": (b"\x80\x04Pabc\n.", "from outside of the file (a persistent id)"),
    "binary persistent id": (b"\x80\x04NQ.", "from outside of the file (a persistent id)"),
    "buffer from outside": (b"\x80\x05\x97.", "a buffer from outside"),
    "new object": (b"\x80\x04cnumpy\nndarray\n)\x81.", "wants an object made"),
    "new object, keywords": (b"\x80\x04cnumpy\nndarray\n)}\x92.", "wants an object made"),
    "array called directly": (b"\x80\x04cnumpy\nndarray\n(K\x05\x85tR.", "with invalid arguments"),
    "array of a subclass": (
        b"\x80\x04cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n)C\x01btR.",
        "with invalid arguments",
    ),
    "codec with effects": (b"\x80\x04c_codecs\nencode\n" + short("x") + short("zip") + b"\x86R.", "invalid arguments"),
    "attributes set": (b"\x80\x04cnumpy\nndarray\n}" + short("__class__") + b"Nsb.", "wants to set the state"),
    "state of a dict": (b"\x80\x04ccollections\nOrderedDict\n)R}b.", "wants to set the state"),
    "call of a string": (b"\x80\x04" + short("os.system") + b")R.", "wants to call"),
    "set": (b"\x80\x04\x8f.", "wants a set"),
    "length of 4 EB": (b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"abc.", "is cut short"),
    "text of 4 GB": (b"\x80\x04X" + struct.pack("<I", (1 << 32) - 1) + b"abc.", "is cut short"),
    "negative length": (b"\x80\x04T" + struct.pack("<i", -5) + b"abc.", "is cut short"),
    "integer of 2 GB": (b"\x80\x04\x8b" + struct.pack("<i", (1 << 31) - 1) + b"abc.", "integer of 2147483647 bytes"),
    "not UTF-8": (b"\x80\x04\x8c\x02\xff\xfe.", "is not UTF-8"),
    "shape larger than its bytes": (array(b"f4", b"J\xff\xff\xff\x7f\x85", b"abcd"), "a different number of bytes"),
    "negative shape": (array(b"f4", b"J\xff\xff\xff\xff\x85", b""), "impossible shape"),
    "empty array of 10^28 rows": (
        array(b"f4", (b"\x8a\x07" + b"\xff" * 6 + b"\x00") * 2 + b"K\x00\x87", b""), "cannot be read",
    ),
    "shape nested very deep": (array(b"f4", b")" + b"\x85" * DEEP, b""), "impossible shape"),
    "objects as bytes": (array(b"O8", b"K\x01\x85", b"\x00" * 8), "a different number of objects"),
    "void dtype": (array(b"V8", b"K\x01\x85", b"\x00" * 8), "has no split 'valid'"),
    "list nested very deep": (b"\x80\x04" + b"]" * DEEP + b"a" * (DEEP - 1) + b".", "holds a value of type list"),
    "tuple nested very deep": (b"\x80\x04)" + b"\x85" * DEEP + b".", "holds a value of type tuple"),
    "billion laughs": (b"\x80\x04" + BILLION + b".", "holds a value of type list"),
    "dictionary in itself": (b"\x80\x04}\x94" + short("train") + b"h\x00s.", "has no split 'valid'"),
    "a terabyte of text": (column(b"id", b"](" + MEGABYTE + b"h\x00" * 10**6 + b"e"), "than a dataset of its size"),
    "root that is an array": (pickle.dumps(np.zeros(3), 4), "holds an array where the splits"),
    "split that is a list": (pickle.dumps({"train": [1]}, 4), "holds a value of type list under 'train'"),
}  # fmt: skip


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of this process and its children."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def refused(content: bytes, tmp_path: Path, home: Path, scratch: Path) -> str:
    path = tmp_path / "hostile.pkl"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        import_dataset("mosi", MmsaSource(path))
    line = str(caught.value)
    assert line.startswith(str(path))
    assert "\n" not in line
    assert len(line) - len(str(path)) < 400
    assert "Traceback" not in line
    assert not list(scratch.iterdir())
    assert not [file for file in home.rglob("*") if file.is_file()]
    return line


@pytest.mark.parametrize("make", ARMED)
def test_code_does_not_run(make: Callable[[Path], bytes], tmp_path: Path, home: Path, scratch: Path) -> None:
    marker, proof = tmp_path / "ran", tmp_path / "proof"
    with suppress(Exception):  # what it returns is of no use to numpy; that it ran is what counts
        pickle.loads(make(proof))
    assert proof.exists(), "the sample does not bite: it proves nothing"
    refused(make(marker), tmp_path, home, scratch)
    assert not marker.exists()


def test_extension_codes_are_not_looked_up(tmp_path: Path, home: Path, scratch: Path) -> None:
    assert "an extension code" in refused(extension(tmp_path / "ran"), tmp_path, home, scratch)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", PASSIVE)
def test_broken_and_greedy_files_give_one_line(name: str, tmp_path: Path, home: Path, scratch: Path) -> None:
    content, message = PASSIVE[name]
    assert message in refused(content, tmp_path, home, scratch)


def test_refusals_name_what_was_asked_for(tmp_path: Path, home: Path, scratch: Path) -> None:
    assert "asks for 'posix.system'" in refused(in_a_column(tmp_path / "ran"), tmp_path, home, scratch)
    assert "asks for 'builtins.eval'" in refused(eval_text(tmp_path / "ran"), tmp_path, home, scratch)
    assert "asks for 'builtins.getattr'" in refused(get_attribute(), tmp_path, home, scratch)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path, home: Path, scratch: Path) -> None:
    make_mmsa(tmp_path / "whole.pkl")
    whole = (tmp_path / "whole.pkl").read_bytes()
    for length in np.linspace(1, len(whole) - 1, 12, dtype=int):
        assert "cut short" in refused(whole[:length], tmp_path, home, scratch)


def test_limits_hold(tmp_path: Path, home: Path, scratch: Path) -> None:
    path = tmp_path / "greedy.pkl"
    generous = Limits(memory=512 << 20, output=64 << 20, cpu=60, wall=240)
    path.write_bytes(b"\x80\x04" + b"]" * 1_000_000 + b".")
    with pytest.raises(UserError, match="holds a value of type list"):
        open_pickle(path, generous)
    with pytest.raises(UserError, match="needs more memory than a dataset of its size"):
        open_pickle(path, replace(generous, memory=64 << 20))
    with pytest.raises(UserError, match="was not read within 0 s"):
        open_pickle(path, replace(generous, wall=0))
    path.write_bytes(b"\x80\x04" + b"N0" * 4_000_000 + b".")
    with pytest.raises(UserError, match="needs more time or memory than a dataset of its size"):
        open_pickle(path, replace(generous, cpu=1))
    path.write_bytes(pickle.dumps({"train": {"audio": np.random.default_rng(0).bytes(1 << 21)}}, 2))
    assert open_pickle(path, generous).splits["train"].keys() == {"audio"}
    with pytest.raises(UserError, match="unpacks to more than a dataset of its size"):
        open_pickle(path, replace(generous, output=1 << 20))
    assert not list(scratch.iterdir())


def test_the_limits_do_not_stop_an_honest_file(tmp_path: Path, scratch: Path) -> None:
    content = make_mmsa(tmp_path / "honest.pkl")
    audio = open_pickle(tmp_path / "honest.pkl").splits["train"]["audio"]
    np.testing.assert_array_equal(audio, content["train"]["audio"])
    assert not list(scratch.iterdir())


def test_what_is_read_cannot_be_written_to(tmp_path: Path) -> None:
    make_mmsa(tmp_path / "honest.pkl")
    audio = open_pickle(tmp_path / "honest.pkl").splits["train"]["audio"]
    with pytest.raises(ValueError, match="read-only"):
        audio[0] = 1


def test_a_pipe_or_device_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(UserError, match=r"is (not a regular file|a folder); (save|give)"):
            open_pickle(path)
