"""`sentiprism analyze` on real clips, texts and tables of texts."""

import csv
import json
import shutil

import numpy as np
import pytest

from makers_cli import last_error
from makers_media import grey, make_media, sine
from sentiprism.analysis.analyze import analyze
from sentiprism.analysis.batch import analyze_all
from sentiprism.analysis.inputs import find_inputs
from sentiprism.executors.processes import LocalProcesses
from sentiprism.report.analysis import Analysis

TALK = "mosi_Oz06ZWiO20M_6.mp4"


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
    assert found.notes == ("The model is not calibrated: its estimates have no interval, and weak ones may look firm.",)
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
    assert "There is no picture: faces cannot be analysed." in found["mosi_03bSnISJMiM_1"]["notes"]
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
    assert "There is nothing in this recording that the model can use." in found.notes


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


def test_exports_are_added_to_an_existing_report(cli, tmp_path, judge):
    (tmp_path / "review.txt").write_text("w1 w2 w3. W4 w5!\n")
    words = ("analyze", "review.txt", "--model", judge, "--out", "out", "--export")
    assert cli(*words, "srt").status == 0
    made = (tmp_path / "out" / "analysis.json").stat().st_mtime_ns
    again = cli(*words, "elan", "--export", "parquet")
    assert "already existed" in again.out
    assert (tmp_path / "out" / "analysis.json").stat().st_mtime_ns == made
    assert {"analysis.srt", "analysis.eaf", "measurements.parquet"} < {one.name for one in (tmp_path / "out").iterdir()}
    assert (tmp_path / "out" / "analysis.srt").read_text().count("-->") == 2
    assert "did you mean 'textgrid'" in last_error(cli(*words, "textgrids"))


def test_an_existing_report_can_hide_the_voice_and_show_it_again(cli, tmp_path, judge, tone, face_landmarker):
    words = ("analyze", tone, "--model", judge, "--asr", "none", "--out", "out")
    assert cli(*words).status == 0
    assert "<audio" in (tmp_path / "out" / "report.html").read_text()
    hidden = cli(*words, "--without", "voices")
    assert "already existed" in hidden.out
    assert "<audio" not in (tmp_path / "out" / "report.html").read_text()
    assert json.loads((tmp_path / "out" / "analysis.json").read_text())["details"]["report"] == {"without": ["voices"]}
    assert cli(*words).status == 0
    assert "<audio" in (tmp_path / "out" / "report.html").read_text()


def test_a_table_of_texts_is_one_report_with_a_row_an_utterance(cli, tmp_path, judge):
    (tmp_path / "reviews.csv").write_text("Number,Review\nx,w1 w2. W3!\ny,\nz," + "w4 " * 60 + "\n")
    words = ("analyze", "reviews.csv", "--model", judge, "--out", "out")
    assert "has no column 'text'; say which one has the texts: --column text=NAME" in last_error(cli(*words))
    answer = cli(*words, "--column", "text=Review", "--column", "id=Number")
    assert answer.status == 0, answer.err
    found = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert [(one["id"], one["text"][:11]) for one in found["utterances"]] == [("x", "w1 w2. W3!"), ("z", "w4 w4 w4 w4")]
    assert found["windows"] == []
    assert found["summary"]["mean"] == pytest.approx(sum(one["estimate"]["value"] for one in found["utterances"]) / 2)
    assert "mean of the rows" in answer.out
    assert "1 row has no text." in found["notes"]
    assert "1 utterances have more words than the model reads (40): their ends are ignored." in found["notes"]
    with (tmp_path / "out" / "utterances.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["x", "z"]
    (tmp_path / "talk.txt").write_text("w1 w2\n")
    assert "--column goes with a table of texts" in last_error(cli("analyze", "talk.txt", "--column", "text=Review"))


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
    assert "readme.pdf (neither a recording nor a text by its name), tab.csv (a table; name it to" in answer.out
    index = (tmp_path / "out" / "index.html").read_text()
    assert "<h1>2 files</h1>" in index
    assert '<dt dir="auto">readme.pdf</dt><dd>neither a recording nor a text by its name</dd>' in index
    assert '<dt dir="auto">tab.csv</dt><dd>a table; name it to analyse its rows</dd>' in index
    found = {name: json.loads((tmp_path / "out" / name / "analysis.json").read_text()) for name in ("tone", "review")}
    assert found["tone"]["recording"]["transcript"] == "given, with times"
    assert found["review"]["recording"]["kind"] == "text"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"tone", "review", "index.html"}
    assert answer.err.endswith("next: open out/index.html\n")
    told = json.loads(cli("analyze", mixed, "--model", judge, "--asr", "none", "--out", "out", "--json").out)
    assert {one["file"].rpartition("/")[2]: (one["status"], one["reason"]) for one in told} == {
        "review.txt": ("analysed", None),
        "tone.wav": ("analysed", None),
        "readme.pdf": ("skipped", "neither a recording nor a text by its name"),
        "tab.csv": ("skipped", "a table; name it to analyse its rows"),
    }
    assert {one["recording"]["kind"] for one in told if one["status"] == "analysed"} == {"audio", "text"}


def test_processes_side_by_side_say_the_same(tmp_path, home, options, tone):
    second = tmp_path / "second.wav"
    make_media(second, samples=np.concatenate([sine(1.0, 16_000), sine(1.0, 16_000, 200.0)]))
    one = list(analyze_all(find_inputs([tone, second], tmp_path / "one"), options))
    two = list(analyze_all(find_inputs([tone, second], tmp_path / "two"), options, executor=LocalProcesses(2)))
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
