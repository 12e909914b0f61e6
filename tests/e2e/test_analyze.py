"""`sentiprism analyze` on real clips, and on what is no recording."""

import csv
import json
import os
import shutil

import numpy as np
import pytest

from makers_analysis import features, saved_model
from makers_cli import files
from makers_media import grey, make_media, sine
from sentiprism.analysis.batch import analyze_all, run
from sentiprism.analysis.inputs import tasks
from sentiprism.analysis.options import Options
from sentiprism.analysis.pipeline import analyze
from sentiprism.errors import UserError
from sentiprism.report.analysis import Analysis

TALK = "mosi_Oz06ZWiO20M_6.mp4"


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judge")
    return saved_model(folder / "model", features(folder / "text"))


@pytest.fixture
def options(judge):
    return Options(model=str(judge), asr="none")


@pytest.fixture(scope="session")
def clips(shared_data, face_landmarker):
    return shared_data / "clips"


def refused(answer):
    """The last line, behind what may have been said of progress."""
    assert answer.status == 2, answer
    line = answer.err.splitlines()[-1]
    assert line.startswith("error: "), answer
    return line


def test_a_talking_face_with_its_timed_transcript(clips, tmp_path, home, options):
    said = tmp_path / "said.vtt"
    said.write_text("WEBVTT\n\n00:00.200 --> 00:03.500\nw1 um w2.\n\n00:04.500 --> 00:07.000\nw3 w4\n")
    found = analyze(clips / TALK, transcript=said, options=options)
    assert [one.text for one in found.utterances] == ["w1 um w2.", "w3 w4"]
    for one in found.utterances:
        assert one.present == ("text", "audio", "vision")
        assert one.base + sum(one.contributions.values()) == pytest.approx(one.estimate.value, abs=1e-4)
        assert all(word.contribution is not None for word in one.words)
        assert one.face == 1
    assert {curve.title for curve in found.curves} >= {"pitch", "smile"}
    assert found.windows
    assert found.notes == (
        "The model is not calibrated: its estimates have no interval, and weak ones may pass for firm.",
    )
    assert found.recording.transcript == "given, with times"
    assert Analysis.model_validate_json(found.to_json()) == found


def test_every_clip_has_a_report_and_what_is_missing_is_said(clips, tmp_path, cli, judge, face_landmarker):
    answer = cli("analyze", clips, "--model", judge, "--asr", "none", "--out", tmp_path / "out", "--strict")
    assert answer.status == 0, answer.err
    reports = {path.name: path for path in (tmp_path / "out").iterdir() if path.is_dir()}
    assert len(reports) == len(list(clips.iterdir()))
    assert (tmp_path / "out" / "index.html").is_file()
    found = {name: json.loads((path / "analysis.json").read_text()) for name, path in reports.items()}
    for name, path in reports.items():
        assert {file.name for file in path.iterdir()} == {"report.html", "analysis.json", "utterances.csv"}
        assert found[name]["utterances"], name
    assert "There is no picture: faces cannot be judged." in found["mosi_03bSnISJMiM_1"]["notes"]
    silent = found["pyfeat_single_face"]
    assert "No speech was found in the sound." in silent["notes"]
    assert all(one["present"] == ["vision"] for one in silent["utterances"])
    assert all(one["estimate"]["caution"] == ["rests on a face without speech"] for one in silent["utterances"])
    assert silent["summary"]["firm"] == 0
    assert "rests on a face without speech" in " ".join(answer.out.split())
    assert "Weak estimate" in (tmp_path / "out" / "index.html").read_text()


def test_a_picture_without_sound_and_without_a_face(tmp_path, home, options, face_landmarker):
    path = make_media(tmp_path / "grey.mp4", images=[grey(90)] * 20)
    found = analyze(path, options=options)
    assert found.utterances == ()
    assert found.summary.mean is None
    assert any("no sound" in note for note in found.notes)
    assert "No face was found in the picture." in found.notes
    assert "There is nothing in this recording that the model can judge." in found.notes


def test_a_text_is_analysed_like_a_talk(cli, tmp_path, judge):
    (tmp_path / "review.txt").write_text("w1 w2 w3. W4 w5!\n")
    answer = cli("analyze", tmp_path / "review.txt", "--model", judge, "--out", tmp_path / "out")
    assert answer.status == 0, answer.err
    assert "utterances" in answer.out
    assert answer.err == f"next: open {tmp_path / 'out' / 'report.html'}\n"
    found = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert [one["present"] for one in found["utterances"]] == [["text"], ["text"]]
    assert [one["estimate"]["caution"] for one in found["utterances"]] == [["rests on the words alone"]] * 2
    assert "2, of which 0 firm" in answer.out
    assert "(weak: rests on the words alone)" in answer.out
    assert found["recording"]["kind"] == "text"


