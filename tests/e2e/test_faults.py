"""A user's mistake, or a machine's, is answered with one line that says what to do, and leaves nothing half-written."""

import os
import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from makers import make_mmsa
from makers_cli import SIZES, assignments, ended, files
from sentiprism.data.synthetic import synthetic_dataset

ROWS = [
    ("a", "v1", "0.5", "train"),
    ("b", "v1", "-1", "train"),
    ("c", "v2", "1", "valid"),
    ("d", "v3", "0", "test"),
]


def write_csv(folder: Path, rows: list[tuple[str, ...]], header: str = "id,video_id,label,split") -> Path:
    path = folder / "labels.csv"
    path.write_text("\n".join([header, *map(",".join, rows)]) + "\n", encoding="utf-8")
    return path


def changed(row: int, column: int, value: str) -> list[tuple[str, ...]]:
    rows = [list(line) for line in ROWS]
    rows[row][column] = value
    return [tuple(line) for line in rows]


@pytest.mark.parametrize(
    "words",
    [
        ("dataset", "add", "mosi", "--labels", "nowhere"),
        ("dataset", "add", "mosi", "--mmsa", "nowhere"),
        ("dataset", "add", "mosi", "--csd", "nowhere", "--folds", "nowhere"),
        ("train", "--experiment", "nowhere.yaml"),
        ("train", "--resume", "nowhere"),
        ("evaluate", "nowhere"),
        ("compare", "nowhere"),
    ],
)
def test_a_wrong_path(refused, words):
    assert "nowhere" in refused(*words)


@pytest.mark.parametrize(
    ("words", "cause", "remedy"),
    [
        (["train", "mdff", "--dataset", "tiny"], "'mdff'", "did you mean 'mdf'?"),
        (["train", "mdf", "--dataset", "tny"], "'tny'", "did you mean 'tiny'?"),
        (["train", "mdf", "--experiment", "mdf/jian2026_mosy"], "mosy", "did you mean 'mdf/jian2026_mosi'"),
        (["dataset", "show", "tny"], "'tny'", "did you mean 'tiny'?"),
        (["dataset", "remove", "tny"], "'tny'", "did you mean 'tiny'?"),
        (["evaluate", "rum"], "rum is not a run folder", "did you mean 'run'?"),
        (["evaluate", "run", "--split", "tets"], "'tets'", "did you mean 'test'?"),
        (["doctor", "--fetch", "minilmm"], "'minilmm'", "did you mean 'minilm'?"),
        (["train", "mdf", "--dataset", "tiny", "--device", "cud"], "'cud'", "cpu"),
        (["train", "mdf", "--dataset", "tiny", "--precision", "bf61"], "'bf61'", "did you mean 'bf16'?"),
        (["train"], "a run needs a model and a dataset", "for example"),
        (["train", "mdf", "--resume", "run"], "--resume", "give only --resume RUN"),
        (["train", "mdf", "--dataset", "tiny", "--out", "run"], "run exists already", "--resume"),
    ],
)
def test_a_wrong_name(refused, finished, words, cause, remedy):
    line = refused(*words)
    assert cause in line
    assert remedy in line


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("optim.epocs=3", "unknown key 'optim.epocs'.*did you mean 'epochs'\\?"),
        ("config.widht=8", "unknown key 'widht'.*did you mean 'width'\\?"),
        ("config.loss_weights.ww=0", "'ww'.*did you mean 'w'\\?"),
        ("optim.group_lr.defualt=0.1", "'defualt'.*did you mean 'default'\\?"),
        ("optim.select=maee", "'maee'.*did you mean 'mae'\\?"),
        ("optim.epochs=many", "optim.epochs.*'many'"),
        ("optim.epochs", "is not an assignment.*key=value"),
        ("config.modalities=[text, smell]", "modalities.*'smell'"),
    ],
)
def test_a_wrong_setting(refused, finished, setting, told):
    assert re.search(told, refused("train", "mdf", "--dataset", "tiny", "--set", setting))


def test_a_broken_experiment(refused, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("title: x\nrun: {model: mdf, dataset: [tiny}\n", encoding="utf-8")
    assert re.search(r"mine\.yaml cannot be read: .*line 2.*; fix the file", refused("train", "--experiment", path))
    path.write_text("title: x\nsource: y\nselection: z\nruns: {}\n", encoding="utf-8")
    assert "mine.yaml: unknown key 'runs'; did you mean 'run'?" in refused("train", "--experiment", path)
    path.write_text("title: x\nsource: y\nselection: z\nrun: {model: mdf}\n", encoding="utf-8")
    assert "'dataset' is missing; add it" in refused("train", "--experiment", path)
    for command in ("reproduce", "ablate"):
        line = refused(command, "mdf", "--experiment", path, "--table", "1")
        assert "mine.yaml: run does not name a dataset; add run.dataset" in line


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (ROWS[:3], "the test split is empty"),
        (changed(1, 2, "3.5"), r"'b': label M = 3\.5 is outside the range \[-3, 3\]"),
        (changed(1, 2, "nan"), "label of 'b' is 'nan'"),
        (changed(1, 2, "0,5"), "labels.csv"),
        (changed(1, 2, "high"), "label of 'b' is 'high'"),
        (changed(1, 0, "a"), "two utterances have the id 'a'"),
        (changed(3, 1, "v1"), "'d': video 'v1' is in the splits test and train"),
        (changed(3, 3, "tset"), "split of 'd' is 'tset'; did you mean 'test'?"),
    ],
)
def test_a_wrong_table(refused, tmp_path, rows, expected):
    assert re.search(expected, refused("dataset", "add", "mosi", "--labels", write_csv(tmp_path, rows)))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"id,label,split\na,1\n", "labels.csv line 2 has 2 cells, the first line 3"),
        (b"id,video_id,lable,split\na,v,1,train\n", "did you mean 'lable'?"),
        (b"id,video_id,label,split\n\xff\xfe,v,1,train\n", "labels.csv"),
        (b"", "labels.csv is empty"),
        (b"\x00\x01\x02", "labels.csv"),
    ],
)
def test_a_broken_table(refused, tmp_path, content, expected):
    (tmp_path / "labels.csv").write_bytes(content)
    assert expected in refused("dataset", "add", "mosi", "--labels", tmp_path / "labels.csv")


