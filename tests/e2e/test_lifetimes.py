"""However a command ends, in whatever it is doing, nothing of it lives on, and the same command makes the rest."""

import os
import pickle
import signal
import socket
from pathlib import Path

import pytest

from makers_media import grey, make_media, sine
from makers_processes import left, needs_proc

pytestmark = needs_proc


@pytest.fixture
def videos(tmp_path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in "abc":
        make_media(folder / f"{name}.avi", images=[grey(90)] * 60, samples=sine(2.0, 16_000))
    return folder


@pytest.fixture
def tones(tmp_path) -> Path:
    folder = tmp_path / "tones"
    folder.mkdir()
    for n in range(4):
        make_media(folder / f"{n}.wav", samples=sine(1.0 + n, 16_000))
    return folder


def reports(folder: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in folder.glob("*/analysis.json")}


def test_analyze_killed_in_decoding(begin, cli, tmp_path, videos, judge, face_landmarker):
    words = ("analyze", videos, "--model", judge, "--asr", "none", "--out")
    started = begin(*words, "out", "--jobs", 2)
    started.reach(lambda: started.child("_decode.child"))
    os.kill(started.pid, signal.SIGKILL)
    assert started.all_end() == -signal.SIGKILL
    assert list((tmp_path / "tmp").iterdir()) == []
    assert cli(*words, "out").status == cli(*words, "whole").status == 0
    assert reports(tmp_path / "out") == reports(tmp_path / "whole") != {}
    assert left(tmp_path) == []


def test_analyze_interrupted_at_its_terminal_before_its_processes_are_up(begin, tmp_path, tones, judge):
    started = begin("analyze", tones, "--model", judge, "--asr", "none", "--jobs", 2, terminal=True)
    started.reach(lambda: started.child("spawn_main"))
    started.press("\x03")
    assert started.all_end() == 130
    assert started.said()[-1].endswith("stopped; the same command analyses the rest; finished reports are kept")
    assert "Traceback" not in started.shown
    assert left(tmp_path) == []


def test_analyze_hung_up_between_recordings(begin, cli, tmp_path, tones, judge):
    words = ("analyze", tones, "--model", judge, "--asr", "none", "--out", "out")
    started = begin(*words, "--jobs", 2, terminal=True)
    started.reach(lambda: list((tmp_path / "out").glob("*/report.html")))
    started.hang_up()
    assert started.all_end() == 129
    assert left(tmp_path) == []
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*/report.html")}
    assert cli(*words).status == 0
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    assert len(reports(tmp_path / "out")) == 4


def test_analyze_terminated_in_recognition(begin, tmp_path, judge, whisper_base, two_cities):
    from sentiprism.assets.registry import fetch

    started = begin("analyze", fetch("two-cities") / "two_cities.wav", "--model", judge)
    started.reach(lambda: "libctranslate2" in Path(f"/proc/{started.pid}/maps").read_text())
    before = started.memory()
    started.reach(lambda: started.memory() > before + 100e6)  # the recogniser is loaded
    os.kill(started.pid, signal.SIGTERM)
    assert started.all_end() == 143
    assert started.said()[-1] == "stopped; the same command analyses the rest; finished reports are kept"
    assert left(tmp_path) == []
    assert not (tmp_path / "report").exists()


def test_analyze_interrupted_while_predicting(begin, tmp_path, minilm):
    (tmp_path / "review.txt").write_text("I love this film, though not its end. " * 1200)  # takes half a minute
    started = begin("analyze", "review.txt")
    started.reach(lambda: started.worked() > 6)
    os.kill(started.pid, signal.SIGINT)
    assert started.all_end() == 130
    assert started.said()[-1] == "stopped; the same command analyses the rest; finished reports are kept"
    assert "Traceback" not in started.shown
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "stage"),
    [(signal.SIGKILL, "spawn_main"), (signal.SIGKILL, "_decode.child"), (signal.SIGTERM, "look")],
)
def test_extract_resumes(begin, cli, tmp_path, tones, number, stage):
    lines = [f"{n},v{n},words,{n % 3},{split}" for n, split in enumerate(("train", "train", "valid", "test"))]
    (tmp_path / "labels.csv").write_text("\n".join(["id,video_id,text,label,split", *lines]))
    words = ("extract", tones, "--labels", "labels.csv", "--vision", "none", "--low", -3, "--high", 3, "--dataset")
    started = begin(*words, "mine", "--jobs", 2)
    started.reach(lambda: started.child(stage))
    os.kill(started.pid, number)
    assert started.all_end() == (143 if number == signal.SIGTERM else -number)
    assert list((tmp_path / "tmp").iterdir()) == []
    if number == signal.SIGTERM:
        assert started.said()[-1] == "stopped; the same command resumes; extracted features are kept"
        assert left(tmp_path) == []
    made = cli(*words, "mine", "--json"), cli(*words, "whole", "--json")
    assert [one.status for one in made] == [0, 0], made
    assert left(tmp_path) == []
    stored = [tmp_path / "home" / "datasets" / name / "train.arrow" for name in ("mine", "whole")]
    assert stored[0].read_bytes() == stored[1].read_bytes()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_an_import_leaves_no_reader_of_its_pickle(begin, tmp_path, number, status):
    slow = {"train": {"id": list(range(3_000_000))}}  # many seconds for a reader that runs nothing
    (tmp_path / "slow.pkl").write_bytes(pickle.dumps(slow, 4))
    started = begin("dataset", "add", "mosi", "--mmsa", "slow.pkl")
    started.reach(lambda: started.child("_pickle.child"))
    os.kill(started.pid, number)
    assert started.all_end() == status
    assert started.said() == ([] if number == signal.SIGKILL else ["stopped; run the same command again"])
    assert left(tmp_path) == []


def test_a_fetch_leaves_no_installer_and_no_half_of_a_file(begin, tmp_path, monkeypatch):
    from sentiprism.assets.pinned import ASSETS

    monkeypatch.delenv(ASSETS["two-cities"].variable, raising=False)  # other tests lend the files that are here
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes every connection and answers none
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        started = begin("doctor", "--fetch", "two-cities", PIP_INDEX_URL=address, PIP_CONFIG_FILE=os.devnull)
        started.reach(lambda: started.child("download"))
        os.kill(started.pid, signal.SIGINT)
        assert started.all_end() == 130
    assert started.said()[-1] == "stopped; run the same command again"
    assert left(tmp_path) == []
    assert not (tmp_path / "home" / "assets" / "two-cities").exists()