def test_a_table_of_texts_is_one_report_with_a_row_an_utterance(cli, tmp_path, judge):
    (tmp_path / "reviews.csv").write_text("Number,Review\nx,w1 w2. W3!\ny,\nz," + "w4 " * 60 + "\n")
    words = ("analyze", "reviews.csv", "--model", judge, "--out", "out")
    assert "has no column 'text'; say which one has the texts: --column text=NAME" in refused(cli(*words))
    answer = cli(*words, "--column", "text=Review", "--column", "id=Number")
    assert answer.status == 0, answer.err
    found = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert [(one["id"], one["text"][:11]) for one in found["utterances"]] == [("x", "w1 w2. W3!"), ("z", "w4 w4 w4 w4")]
    assert found["windows"] == []
    assert found["summary"]["mean"] == pytest.approx(sum(one["estimate"]["value"] for one in found["utterances"]) / 2)
    assert "mean of the rows" in answer.out
    assert "1 row has no text." in found["notes"]
    assert "1 utterances have more words than the model reads (40): their ends are not judged." in found["notes"]
    with (tmp_path / "out" / "utterances.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["x", "z"]
    (tmp_path / "talk.txt").write_text("w1 w2\n")
    assert "--column goes with a table of texts" in refused(cli("analyze", "talk.txt", "--column", "text=Review"))


def test_a_folder_holds_videos_and_texts(cli, tmp_path, judge, tone):
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    shutil.copy(tone, mixed / "tone.wav")
    (mixed / "tone.srt").write_text("1\n00:00:00,100 --> 00:00:01,500\nw5 w6\n")
    (mixed / "review.txt").write_text("w1 w2 w3.\n")
    (mixed / "readme.pdf").touch()
    (mixed / "tab.csv").touch()
    answer = cli("analyze", mixed, "--model", judge, "--asr", "none", "--out", "out", "--strict")
    assert answer.status == 0, answer.err
    assert "2 files" in answer.out
    assert "readme.pdf, tab.csv (name it to analyse its rows)" in answer.out
    assert "<h1>2 files</h1>" in (tmp_path / "out" / "index.html").read_text()
    found = {name: json.loads((tmp_path / "out" / name / "analysis.json").read_text()) for name in ("tone", "review")}
    assert found["tone"]["recording"]["transcript"] == "given, with times"
    assert found["review"]["recording"]["kind"] == "text"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"tone", "review", "index.html"}
    assert answer.err.endswith("next: open out/index.html\n")


@pytest.fixture
def tone(tmp_path):
    return make_media(tmp_path / 'it\'s a "tone" ü.wav', samples=sine(2.0, 16_000))


def test_a_finished_report_is_kept_and_another_is_not_overwritten(tmp_path, home, options, tone):
    (task,) = tasks([tone], tmp_path / "out")
    first = run(task, options)
    written = (tmp_path / "out" / "analysis.json").stat().st_mtime_ns
    again = run(task, options)
    assert (first.kept, again.kept) == (False, True)
    assert again.analysis == first.analysis
    assert (tmp_path / "out" / "analysis.json").stat().st_mtime_ns == written
    other = options.model_copy(update={"longest": 9.0})
    with pytest.raises(UserError, match="holds another report: of another file, model or settings"):
        run(task, other)
    assert not run(task, other, replace=True).kept


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
    assert f"talk.mp4 {message}" in refused(answer)
    assert not (tmp_path / "out").exists()
    assert files(tmp_path) <= {"talk.mp4", *(name for name in files(tmp_path) if name.startswith("home/"))}


def test_a_place_that_cannot_be_written_is_said(cli, tmp_path, judge, tone):
    (tmp_path / "taken").write_text("a file")
    answer = cli("analyze", tone, "--model", judge, "--asr", "none", "--out", tmp_path / "taken")
    assert "taken" in refused(answer)
    assert (tmp_path / "taken").read_text() == "a file"
    assert "taken" in refused(cli("analyze", tone, "--model", judge, "--replace", "--out", tmp_path / "taken"))
    below = cli("analyze", tone, "--model", judge, "--asr", "none", "--out", tmp_path / "taken" / "out")
    assert "taken" in refused(below)


def test_only_a_report_is_ever_replaced(cli, tmp_path, judge, tone):
    words = ("analyze", tone, "--model", judge, "--asr", "none", "--out", tmp_path / "mine")
    assert cli(*words).status == 0
    (tmp_path / "mine" / "thesis.doc").write_text("dear")
    again = (*words, "--longest", "9", "--replace")
    assert "holds something else than a report" in refused(cli(*again))
    assert (tmp_path / "mine" / "thesis.doc").read_text() == "dear"
    (tmp_path / "mine" / "thesis.doc").unlink()
    assert cli(*again).status == 0


