"""A table of labels is read as it stands, and features of any kind are joined to it."""

import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from makers_table import ROWS, table, without
from sentiprism.data.importers.import_dataset import import_dataset
from sentiprism.data.importers.labels import LabelSpec
from sentiprism.data.importers.sources import TableSource
from sentiprism.data.importers.table import read_table
from sentiprism.errors import UserError

IDS = ["a_1", "a_2", "b_1", "c_1"]
X = np.arange(8, dtype=np.float32).reshape(4, 2)
S = np.arange(24, dtype=np.float32).reshape(4, 3, 2)


def read(labels: Path, **features: Path):
    notes: list[str] = []
    return [(split, u) for split, u in read_table(labels, features=features, notes=notes)], notes


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    return table(tmp_path / "labels.csv")


def test_texts_are_taken_as_they_stand(labels: Path) -> None:
    rows, notes = read(labels)
    assert [split for split, _ in rows] == ["train", "train", "valid", "test"]
    assert [u.id for _, u in rows] == IDS
    assert [u.text for _, u in rows] == ['one, "two"\nthree', "007", None, "null"]
    assert [u.labels for _, u in rows] == [{"M": 1.5}, {"M": -3.0}, {"M": 0.0}, {"M": 0.2}]
    assert notes == []


def test_npz_is_joined_on_the_id_whatever_its_order(labels: Path, tmp_path: Path) -> None:
    order = [2, 0, 3, 1]
    np.savez(tmp_path / "f.npz", id=np.array(IDS)[order], audio=X[order])
    rows, _ = read(labels, audio=tmp_path / "f.npz")
    for n, (_, u) in enumerate(rows):
        np.testing.assert_array_equal(u.sequences["audio"], X[n : n + 1])


