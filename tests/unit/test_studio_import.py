"""Datasets are imported from files that were added to the studio, as on the command line."""

import io
import json
import pickle

import numpy as np
import pytest

from makers import make_mmsa
from makers_studio import needs_unix, serving, work
from sentiprism.data.store import load_dataset
from sentiprism.errors import UserError
from sentiprism.studio.datasets import identify_dataset

pytestmark = needs_unix
TABLE = "key,Video,Words,Mood,split\n" + "".join(
    f"{split}{n},{split}{n % 2},words {n},{n - 1},{split}\n" for split in ("train", "dev", "test") for n in range(3)
)
COLUMNS = "id = key\nvideo_id = Video\n\ntext = Words\nlabel = Mood"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("studio")) as opened:
        yield opened


def add(server, name: str, content: bytes | str) -> str:
    body = content if isinstance(content, bytes) else content.encode()
    return json.loads(server.upload(name, body, X_File_For="data").body)["id"]


def archive(**arrays) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def test_a_table_with_features_is_imported_and_shown(server):
    labels = add(server, "my labels ü.csv", TABLE)
    names = np.array([line.partition(",")[0] for line in TABLE.splitlines()[1:]])
    audio = add(server, "audio.npz", archive(id=names, audio=np.ones((9, 4), np.float32)))
    page = server.get("/data/import").text
    assert "my labels ü.csv" in page
    for identifier in (labels, audio):
        assert f'value="{identifier}" selected' in page, "chosen by its kind and name"
    form = {"kind": "table", "name": "mine", "labels": labels, "audio": audio, "low": "-1", "high": "1"}
    refused = server.post("/data/import", {**form, "columns": "label Mood"})
    assert refused.status == 422
    assert "does not name a column" in refused.text
    assert 'value="mine"' in refused.text, "what was filled in is still there"
    job = work(server, server.post("/data/import", {**form, "columns": COLUMNS, "replace": "yes"}))
    made = load_dataset("mine")
    assert made.card.source == "labels my-labels.csv, audio audio.npz"
    assert made.valid.texts == ("words 0", "words 1", "words 2")
    assert made.train.labels["M"].tolist() == [-1.0, 0.0, 1.0]
    assert made.card.widths == {"audio": 4}
    page = server.get(f"/jobs/{job}").text
    assert f"/data/{identify_dataset('mine')}" in page
    assert "mine" in server.get("/data").text
    taken = server.post("/data/import", form)
    assert taken.status == 422
    assert "exists already" in taken.text


def test_a_pickle_and_arrays_are_imported(server, tmp_path):
    make_mmsa(tmp_path / "theirs.pkl")
    pickled = add(server, "unaligned.pkl", (tmp_path / "theirs.pkl").read_bytes())
    form = {"kind": "mmsa", "name": "theirs", "mmsa": pickled, "low": "-3", "high": "3"}
    work(server, server.post("/data/import", form))
    assert len(load_dataset("theirs").train) == 6
    names = np.arange(10).astype("U")
    content = archive(label=np.arange(10) % 3, audio=np.ones((10, 2, 3)), id=names, video_id=names)
    arrays = add(server, "seq.npz", content)
    form = {"kind": "arrays", "name": "moods", "arrays": arrays, "classes": "bad, neutral,good", "folds": "1/5"}
    work(server, server.post("/data/import", form))
    made = load_dataset("moods")
    assert made.card.target.classes == ("bad", "neutral", "good")
    assert made.card.fold == "1/5"


class Danger:
    """Writes a file where it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_a_pickle_that_would_run_something_fails_as_on_the_command_line(server, tmp_path):
    hostile = add(server, "bad.pkl", pickle.dumps({"train": Danger(tmp_path / "was here")}))
    sent = server.post("/data/import", {"kind": "mmsa", "name": "bad", "mmsa": hostile, "low": "0", "high": "1"})
    with pytest.raises(UserError, match=r"bad\.pkl"):
        work(server, sent)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "../x"}, "not usable as a folder name"),
        ({"name": "new", "low": ""}, "no lowest label"),
        ({"name": "new", "low": "one"}, "write a number"),
        ({"name": "new", "folds": "/etc/passwd"}, "write fold K of N"),
        ({"name": "new", "folds": "a/b"}, "write fold K of N"),
        ({"name": "new", "labels": ""}, "no file is chosen as table of labels"),
        ({"name": "new", "labels": "0123456789abcdef"}, "no file is chosen as table of labels"),
        ({"name": "new", "language": "klingon"}, "language"),
        ({"name": "new", "kind": "zip"}, "no kind of files is chosen"),
        ({"name": "mosi", "high": "9"}, "has labels on"),
    ],
)
def test_a_form_says_what_is_wrong_before_anything_is_read(server, change, words):
    form = {"kind": "table", "labels": add(server, "t.csv", TABLE), "low": "-1", "high": "1", **change}
    refused = server.post("/data/import", form)
    assert refused.status == 422
    assert words in refused.text.lower().replace("&#39;", "'") or words in refused.text


def test_files_are_removed_when_asked_and_what_was_removed_is_not_chosen(server):
    gone = add(server, "gone.csv", "label\n1\n")
    assert server.post("/data/files/delete", {"file": gone}).status == 303
    assert server.studio.data_files.get(gone) is None
    assert "gone.csv" not in server.get("/data/import").text
