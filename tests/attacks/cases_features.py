"""Feature files beside a table, and folds."""

import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from attacks.cases_labels import LABELS, ROWS, WIDE, table
from makers_attacks import DEEP, Case, content, specials

IDS = np.array(["a", "b", "c"])


def features(name: str = "f.npz", **arrays: Any) -> Callable[[Path], object]:
    def made(here: Path) -> None:
        table(ROWS)(here)
        np.savez(here / name, **arrays)

    return made


def beside(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda here: (table(ROWS)(here), content(name, data)(here))


def npy(header: bytes) -> Callable[[Path], object]:
    return beside("f.npy", b"\x93NUMPY\x01\x00v\x00" + header.ljust(117) + b"\n")


def parquet(**columns: Any) -> Callable[[Path], object]:
    def made(here: Path) -> None:
        table(ROWS)(here)
        pq.write_table(pa.table(columns), here / "f.parquet")

    return made


def folds(data: str | bytes, name: str = "f.json") -> Callable[[Path], object]:
    def made(here: Path) -> None:
        content("t.csv", "id,video_id,text,label\na,v1,x,1\nb,v2,y,0\nc,v3,z,-1\n")(here)
        content(name, data)(here)

    return made


def bomb(here: Path) -> None:
    """An archive of a few hundred kilobytes that unpacks to half a gigabyte of zeros."""
    table(ROWS)(here)
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 40000, 1000), }"
    header += b" " * (118 - len(header) - 1) + b"\n"
    with zipfile.ZipFile(here / "f.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("id.npy", "w") as file:
            np.lib.format.write_array(file, IDS)
        with archive.open("audio.npy", "w", force_zip64=True) as file:
            file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
            for _ in range(480):
                file.write(bytes(10**6))


AUDIO = (*LABELS, "--audio", "f.npz")
NPY = (*LABELS, "--audio", "f.npy")
PETABYTES = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 100000000000000), }"
PARQUET = (*LABELS, "--audio", "f.parquet")
FOLDS = (*LABELS, "--folds", "f.json")
LENGTHS = {
    "lengths beyond the end": [1, 2, 3],
    "negative lengths": [-1, 2, 2],
    "lengths of another count": [1, 2],
}

CASES = [
    *specials("features", "f.npz", AUDIO, table(ROWS)),
    Case("features", "an unknown kind", (*LABELS, "--audio", "t.csv"), "'.csv'", table(ROWS)),
    Case("features", "random bytes", AUDIO, "f.npz", beside("f.npz", os.urandom(4096))),
    Case(
        "features",
        "cut short",
        AUDIO,
        "f.npz",
        lambda here: (features(id=IDS, audio=np.ones((3, 4)))(here), os.truncate(here / "f.npz", 300)),
    ),
    Case("features", "Python objects", AUDIO, "objects", features(id=IDS, audio=np.array([{}, [], 1], object))),
    Case("features", "no ids", AUDIO, "'id'", features(audio=np.ones((3, 4)))),
    Case("features", "ids of another count", AUDIO, "rows for", features(id=IDS[:2], audio=np.ones((3, 4)))),
    Case("features", "ids twice", AUDIO, "'a'|twice", features(id=np.array(["a", "a", "c"]), audio=np.ones((3, 4)))),
    Case("features", "width 0", AUDIO, "width|0 features", features(id=IDS, audio=np.ones((3, 0)))),
    Case(
        "features",
        "text in the place of numbers",
        AUDIO,
        "f.npz",
        features(id=IDS, audio=np.array([["x"], ["y"], ["z"]])),
    ),
    Case("features", "four dimensions", AUDIO, "shape", features(id=IDS, audio=np.ones((3, 2, 2, 2)))),
    Case("features", "complex numbers", AUDIO, "complex", features(id=IDS, audio=np.ones((3, 2), complex))),
    *(
        Case("features", name, AUDIO, "length", features(id=IDS, audio=np.ones((3, 2, 2)), lengths=np.array(lengths)))
        for name, lengths in LENGTHS.items()
    ),
    Case("features", "an archive that unpacks to half a gigabyte", AUDIO, "f.npz", bomb),
    Case("features", "a header that promises petabytes", NPY, "f.npy", npy(PETABYTES)),
    Case("features", "a header that is code", NPY, "f.npy", npy(b"__import__('os').system('touch bitten')")),
    Case("features", "Parquet that is none", PARQUET, "f.parquet", beside("f.parquet", b"PAR1" + bytes(500) + b"PAR1")),
    Case("features", "Parquet without ids", PARQUET, "'id'", parquet(x=[1.0, 2.0, 3.0])),
    Case("features", "Parquet without numbers", PARQUET, "number", parquet(id=["a", "b", "c"], x=["p", "q", "r"])),
    Case(
        "features",
        "Parquet of ragged steps",
        PARQUET,
        "width",
        parquet(id=["a", "b", "c"], audio=[[[1.0], [1.0, 2.0]], [[1.0]], [[1.0]]]),
    ),
    Case(
        "features",
        "Parquet of lists of texts",
        PARQUET,
        "f.parquet",
        parquet(id=["a", "b", "c"], audio=[["x"], ["y"], ["z"]]),
    ),
    Case(
        "features",
        "Parquet of lists in lists in lists",
        PARQUET,
        "f.parquet",
        parquet(id=["a", "b", "c"], audio=[[[[1.0]]], [[[1.0]]], [[[1.0]]]]),
    ),
    Case(
        "features",
        "Parquet with blank ids",
        PARQUET,
        "f.parquet|id",
        parquet(id=[None, "", "c"], audio=[[1.0], [1.0], [1.0]]),
    ),
    *specials("folds", "f.json", FOLDS, table(ROWS, "id,video_id,text,label,ignored\n")),
    Case("folds", "nested 100,000 deep", FOLDS, "nested", folds(DEEP)),
    Case("folds", "not JSON", FOLDS, "JSON", folds("{train: v1}")),
    Case("folds", "a number", FOLDS, "f.json", folds("3")),
    Case("folds", "a list", FOLDS, "f.json", folds('["v1", "v2"]')),
    Case(
        "folds", "splits of other names", FOLDS, "'trian'", folds('{"trian": ["v1"], "valid": ["v2"], "test": ["v3"]}')
    ),
    Case(
        "folds",
        "videos that are numbers in lists",
        FOLDS,
        "f.json",
        folds('{"train": [["v1"]], "valid": [{}], "test": [null]}'),
    ),
    Case(
        "folds", "a text in the place of videos", FOLDS, "f.json", folds('{"train": "v1", "valid": "v2", "test": "v3"}')
    ),
    Case(
        "folds",
        "a video in two splits",
        FOLDS,
        "'v1'",
        folds('{"train": ["v1"], "valid": ["v1", "v2"], "test": ["v3"]}'),
    ),
    Case(
        "folds",
        "none of the videos",
        FOLDS,
        "test|valid|train|video",
        folds('{"train": ["x"], "valid": ["y"], "test": ["z"]}'),
    ),
    Case("folds", "fold 0 of 5", (*LABELS, "--folds", "0/5"), "fold", folds("{}")),
    Case("folds", "fold 6 of 5", (*LABELS, "--folds", "6/5"), "fold", folds("{}")),
    Case("folds", "a billion folds", (*LABELS, "--folds", "1/1000000000"), "1000000000|fold|video", folds("{}")),
    Case("folds", "full-width digits", (*LABELS, "--folds", f"{WIDE[0]}/{WIDE[1]}"), "fold|no file", folds("{}")),
    Case("folds", "more folds than videos", (*LABELS, "--folds", "1/9"), "fold|video", folds("{}")),
]
