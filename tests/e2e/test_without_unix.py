"""Without the modules that Windows lacks everything works, with one warning where limits are missing."""

import json
import os

import pytest

from makers import make_mmsa
from makers_analysis import features, saved_model
from makers_cli import ended
from makers_hidden import hide
from makers_media import grey, make_media, sine

WARNING = "warning: this system cannot limit a process's memory and time: open only files that you trust"


@pytest.fixture
def hidden(process, tmp_path):
    """Runs a command with them hidden; returns what it printed, and what it said."""
    folder = hide(tmp_path / "hidden")

    def run(*words: object) -> tuple[str, list[str]]:
        path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
        answer = ended(process(*words, PYTHONPATH=path))
        assert answer.status == 0, answer
        return answer.out, answer.err.splitlines()

    return run


def test_recordings_are_analysed_side_by_side(hidden, tmp_path, face_landmarker):
    model = saved_model(tmp_path / "model", features(tmp_path / "text"))
    folder = tmp_path / "videos"
    folder.mkdir()
    make_media(folder / "a.avi", images=[grey(90)] * 30, samples=sine(1.0, 16_000))
    make_media(folder / "b.wav", samples=sine(1.0, 16_000))
    out, said = hidden("analyze", folder, "--model", model, "--asr", "none", "--out", "out", "--strict", "--jobs", 2)
    assert out.count("done") == 2
    assert said.count(WARNING) == 2  # once in each process that opens recordings


def test_features_are_extracted(hidden, tmp_path, home):
    (tmp_path / "videos").mkdir()
    for name in "abc":
        make_media(tmp_path / "videos" / f"{name}.wav", samples=sine(0.5, 16_000))
    table = "id,text,label,split\na,so good,2,train\nb,so bad,-2,valid\nc,well,0,test\n"
    (tmp_path / "labels.csv").write_text(table, encoding="utf-8")
    words = ("extract", "videos", "--labels", "labels.csv", "--dataset", "mine", "--vision", "none")
    out, said = hidden(*words, "--low", -3, "--high", 3, "--json")
    assert json.loads(out)["splits"]["train"]["utterances"] == 1
    assert said.count(WARNING) == 1


def test_a_pickle_is_imported(hidden, tmp_path, home):
    make_mmsa(tmp_path / "data.pkl")
    out, said = hidden("dataset", "add", "mine", "--mmsa", "data.pkl", "--low", -3, "--high", 3, "--json")
    assert json.loads(out)["splits"]["train"]["utterances"] == 6
    assert said.count(WARNING) == 1


def test_a_model_is_measured(hidden, tmp_path, home):
    words = ("bench", "ridge", "--encoder", "none", "--only", "real", "--steps", 1, "--rounds", 1, "--json")
    (cost,) = json.loads(hidden(*words)[0])["costs"]
    assert cost["error"] == ""
    assert cost["peak"] > 0  # Linux tells it elsewhere
