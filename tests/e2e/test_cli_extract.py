"""`sentiprism extract` as a user meets it."""

import json

import pytest

from makers_media import make_media, sine

pytest.importorskip("librosa", reason="librosa (extra media) is not installed")

TABLE = "id,video_id,text,label,split\na b's,one,so good,2,train\nß,two,so bad,-2,valid\nc,three,well,0,test\n"
RANGE = ("--low", -3, "--high", 3)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "labels.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "videos").mkdir()
    for n, name in enumerate(("a b's", "ß", "c")):
        make_media(tmp_path / "videos" / f"{name}.wav", samples=sine(0.5 + n / 4, 16000, 200))
    return tmp_path / "videos"


def test_recordings_become_a_dataset_that_can_be_trained_on(cli, folder):
    words = ("extract", folder, "--labels", "labels.csv", "--dataset", "mine", "--vision", "none", *RANGE)
    said = cli(*words)
    assert said.status == 0
    assert "62 features" in said.out
    assert said.err.splitlines()[-1] == "next: sentiprism train mdf --dataset mine"
    trained = cli("train", "ridge", "--dataset", "mine", "--set", "optim.epochs=1", "--set", "data.text.encoder=null")
    assert trained.status == 0
    assert "--replace" in cli(*words).error


def test_a_strict_run_stores_nothing_where_a_recording_fails(cli, folder, home):
    (folder / "c.wav").write_bytes(b"")
    words = ("extract", folder, "--labels", "labels.csv", "--dataset", "mine", "--vision", "none", "--strict", *RANGE)
    said = cli(*words)
    assert said.status == 2
    assert said.err.splitlines()[-1].startswith("error: 1 of 3 recordings failed: c: ")  # progress stands before it
    assert not (home / "datasets" / "mine").exists()


def test_the_extractors_are_listed_with_columns_and_units(cli, refused):
    listed = json.loads(cli("extractors", "--json").out)
    found = {one["name"]: one for one in listed["extractors"]}
    assert [found[name]["modality"] for name in ("speech", "face")] == ["audio", "vision"]
    assert {"name": "mel_00", "unit": "dB"} in found["speech"]["columns"]
    assert listed["cache"]["entries"] == 0
    shown = cli("extractors").out
    assert "action_units" in shown
    assert "cached features: 0 files" in shown
    assert "f0" in cli("extractors", "speech").out
    assert "did you mean 'speech'" in refused("extractors", "speach")
