"""`sentiprism analyze` on what is no recording, and where something fails on the way."""

import shutil

import pytest

from makers_cli import files, last_error
from makers_media import grey, make_media, sine
from sentiprism.analysis.analyze import analyze
from sentiprism.analysis.batch import analyze_all
from sentiprism.analysis.inputs import find_inputs
from sentiprism.errors import UserError


def test_one_bad_file_costs_the_others_nothing(cli, tmp_path, judge, tone):
    videos = tmp_path / "videos"
    videos.mkdir()
    shutil.copy(tone, videos / "good.wav")
    (videos / "text.mp4").write_text("this is no video\n" * 50)
    (videos / "empty.mp4").write_bytes(b"")
    words = ("analyze", videos, "--model", judge, "--asr", "none", "--out", tmp_path / "out")
    answer = cli(*words)
    assert answer.status == 0, answer.err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"good", "index.html"}
    page = (tmp_path / "out" / "index.html").read_text()
    assert "text.mp4" in page
    assert "empty.mp4" in page
    strict = cli(*words, "--strict")
    assert strict.status == 2
    assert "2 of 3 recordings failed" in strict.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"plain words\n" * 99, "is a text file"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "is a playlist"),
    ],
)
def test_what_is_no_recording_is_one_line_and_leaves_nothing(cli, tmp_path, judge, content, message):
    path = tmp_path / "talk.mp4"
    path.write_bytes(content)
    answer = cli("analyze", path, "--model", judge, "--asr", "none", "--out", tmp_path / "out")
    assert f"talk.mp4 {message}" in last_error(answer)
    assert not (tmp_path / "out").exists()
    assert files(tmp_path) <= {"talk.mp4", *(name for name in files(tmp_path) if name.startswith("home/"))}


def test_a_fault_that_nobody_foresaw_costs_the_others_nothing(tmp_path, home, options, tone, monkeypatch):
    second = make_media(tmp_path / "second.wav", samples=sine(1.0, 16_000))

    def analyze_or_fail(path, **words):
        if path == second:
            raise RuntimeError("of a\nlibrary")
        return analyze(path, **words)

    monkeypatch.setattr("sentiprism.analysis.batch.analyze", analyze_or_fail)
    found = list(analyze_all(find_inputs([tone, second], tmp_path / "out"), options))
    assert found[0].reason is None
    assert found[1].reason.startswith("an unexpected error occurred (RuntimeError: of a library)")
    with pytest.raises(RuntimeError):
        list(analyze_all(find_inputs([second], tmp_path / "alone"), options))


def test_where_the_sound_fails_the_faces_are_not_waited_for(tmp_path, home, options, face_landmarker, monkeypatch):
    path = make_media(tmp_path / "talk.avi", images=[grey(90)] * 3000, samples=sine(100.0, 16_000))
    looked = []

    def fail(*_: object, **__: object):
        raise UserError("no words", "give some")

    monkeypatch.setattr("sentiprism.analysis.perceive.transcribe", fail)
    with pytest.raises(UserError, match="no words"):
        analyze(path, options=options, on=lambda part, share: looked.append(share) if part == "faces" else None)
    assert max(looked, default=0) < 1


def test_mistakes_are_answered_with_the_near_match(cli, tmp_path, judge, tone):
    assert "largest" in last_error(cli("analyze", tone, "--model", judge, "--face", "biggest"))
    assert "there is no" in last_error(cli("analyze", tmp_path / "talk.mp4"))
    assert "saved model" in last_error(cli("analyze", tone, "--model", tmp_path))


def test_what_is_stopped_says_how_the_work_resumes(cli, monkeypatch, tmp_path):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sentiprism.analysis.inputs.find_inputs", stop)
    answer = cli("analyze", tmp_path)
    assert answer.status == 130
    assert answer.err == "stopped; the same command analyses the rest; finished reports are kept\n"
