import json
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from makers import make_csd
from sentiprism.data.importers.csd import read_csd
from sentiprism.data.importers.import_dataset import import_dataset
from sentiprism.data.importers.sources import CsdSource
from sentiprism.errors import UserError

SPANS = [(0.0, 2.0), (2.0, 3.0)]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Three videos of two segments; audio at 2 Hz counts half seconds; the words are at known times."""
    times = np.arange(6) * 0.5
    videos = ("v1", "v2", "v3")
    audio = {v: (np.arange(6.0)[:, None] + 10 * n, np.stack([times, times + 0.5], 1)) for n, v in enumerate(videos)}
    labels = {v: (np.array([[1.0, 9.0], [-2.0, 9.0]]), SPANS) for v in videos}
    words = {v: (np.array([[b"well"], [b"sp"], [b"done"]]), [(0, 1), (1, 1.5), (2.1, 2.3)]) for v in videos[:2]}
    folds = tmp_path / "folds.json"
    folds.write_text(json.dumps({"train": ["v1"], "dev": ["v2"], "test": ["v3"]}))
    return {
        "labels": make_csd(tmp_path / "labels.csd", "All Labels", labels),
        "audio": make_csd(tmp_path / "audio.csd", "COVAREP", audio),
        "words": make_csd(tmp_path / "words.csd", "words", words),
        "folds": folds,
    }


def test_steps_belong_to_the_segment_their_midpoint_lies_in(files: dict[str, Path]) -> None:
    rows = list(read_csd(**files))
    assert [(split, u.id, u.video_id, u.labels["M"]) for split, u in rows] == [
        ("train", "v1[0]", "v1", 1.0),
        ("train", "v1[1]", "v1", -2.0),
        ("valid", "v2[0]", "v2", 1.0),
        ("valid", "v2[1]", "v2", -2.0),
        ("test", "v3[0]", "v3", 1.0),
        ("test", "v3[1]", "v3", -2.0),
    ]
    assert [u.sequences["audio"][:, 0].tolist() for _, u in rows[:3]] == [[0, 1, 2, 3], [4, 5], [10, 11, 12, 13]]
    assert [u.text for _, u in rows] == ["well", "done", "well", "done", None, None]


def test_words_given_as_text_are_the_transcript(files: dict[str, Path]) -> None:
    rows = list(read_csd(labels=files["labels"], folds=files["folds"], text=files["words"]))
    assert [u.text for _, u in rows[:2]] == ["well", "done"]
    assert all(u.sequences == {} for _, u in rows)


def test_aligned_keys_are_segments(files: dict[str, Path], tmp_path: Path) -> None:
    labels = make_csd(
        tmp_path / "aligned.csd", "Labels", {f"v1[{n}]": (np.array([[n]]), SPANS[n : n + 1]) for n in range(2)}
    )
    vision = make_csd(tmp_path / "vision.csd", "FACET", {"v1[1]": (np.ones((4, 2)), np.zeros((4, 2)))})
    rows = [u for _, u in read_csd(labels=labels, folds=files["folds"], audio=files["audio"], vision=vision)]
    assert [u.id for u in rows] == ["v1[0]", "v1[1]"]
    assert [len(u.sequences["vision"]) for u in rows] == [0, 4]
    assert [u.sequences["audio"][:, 0].tolist() for u in rows] == [[0, 1, 2, 3], [4, 5]]


def test_folds_may_be_csv_and_differences_are_noted(files: dict[str, Path], tmp_path: Path) -> None:
    folds = tmp_path / "folds.csv"
    folds.write_text("video_id,split\nv1,train\nv2,valid\nv9,test\n")
    notes: list[str] = []
    assert len(list(read_csd(**files | {"folds": folds}, notes=notes))) == 4
    assert notes == [
        "labels.csd: 1 videos are in no split of folds.csv, not read",
        "folds.csv: 1 videos have no labels, for example v9",
    ]


def test_import_stores_it(home: Path, files: dict[str, Path]) -> None:
    dataset = import_dataset(
        "mosi", CsdSource(files["labels"], audio=files["audio"], words=files["words"], folds=files["folds"])
    )
    assert dataset.train.texts == ("well", "done")
    assert dataset.train.sequences["audio"].lengths.tolist() == [4, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "does not name splits"),
        ("{", "is not JSON"),
        ('{"trian": ["v1"]}', "did you mean 'train'"),
        ('{"train": ["v1"], "test": ["v1"]}', "'v1' is in train and test"),
        ('{"train": ["other"]}', "no video in common"),
    ],
)
def test_faulty_folds_are_refused(files: dict[str, Path], content: str, message: str) -> None:
    files["folds"].write_text(content)
    with pytest.raises(UserError, match=message):
        list(read_csd(**files))


def test_missing_h5py_names_the_extra(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UserError, match=r"pip install .*\[csd\]"):
        list(read_csd(**files))


def hostile(path: Path, kind: str) -> Path:
    secret = path.with_name("secret.csd")
    make_csd(secret, "secret", {"v1": (np.ones((6, 1)), np.zeros((6, 2)))})
    (path.with_name("secret.bin")).write_bytes(bytes(48))
    with h5py.File(path, "w") as file:
        data = file.create_group("root").create_group("data")
        if kind == "external link":
            data["v1"] = h5py.ExternalLink(str(secret), "/secret/data/v1")
            return path
        if kind == "soft link":
            data["v1"] = h5py.SoftLink("/elsewhere")
            return path
        entry = data.create_group("v1")
        entry["intervals"] = np.zeros((6, 2))
        if kind == "external storage":
            entry.create_dataset("features", (6, 1), "f8", external=[(str(path.with_name("secret.bin")), 0, 48)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((6, 1), "f8")
            layout[:] = h5py.VirtualSource(str(secret), "secret/data/v1/features", (6, 1))
            entry.create_virtual_dataset("features", layout)
        elif kind == "bomb":
            entry.create_dataset("features", (6, 1 << 40), "f8", chunks=(1, 1024))
        elif kind == "ragged":
            dataset = entry.create_dataset("features", (6, 1), h5py.vlen_dtype(np.float64))
            dataset[0, 0] = np.ones(3)
        elif kind == "reference":
            entry.create_dataset("features", (6, 1), h5py.ref_dtype)
        elif kind == "short":
            entry["features"] = np.ones((4, 1))
    return path


@pytest.mark.parametrize(
    "kind", ["external link", "soft link", "external storage", "virtual", "bomb", "ragged", "reference", "short"]
)
def test_hostile_hdf5_is_refused(files: dict[str, Path], tmp_path: Path, kind: str) -> None:
    files["audio"] = hostile(tmp_path / "hostile.csd", kind)
    with pytest.raises(UserError, match=r"hostile\.csd") as caught:
        list(read_csd(**files))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no HDF5 at all", b"\x89HDF\r\n\x1a\n" + bytes(200)])
def test_what_is_no_hdf5_is_refused(files: dict[str, Path], content: bytes) -> None:
    files["audio"].write_bytes(content)
    with pytest.raises(UserError, match=r"audio\.csd is (not an HDF5 file|empty)"):
        list(read_csd(**files))