def test_a_label_range_of_ones_own_is_asked_for(refused, tmp_path):
    line = refused("dataset", "add", "mine", "--labels", write_csv(tmp_path, ROWS))
    assert "--low and --high" in line


def test_features_of_two_widths(refused, tmp_path):
    column = [[[1.0, 2.0]], [[1.0, 2.0, 3.0]], [[1.0, 2.0]], [[1.0, 2.0]]]
    pq.write_table(pa.table({"id": [row[0] for row in ROWS], "audio": column}), tmp_path / "audio.parquet")
    labels = write_csv(tmp_path, ROWS)
    line = refused("dataset", "add", "mosi", "--labels", labels, "--audio", tmp_path / "audio.parquet")
    assert "'b': audio has 3 features per step, earlier utterances 2" in line


def test_features_of_another_count(refused, tmp_path):
    np.savez(tmp_path / "audio.npz", id=np.array(["a", "b", "c"]), audio=np.ones((4, 2)))
    labels = write_csv(tmp_path, ROWS)
    line = refused("dataset", "add", "mosi", "--labels", labels, "--audio", tmp_path / "audio.npz")
    assert "audio.npz has 4 rows for 3 ids" in line


def test_columns_of_unequal_counts(refused, tmp_path):
    content = make_mmsa(tmp_path / "x.pkl")
    content["valid"]["vision"] = content["valid"]["vision"][:1]
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(content))
    line = refused("dataset", "add", "mosi", "--mmsa", tmp_path / "x.pkl")
    assert "2 entries under 'id' and 1 under 'vision'" in line


class Attack:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def test_a_pickle_that_runs_code(refused, tmp_path):
    marker, path = tmp_path / "marker", tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps({"train": Attack(marker)}))
    pickle.loads(path.read_bytes())
    assert marker.exists()  # the attack is a real one
    marker.unlink()
    line = refused("dataset", "add", "mosi", "--mmsa", path)
    assert "x.pkl" in line
    assert "system" in line
    assert not marker.exists()


def test_a_full_disk_while_importing(process, tmp_path, home):
    rows = [(f"{split}{n}", f"{split}{n}", "0", split) for split in ("train", "valid", "test") for n in range(40)]
    np.savez(tmp_path / "audio.npz", id=np.array([row[0] for row in rows]), audio=np.ones((120, 90), np.float32))
    words = ("dataset", "add", "mosi", "--labels", write_csv(tmp_path, rows), "--audio", tmp_path / "audio.npz")
    line = ended(process(*words, limit=10_000)).error
    assert "the disk is full: dataset 'mosi' was not stored; free some space" in line
    assert files(home) == set()
    assert ended(process(*words)).status == 0


def test_a_place_that_cannot_be_written(refused, finished, tmp_path):
    (tmp_path / "file").write_text("")
    line = refused("train", "mdf", "--dataset", "tiny", "--device", "cpu", "--out", "file/run")
    assert "file" in line
    assert "choose another place" in line


@pytest.mark.parametrize("words", [("evaluate", "run"), ("train", "--resume", "run"), ("compare", "run")])
def test_a_dataset_that_changed_since(refused, finished, words):
    synthetic_dataset("tiny", sizes=SIZES, seed=1)
    line = refused(*words, "--device", "cpu")
    assert "dataset tiny has changed since run" in line


def test_a_dataset_that_is_gone(refused, cli, finished):
    assert cli("dataset", "remove", "tiny").status == 0
    assert "no dataset is called 'tiny'" in refused("evaluate", "run")


def test_runs_of_two_datasets(finished, cli):
    synthetic_dataset("other", sizes=(20, 8, 8))
    words = ("train", "mdf", "--dataset", "other", "--device", "cpu", "--out", "two", *assignments())
    assert cli(*words).status == 0
    assert "compare runs of one dataset" in cli("compare", "run", "two").error


@pytest.mark.parametrize(
    ("damaged", "expected"),
    [
        ("run/run.yaml", "run.yaml"),
        ("run/environment.json", "environment.json is not text"),
        ("run/seed-1111/model/weights.safetensors", "weights.safetensors is damaged"),
        ("home/datasets/tiny/card.json", "import the dataset again"),
        ("home/datasets/tiny/test.arrow", "test.arrow is damaged"),
    ],
)
def test_a_damaged_file(refused, finished, tmp_path, damaged, expected):
    (tmp_path / damaged).write_bytes(b"\x00{")
    assert expected in refused("evaluate", "run", "--device", "cpu")


def test_a_missing_model(refused, finished):
    shutil.rmtree(finished / "seed-1112" / "model")
    assert "is not a saved model" in refused("evaluate", "run", "--device", "cpu")
