"""Padded arrays: which steps are real, what is missing, where splits come from, and files that lie."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sentiprism.data.importers.arrays import read_arrays
from sentiprism.data.importers.import_dataset import import_dataset
from sentiprism.data.importers.labels import LabelSpec
from sentiprism.data.importers.npz import open_npz
from sentiprism.data.importers.sources import ArraysSource
from sentiprism.errors import UserError

T = 5
SPANS = {"train": [(0, 5), (2, 5), (0, 3)], "valid": [(1, 4)], "test": [(0, 1), (4, 5)]}
"""Real steps of each utterance."""


def padded(spans: list[tuple[int, int]], width: int, seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).uniform(1, 2, (len(spans), T, width)).astype(np.float32)
    for row, (start, stop) in zip(values, spans, strict=True):
        row[:start] = row[stop:] = 0
    return values


def split_wise() -> dict[str, np.ndarray]:
    arrays = {}
    for seed, (split, spans) in enumerate(SPANS.items()):
        arrays |= {f"audio_{split}": padded(spans, 3, seed), f"video_{split}": padded(spans, 2, seed + 9)}
        arrays[f"y_{split}"] = np.linspace(1, 5, len(spans)).astype(np.float32)
    return arrays


def flat(side: str = "behind") -> dict[str, np.ndarray]:
    """Six utterances of three videos with stated lengths."""
    lengths = np.array([5, 1, 3, 2, 4, 5])
    spans = [(0, n) if side == "behind" else (T - n, T) for n in lengths.tolist()]
    words = np.array([f"w{n} x" for n in range(6)])
    names = np.array([f"v_{n // 2}_{n}" for n in range(6)])
    arrays = {"glove": padded(spans, 4, 0), "audio": padded(spans, 3, 1), "words": words, "id": names}
    return arrays | {"length": lengths, "label": np.arange(6.0) - 3}


def read(tmp_path: Path, arrays: dict, **options):
    np.savez(tmp_path / "a.npz", **arrays)
    notes: list[str] = []
    return list(read_arrays(tmp_path / "a.npz", notes=notes, **options)), notes


def test_zeros_at_both_ends_are_padding(tmp_path: Path) -> None:
    arrays = split_wise()
    rows, notes = read(tmp_path, arrays)
    assert [split for split, _ in rows] == ["train"] * 3 + ["valid"] + ["test"] * 2
    assert [u.id for _, u in rows] == ["train0", "train1", "train2", "valid0", "test0", "test1"]
    for (split, u), (start, stop) in zip(rows, [span for spans in SPANS.values() for span in spans], strict=True):
        row = int(u.id.removeprefix(split))
        np.testing.assert_array_equal(u.sequences["audio"], arrays[f"audio_{split}"][row, start:stop])
        np.testing.assert_array_equal(u.sequences["vision"], arrays[f"video_{split}"][row, start:stop])
        assert u.labels["M"] == arrays[f"y_{split}"][row]
    assert notes == [
        "a.npz: no video named, treated as a separate video, in 6 utterances",
        "a.npz: of 5 steps no length is stated, zeros in front cut as padding in 3 utterances",
        "a.npz: of 5 steps no length is stated, zeros behind cut as padding in 3 utterances",
    ]


def test_aligned_modalities_are_cut_alike_and_one_of_zeros_is_missing(tmp_path: Path) -> None:
    arrays = split_wise()
    arrays["video_train"][0, :2] = 0  # no face in view: real steps, since audio has them
    arrays["video_train"][1] = 0
    arrays["audio_train"][2, 1] = 0  # a pause
    del arrays["video_valid"]
    arrays["audio_test"][0] = arrays["video_test"][0] = 0
    (_, first), (_, second), (_, third), (_, valid), (_, none), _ = read(tmp_path, arrays)[0]
    assert first.sequences["vision"].shape == (5, 2)
    assert second.sequences.keys() == {"audio"}
    assert third.sequences["audio"].shape == (3, 3)
    assert valid.sequences.keys() == {"audio"}
    assert none.sequences == {}


def test_arrays_of_other_steps_are_cut_by_themselves(tmp_path: Path) -> None:
    arrays = split_wise()
    for split, spans in SPANS.items():
        arrays[f"text_{split}"] = np.pad(padded(spans, 4, 7), ((0, 0), (2, 1), (0, 0)))
        arrays[f"video_{split}"] = np.ones((len(spans), 6), np.float32)
    rows, _ = read(tmp_path, arrays)
    assert [len(u.sequences["text"]) for _, u in rows] == [len(u.sequences["audio"]) for _, u in rows]
    assert {u.sequences["vision"].shape for _, u in rows} == {(1, 6)}


@pytest.mark.parametrize("side", ["behind", "front"])
def test_stated_lengths_end_at_the_side_that_is_padded(tmp_path: Path, side: str) -> None:
    arrays = flat(side)
    rows, notes = read(tmp_path, arrays, folds="1/3")
    for n, (_, u) in enumerate(rows):
        length = arrays["length"][n]
        whole = arrays["glove"][n]
        np.testing.assert_array_equal(u.sequences["text"], whole[:length] if side == "behind" else whole[-length:])
        assert (u.text, u.id, u.video_id) == (f"w{n} x", f"v_{n // 2}_{n}", f"v_{n // 2}")
    assert notes == [
        "splits were made by this program: fold 1 of 3 by video is test, fold 2 valid",
        "a.npz: no video_id, the id up to its last '_' taken for it, in 6 utterances",
    ]


def test_what_is_no_number_is_set_to_zero_and_counted(home: Path, tmp_path: Path) -> None:
    arrays = split_wise()
    arrays["audio_train"][0, 0, 0], arrays["audio_train"][0, 4, 1] = np.nan, -np.inf
    np.savez(tmp_path / "a.npz", **arrays)
    dataset = import_dataset("mmmo", ArraysSource(tmp_path / "a.npz"))
    assert "audio: 1 NaN values set to 0" in dataset.card.warnings
    assert "audio: 1 infinite values set to 0" in dataset.card.warnings
    assert dataset.train.sequences["audio"].lengths.tolist() == [5, 3, 3]
    assert dataset.train.labels["M"].tolist() == [-2, 0, 2]
    assert dataset.card.source == "arrays a.npz"


def test_labels_may_be_names_of_classes(home: Path, tmp_path: Path) -> None:
    arrays = {key: value for key, value in split_wise().items() if key[0] != "y"}
    for split, spans in SPANS.items():
        arrays[f"labels_{split}"] = np.array(["good", "bad", "good"][: len(spans)])
    np.savez(tmp_path / "a.npz", **arrays)
    dataset = import_dataset("moods", ArraysSource(tmp_path / "a.npz"), labels=LabelSpec(classes=("bad", "good")))
    assert dataset.train.labels["M"].tolist() == [1, 0, 1]
    assert (dataset.card.protocol, dataset.card.target.classes) == ("binary", ("bad", "good"))
    with pytest.raises(UserError, match="a label is 'good'; did you mean 'goods'"):
        import_dataset("others", ArraysSource(tmp_path / "a.npz"), labels=LabelSpec(classes=("bad", "goods")))


def without(arrays: dict, *keys: str) -> dict:
    return {key: value for key, value in arrays.items() if key not in keys}


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        (without(split_wise(), "y_valid") | {"y_vlaid": np.ones(1)}, {}, "no array 'label_valid'"),
        (without(split_wise(), "y_train", "y_valid", "y_test") | {"labell": np.ones(3)}, {}, "did you mean 'labell'"),
        (split_wise(), {"folds": "1/5"}, "states its own splits; leave `folds` out"),
        (flat(), {}, "states no splits; give `folds`"),
        (flat() | {"text": np.ones((6, T, 2))}, {"folds": "1/3"}, "'glove' and 'text' for the same data"),
        (flat() | {"audio": np.ones((4, T, 2))}, {"folds": "1/3"}, r"audio has the shape \(4, 5, 2\) for 6 labels"),
        (flat() | {"audio": np.ones((6, T, 2, 2))}, {"folds": "1/3"}, r"audio holds float64 of shape"),
        (flat() | {"audio": np.ones((6, T, 2), complex)}, {"folds": "1/3"}, "audio holds complex128"),
        (flat() | {"length": np.array([6] * 6)}, {"folds": "1/3"}, "length is not a whole number from 0 to 5"),
        (flat() | {"length": np.array([1] * 6)}, {"folds": "1/3"}, "beyond the given lengths"),
        (flat() | {"label": np.array(["x"] * 6)}, {"folds": "1/3"}, "a label is 'x'; give numbers"),
        (flat() | {"label": np.ones((6, 2))}, {"folds": "1/3"}, "for 12 labels"),
        ({"label": np.array(1.0)}, {"folds": "1/3"}, r"label has the shape \(\)"),
        (flat() | {"words": np.arange(6)}, {"folds": "1/3"}, "words is of type int64; store strings"),
        (flat() | {"words": np.array([b"\xff"] * 6)}, {"folds": "1/3"}, "not ASCII"),
        (flat() | {"words": np.array(["x", None] * 3, object)}, {"folds": "1/3"}, "without Python objects"),
        (without(flat(), "id"), {"folds": "1/3"}, "does not name videos"),
    ],
)
def test_faulty_arrays_are_refused(tmp_path: Path, arrays: dict, options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path, arrays, **options)
    assert "\n" not in str(caught.value)


def test_unknown_arrays_are_noted_by_name(tmp_path: Path) -> None:
    _, notes = read(tmp_path, split_wise() | {"emotion_train": np.ones(3), "audio": np.ones(3)})
    assert notes[:1] == [
        "a.npz: arrays 'emotion_train', 'audio' are not known and not read",
    ]


def header(shape: str, descr: str = "'<f4'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


class Bomb:
    def __reduce__(self):
        return (open, ("/tmp/never-made-by-sentiprism", "w"))  # noqa: S108


@pytest.mark.parametrize(
    "member",
    [
        b"",
        b"no array at all",
        header("(4,)") + b"\0" * 7,
        header("(10**15,)"),
        header("(9000000000000000,)"),
        header("(-1,)"),
        header("(" * 400),
        header("(1,)", "'|O'") + pickle.dumps(Bomb()),
        b"\x93NUMPY\x09\x09garbage",
    ],
    ids=["empty", "text", "short", "code", "huge", "negative", "deep", "objects", "version"],
)
def test_members_that_lie_are_refused_in_one_line(tmp_path: Path, member: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("label.npy", member)
    with pytest.raises(UserError, match=r"a\.npz") as caught:
        list(read_arrays(tmp_path / "a.npz", folds="1/3"))
    assert "\n" not in str(caught.value)
    assert not Path("/tmp/never-made-by-sentiprism").exists()  # noqa: S108


def test_damaged_archives_are_refused_in_one_line(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, **split_wise())
    whole, rng = stream.getvalue(), np.random.default_rng(0)
    files = [b"", whole[:100], whole[:-30], pickle.dumps(split_wise()), b"PK\x03\x04" + b"\0" * 50]
    for place in rng.integers(0, len(whole), 60).tolist():
        files += [whole[:place] + bytes(rng.integers(0, 256, 20, np.uint8)) + whole[place + 20 :]]
    refusals = []
    for content in files:
        (tmp_path / "a.npz").write_bytes(content)
        try:
            list(read_arrays(tmp_path / "a.npz"))
        except UserError as error:
            refusals.append(str(error))
    assert len(refusals) >= len(files) // 2
    assert not any("\n" in refusal for refusal in refusals)
    with pytest.raises(UserError, match="no file"):
        list(read_arrays(tmp_path / "absent.npz"))


def test_an_archive_that_unpacks_to_far_more_than_it_is_gets_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(1 << 20))
    with open_npz(tmp_path / "a.npz") as archive:
        assert archive.read("x").shape == (1 << 20,)
    monkeypatch.setattr("sentiprism.data.importers.npz.ROOM", 1 << 20)
    with pytest.raises(UserError, match=r"unpacks to 0\.0 GB"), open_npz(tmp_path / "a.npz"):
        pass


def test_real_mmmo_lacks_text_in_train(home: Path, shared_data: Path) -> None:
    path = shared_data / "mmmo/seq20.npz"
    dataset = import_dataset("mmmo", ArraysSource(path))
    card = dataset.card
    assert card.widths == {"text": 300, "audio": 74, "vision": 36}
    assert {split: c.missing for split, c in card.splits.items()} == {
        "train": {"text": 220, "audio": 0, "vision": 0},
        "valid": {"text": 0, "audio": 0, "vision": 0},
        "test": {"text": 0, "audio": 0, "vision": 0},
    }
    assert not any("official" in warning for warning in card.warnings)
    with np.load(path) as file:
        real = file["audio_test"].any(axis=2) | file["video_test"].any(axis=2) | file["text_test"].any(axis=2)
        assert dataset.test.sequences["audio"].lengths.tolist() == [np.ptp(np.flatnonzero(row)) + 1 for row in real]
        np.testing.assert_array_equal(dataset.test.labels["M"], file["y_test"] - 3)
        steps = np.flatnonzero(real[7])
        np.testing.assert_array_equal(dataset.test.sequences["text"][7], file["text_test"][7, steps[0] : steps[-1] + 1])


def test_real_aligned_mosi_is_tested_once_over_its_folds(home: Path, shared_data: Path) -> None:
    path, tested, videos = shared_data / "mosi/valid_aligned.npz", [], []
    for fold in range(1, 6):
        dataset = import_dataset(
            f"fold_{fold}", ArraysSource(path, folds=f"{fold}/5"), labels=LabelSpec(low=-3, high=3)
        )
        sizes = [len(dataset.train), len(dataset.valid), len(dataset.test)]
        assert sum(sizes) == 229
        assert min(sizes) >= 43  # balanced: a fifth is 46
        assert not {*dataset.test.video_ids} & {*dataset.train.video_ids, *dataset.valid.video_ids}
        tested += dataset.test.ids.tolist()
        videos += sorted({*dataset.test.video_ids})
    with np.load(path) as file:
        assert sorted(tested) == sorted(file["id"].tolist())
        row = file["id"].tolist().index(tested[-1])
        assert dataset.test.texts is not None
        assert dataset.test.texts[-1] == file["words"][row]
        for key, name in (("text", "glove"), ("audio", "audio"), ("vision", "vision")):
            np.testing.assert_array_equal(dataset.test.sequences[key][-1], file[name][row, : file["length"][row]])
    assert len(set(videos)) == len(videos) == 10