def test_npz_sequences_end_at_their_lengths(labels: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", id=IDS, covarep=S, length=[3, 1, 0, 2])
    rows, notes = read(labels, audio=tmp_path / "f.npz")
    assert [u.sequences["audio"].shape for _, u in rows] == [(3, 2), (1, 2), (0, 2), (2, 2)]
    np.testing.assert_array_equal(rows[3][1].sequences["audio"], S[3, :2])
    assert notes == ["f.npz: array 'covarep' is read as audio"]


def test_npy_follows_the_table(labels: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", S)
    rows, notes = read(labels, vision=tmp_path / "f.npy")
    np.testing.assert_array_equal(rows[1][1].sequences["vision"], S[1])
    assert len(notes) == 2


@pytest.mark.parametrize("kind", ["static list", "sequence", "fixed", "columns"])
def test_parquet_in_its_forms(labels: Path, tmp_path: Path, kind: str) -> None:
    order = [3, 2, 1, 0]
    ids = pa.array([IDS[n] for n in order])
    columns = {
        "static list": {"x": pa.array([X[n].tolist() for n in order])},
        "sequence": {"x": pa.array([S[n].tolist() for n in order])},
        "fixed": {"x": pa.FixedSizeListArray.from_arrays(X[order].reshape(-1), 2)},
        "columns": {"f0": X[order, 0], "f1": X[order, 1], "name": ["p", "q", "r", "s"]},
    }[kind]
    pq.write_table(pa.table({"id": ids, **columns}), tmp_path / "f.parquet")
    rows, notes = read(labels, audio=tmp_path / "f.parquet")
    for n, (_, u) in enumerate(rows):
        np.testing.assert_array_equal(u.sequences["audio"], S[n] if kind == "sequence" else X[n : n + 1])
    assert notes == (["f.parquet: column 'name' is not numeric and not read"] if kind == "columns" else [])


def test_ids_of_one_side_only_are_counted(labels: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", id=["a_1", "b_1", "z_9"], audio=X[:3])
    rows, notes = read(labels, audio=tmp_path / "f.npz")
    assert ["audio" in u.sequences for _, u in rows] == [True, False, True, False]
    assert notes == [
        "f.npz: 1 ids are not in labels.csv, not read",
        "f.npz: 2 utterances have no audio",
    ]


def test_no_common_id_is_refused(labels: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", id=["x", "y"], audio=X[:2])
    with pytest.raises(UserError, match="no id in common; make ids like 'x' and 'a_1' the same"):
        read(labels, audio=tmp_path / "f.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"audio": X}, "no array 'id'"),
        ({"id": IDS[:3], "audio": X}, "has 4 rows for 3 ids"),
        ({"id": IDS, "audio": S, "length": [1, 2]}, "has 2 lengths for 4 ids"),
        ({"id": IDS, "audio": S, "length": [1, 2, 3, 4]}, "lengths outside of 0 to 3"),
        ({"id": IDS, "glove": S, "covarep": S}, "no array 'audio'; rename the correct one: glove, covarep"),
        ({"id": IDS, "audio": np.array(["x"] * 4)}, "holds <U1"),
        ({"id": ["a_1", "a_1", "b_1", "c_1"], "audio": X}, "an id twice"),
        ({"id": np.array(IDS, object), "audio": X}, "without Python objects"),
        ({"id": IDS, "audio": np.array([X, X, X, {}], object)}, "without Python objects"),
    ],
)
def test_faulty_archives_are_refused(labels: Path, tmp_path: Path, arrays, message: str) -> None:
    np.savez(tmp_path / "f.npz", **arrays)
    with pytest.raises(UserError, match=message) as caught:
        read(labels, audio=tmp_path / "f.npz")
    assert "\n" not in str(caught.value)


def test_files_of_no_kind_are_refused(labels: Path, tmp_path: Path) -> None:
    (tmp_path / "f.pkl").write_bytes(b"")
    with pytest.raises(UserError, match=r"unknown kind '\.pkl'; use one of \.npz, \.npy, \.parquet"):
        read(labels, audio=tmp_path / "f.pkl")
    for suffix in (".npz", ".npy", ".parquet"):
        (tmp_path / f"g{suffix}").write_bytes(b"\x80\x04N.")
        with pytest.raises(UserError, match=r"cannot be read|is not a numpy array"):
            read(labels, audio=tmp_path / f"g{suffix}")
        with pytest.raises(UserError, match="no file"):
            read(labels, audio=tmp_path / f"absent{suffix}")
    with zipfile.ZipFile(tmp_path / "h.npz", "w") as archive:
        archive.writestr("id.npy", b"no array")
    with pytest.raises(UserError, match="'id' is not an array"):
        read(labels, audio=tmp_path / "h.npz")
    with pytest.raises(UserError, match="did you mean 'vision'"):
        read(labels, visions=tmp_path / "f.npz")


def test_video_comes_from_the_column_or_the_id(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no column 'video_id', and the id 'a_1' does not name its video"):
        read(table(tmp_path / "x.csv", without("video_id")))
    rows = [row | {"id": f"v{n}$_$3"} for n, row in enumerate(without("video_id"))]
    assert [u.video_id for _, u in read(table(tmp_path / "y.csv", rows))[0]] == ["v0", "v1", "v2", "v3"]


def test_a_missing_column_is_named_where_it_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no column 'label'"):
        read(table(tmp_path / "x.csv", without("label")))
    np.savez(tmp_path / "f.npz", id=IDS, audio=X)
    with pytest.raises(UserError, match="no column 'id'"):
        read(table(tmp_path / "x.csv", without("id")), audio=tmp_path / "f.npz")
    with pytest.raises(UserError, match="no column 'split'"):  # of a dataset that has official ones
        import_dataset("mosi", TableSource(table(tmp_path / "x.csv", without("split"))))


def test_a_text_and_a_label_are_enough(home: Path, tmp_path: Path) -> None:
    rows = [{"text": f"text {n}", "label": n % 7 - 3} for n in range(10)]
    card = import_dataset(
        "mine", TableSource(table(tmp_path / "reviews.csv", rows)), labels=LabelSpec(low=-3, high=3)
    ).card
    assert {name: split.utterances for name, split in card.splits.items()} == {"train": 7, "valid": 1, "test": 2}
    assert card.warnings[:3] == (
        "reviews.csv has no column 'id': its rows are numbered",
        "reviews.csv has no column 'video_id': each row is treated as a separate video",
        "splits were made by this program by video, 70/10/20, with seed 1111: 7 train, 1 valid, 2 test; a column "
        "'split' can give others",
    )
    rows, _ = read(table(tmp_path / "again.csv", rows))
    assert [u.id for _, u in rows] == [f"again-{n}" for n in range(1, 11)]


def test_unknown_columns_and_split_names(tmp_path: Path) -> None:
    _, notes = read(table(tmp_path / "x.csv", [row | {"mood": "x"} for row in ROWS]))
    assert notes == ["x.csv: column 'mood' is not known and not read"]
    with pytest.raises(UserError, match="split of 'a_1' is 'trian'; did you mean 'train'"):
        read(table(tmp_path / "y.csv", [ROWS[0] | {"split": "trian"}]))
    with pytest.raises(UserError, match="label of 'a_1' is 'good'; write a number"):
        read(table(tmp_path / "z.csv", [ROWS[0] | {"label": "good"}]))


def test_unimodal_labels(tmp_path: Path) -> None:
    rows, _ = read(table(tmp_path / "x.csv", [row | {"label_T": "1", "label_V": "-1"} for row in ROWS]))
    assert rows[0][1].labels == {"M": 1.5, "T": 1.0, "V": -1.0}


@pytest.mark.parametrize(
    "content", [b"", b"id,label\n\xff\xfe,1\n", b"id,id,label,split\nx,x,1,train\n", b"id,label,split\n"]
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"x\.csv") as caught:
        read(tmp_path / "x.csv")
    assert "\n" not in str(caught.value)


def test_real_mosi_joins_completely(home: Path, shared_data: Path) -> None:
    dataset = import_dataset(
        "mosi", TableSource(shared_data / "mosi/labels.csv", audio=shared_data / "mosi/audio_covarep73.npz")
    )
    assert (len(dataset.train), len(dataset.valid), len(dataset.test)) == (1284, 229, 686)
    assert dataset.card.widths == {"audio": 73}
    assert dataset.card.splits["train"].missing == {"audio": 0}
    assert sum(card.videos for card in dataset.card.splits.values()) == 93
    assert not any("official" in warning for warning in dataset.card.warnings)
    with np.load(shared_data / "mosi/audio_covarep73.npz") as file:
        expected = file["audio"][list(file["id"]).index(dataset.test.ids[5])]
    np.testing.assert_array_equal(dataset.test.sequences["audio"][5], np.nan_to_num(expected)[None])