def test_a_place_is_tried_before_the_work(tmp_path, home, options, tone, monkeypatch):
    (tmp_path / "taken").write_text("a file")
    (task,) = tasks([tone], tmp_path / "taken" / "out")
    monkeypatch.setattr("sentiprism.analysis.batch.analyze", lambda *_, **__: pytest.fail("worked first"))
    with pytest.raises(UserError, match="is a file, and nothing can be written below it"):
        run(task, options)


def test_names_of_any_bytes_and_reports_among_the_recordings(cli, tmp_path, judge, tone):
    videos = tmp_path / "videos"
    (videos / "more").mkdir(parents=True)
    for name in (b"bad\xff.wav", b"-x [red]y[-red].wav", b"two\nlines.wav", b"more/two\nlines.wav"):
        shutil.copy(tone, os.fsencode(videos) + b"/" + name)
    words = ("analyze", videos, "--model", judge, "--asr", "none", "--out", videos, "--strict", "--json")
    first, again = cli(*words), cli(*words)
    assert first.status == again.status == 0, first.err
    assert len(json.loads(again.out)) == len(json.loads(first.out)) == 4
    page = (videos / "index.html").read_text()
    assert "bad\\udcff.wav" in page
    assert "two\\nlines.wav" in page


def test_a_fault_that_nobody_foresaw_costs_the_others_nothing(tmp_path, home, options, tone, monkeypatch):
    second = make_media(tmp_path / "second.wav", samples=sine(1.0, 16_000))

    def analyze_or_fail(path, **words):
        if path == second:
            raise RuntimeError("of a\nlibrary")
        return analyze(path, **words)

    monkeypatch.setattr("sentiprism.analysis.batch.analyze", analyze_or_fail)
    found = list(analyze_all(tasks([tone, second], tmp_path / "out"), options))
    assert found[0].reason is None
    assert found[1].reason.startswith("it met an unforeseen fault (RuntimeError: of a library)")
    with pytest.raises(RuntimeError):
        list(analyze_all(tasks([second], tmp_path / "alone"), options))


def test_where_the_sound_fails_the_faces_are_not_waited_for(tmp_path, home, options, face_landmarker, monkeypatch):
    path = make_media(tmp_path / "talk.avi", images=[grey(90)] * 3000, samples=sine(100.0, 16_000))
    looked = []

    def fail(*_: object, **__: object):
        raise UserError("no words", "give some")

    monkeypatch.setattr("sentiprism.analysis.pipeline.listen", fail)
    with pytest.raises(UserError, match="no words"):
        analyze(path, options=options, on=lambda part, share: looked.append(share) if part == "faces" else None)
    assert max(looked, default=0) < 1


def test_mistakes_are_answered_with_the_near_match(cli, tmp_path, judge, tone):
    assert "largest" in refused(cli("analyze", tone, "--model", judge, "--face", "biggest"))
    assert "there is no" in refused(cli("analyze", tmp_path / "talk.mp4"))
    assert "saved model" in refused(cli("analyze", tone, "--model", tmp_path))


def test_processes_side_by_side_say_the_same(tmp_path, home, options, tone):
    second = tmp_path / "second.wav"
    make_media(second, samples=np.concatenate([sine(1.0, 16_000), sine(1.0, 16_000, 200.0)]))
    one = list(analyze_all(tasks([tone, second], tmp_path / "one"), options))
    two = list(analyze_all(tasks([tone, second], tmp_path / "two"), options, jobs=2))
    key = lambda outcome: outcome.task.path.name  # noqa: E731
    for a, b in zip(sorted(one, key=key), sorted(two, key=key), strict=True):
        assert a.analysis == b.analysis


def test_two_runs_write_the_same_bytes(clips, cli, tmp_path, home, judge, tone):
    """Nothing is kept from one run to the other: features are made anew, by one process and by two."""
    talks = tmp_path / "talks"
    talks.mkdir()
    shutil.copy(clips / TALK, talks)
    shutil.copy(tone, talks / "tone.wav")
    (talks / "tone.srt").write_text("1\n00:00:00,100 --> 00:00:01,900\nw1 w2\n")
    written = []
    for jobs in (1, 1, 2):
        shutil.rmtree(home / "cache", ignore_errors=True)
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        words = ("--model", judge, "--asr", "none", "--transcript", talks, "--jobs", jobs, "--out", out)
        assert cli("analyze", talks, *words).status == 0
        written.append({path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()})
    assert len(written[0]) == 2 * 3 + 1
    assert written[0] == written[1] == written[2]


def test_what_is_stopped_says_how_the_work_resumes(cli, monkeypatch, tmp_path):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sentiprism.analysis.inputs.tasks", stop)
    answer = cli("analyze", tmp_path)
    assert answer.status == 130
    assert answer.err == "stopped; the same command analyses the rest; finished reports are kept\n"
