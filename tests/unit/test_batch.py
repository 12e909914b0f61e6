"""Which recordings are analysed, and where their reports go."""

import os

import pytest

from makers_analysis import features, saved_model
from sentiprism import machine
from sentiprism.analysis.batch import _key, analyze_all
from sentiprism.analysis.inputs import AnalysisTask, find_inputs, find_left_out, skip_reason
from sentiprism.analysis.options import Options
from sentiprism.analysis.predictor import load_predictor
from sentiprism.analysis.recording import ExtractOptions
from sentiprism.errors import UserError
from sentiprism.executors.processes import LocalProcesses


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    for name in ("a.mp4", "sub/a.mov", "b c's.wav", "notes.md", ".hidden.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def test_one_recording_has_the_folder_itself(videos, tmp_path):
    (one,) = find_inputs([videos / "a.mp4"], tmp_path / "out")
    assert one.folder == tmp_path / "out"


def test_a_folder_gives_a_report_each_under_names_of_their_own(videos, tmp_path):
    found = find_inputs([videos], tmp_path / "out")
    assert [one.path.name for one in found] == ["a.mp4", "b c's.wav", "a.mov"]
    names = [one.folder.name for one in found]
    assert names[:2] == ["a", "b-c-s"]
    assert names[2].startswith("a-")
    assert len(set(names)) == 3
    assert find_inputs([videos], tmp_path / "out") == found  # the same next time, so that finished ones are found


def test_a_folder_of_one_recording_is_a_folder_still(videos, tmp_path):
    (one,) = find_inputs([videos / "sub"], tmp_path / "out")
    assert one.folder == tmp_path / "out" / "a"


def test_transcripts_go_by_name(videos, tmp_path):
    said = tmp_path / "said"
    said.mkdir()
    (said / "a.srt").write_text("")
    found = find_inputs([videos], tmp_path / "out", said)
    assert [one.transcript and one.transcript.name for one in found] == ["a.srt", None, "a.srt"]
    with pytest.raises(UserError, match="one transcript for 3 recordings"):
        find_inputs([videos], tmp_path / "out", said / "a.srt")


def test_nothing_to_analyse_is_said(tmp_path):
    with pytest.raises(UserError, match="there is no"):
        find_inputs([tmp_path / "none.mp4"], tmp_path / "out")
    with pytest.raises(UserError, match="no recordings or texts in"):
        find_inputs([tmp_path], tmp_path / "out")


def touched(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_reports_and_what_is_hidden_are_no_recordings(tmp_path):
    touched(tmp_path / "a.mp4", tmp_path / "b" / "c.WAV", tmp_path / "notes.md", tmp_path / ".hidden.mp4")
    touched(tmp_path / "r" / "report.html", tmp_path / "r" / "analysis.json", tmp_path / "r" / "recording.mp4")
    touched(tmp_path / ".a.tmp-12345678" / "recording.mp4")
    found = find_inputs([tmp_path, tmp_path / "a.mp4"], tmp_path)
    assert [(task.path, task.folder) for task in found] == [
        (tmp_path / "a.mp4", tmp_path / "a"), (tmp_path / "b" / "c.WAV", tmp_path / "c"),
    ]  # fmt: skip
    with pytest.raises(UserError, match="no recordings or texts in"):
        find_inputs([tmp_path / "r"], tmp_path)


def test_a_folder_may_hold_all_kinds_and_a_transcript_belongs_to_the_recording_of_its_name(tmp_path):
    names = ("a.mp4", "a.txt", "a.srt", "b.wav", "b.json", "c.TXT", "d.vtt", "e.json", "labels.csv", "sub/a.txt")
    touched(*(tmp_path / "in" / name for name in names))
    found = {
        task.path.relative_to(tmp_path / "in").as_posix(): task
        for task in find_inputs([tmp_path / "in"], tmp_path / "o")
    }
    assert list(found) == ["a.mp4", "b.wav", "c.TXT", "d.vtt", "sub/a.txt"]
    said = {name: task.transcript and task.transcript.name for name, task in found.items()}
    assert said == {"a.mp4": "a.srt", "b.wav": "b.json", "c.TXT": None, "d.vtt": None, "sub/a.txt": None}
    touched(tmp_path / "said" / "a.vtt")
    given = find_inputs([tmp_path / "in"], tmp_path / "o", tmp_path / "said")
    assert [task.transcript and task.transcript.name for task in given][:2] == ["a.vtt", "b.json"]
    (alone,) = find_inputs([tmp_path / "in" / "a.mp4"], tmp_path / "o")
    assert alone.transcript is None  # what is named alone is given its transcript by name
    (table,) = find_inputs([tmp_path / "in" / "labels.csv"], tmp_path / "o")
    assert table.is_text


def test_what_is_left_out_of_a_folder_is_known(tmp_path):
    names = ("a.mp4", "a.srt", "a.txt", "c.txt", "e.json", "tab.csv", "readme.pdf", ".hidden", "sub/b.CSV")
    touched(*(tmp_path / name for name in names))
    found = [path.relative_to(tmp_path).as_posix() for path in find_left_out([tmp_path])]
    assert found == ["e.json", "readme.pdf", "sub/b.CSV", "tab.csv"]
    assert tmp_path / "tab.csv" not in find_left_out([tmp_path, tmp_path / "tab.csv"])
    assert find_left_out([tmp_path / "a.mp4"]) == []
    assert [skip_reason(tmp_path / name) for name in found] == [
        "JSON may be anything; name it to analyse its words",
        "neither a recording nor a text by its name",
        *["a table; name it to analyse its rows"] * 2,
    ]
    with pytest.raises(UserError, match=r"no recordings or texts in .*; name the table to analyse its rows: .*b\.CSV"):
        find_inputs([tmp_path / "sub"], tmp_path / "out")


def test_the_folder_one_is_in_is_no_place_for_a_report(tmp_path, monkeypatch):
    touched(tmp_path / "a.mp4")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(UserError, match="is the one you are in"):
        find_inputs([tmp_path / "a.mp4"], tmp_path.relative_to(tmp_path))


def test_a_transcript_that_fits_nothing_is_not_passed_over(tmp_path):
    touched(tmp_path / "v" / "a.mp4", tmp_path / "v" / "b.mp4", tmp_path / "t" / "c.srt")
    for given, message in (("t", "no transcript in"), ("t/c.srt", "is one transcript for 2"), ("u", "there is no")):
        with pytest.raises(UserError, match=message):
            find_inputs([tmp_path / "v"], tmp_path / "out", tmp_path / given)
    touched(tmp_path / "t" / "a.txt", tmp_path / "t" / "a.srt")
    one, other = find_inputs([tmp_path / "v"], tmp_path / "out", tmp_path / "t")
    assert (one.transcript, other.transcript) == (tmp_path / "t" / "a.srt", None)


def test_a_page_of_somebody_else_is_not_overwritten(tmp_path):
    touched(tmp_path / "v" / "a.mp4")
    (tmp_path / "v" / "index.html").write_text("<title>My holidays</title>")
    with pytest.raises(UserError, match="is not a page of this program"):
        find_inputs([tmp_path / "v"], tmp_path / "v")


def test_a_folder_that_cannot_be_read_is_said(tmp_path, monkeypatch):
    touched(tmp_path / "v" / "a.mp4")

    def scandir(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(UserError, match=r"the folder .*v cannot be read \(Permission denied\)"):
        find_inputs([tmp_path / "v"], tmp_path / "out")


def test_a_model_that_was_trained_again_in_its_place_is_loaded_anew(videos, tmp_path):
    model, given = tmp_path / "model", features(tmp_path / "text")
    options, task = Options(model=str(saved_model(model, given))), AnalysisTask(videos / "a.mp4", tmp_path / "out")
    before, key = load_predictor(str(model)), _key(task, options)
    assert load_predictor(str(model)) is before
    assert _key(task, options) == key
    saved_model(model, given, "text_only")
    assert load_predictor(str(model)).model.name == "text_only"
    assert _key(task, options) != key


def test_a_process_that_sees_recordings_needs_more_memory_than_one_of_texts(tmp_path, monkeypatch):
    """1 GB against 0.3: of 4 GB, four recordings or thirteen texts are analysed at once."""
    monkeypatch.setattr(machine, "memory", lambda: 4_000_000_000)
    touched(tmp_path / "a.mp4", tmp_path / "b.txt")
    recording, text = (find_inputs([tmp_path / name], tmp_path / "out") for name in ("a.mp4", "b.txt"))
    options = Options(model=str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"^5 processes at once need 5\.0 GB of memory; use 1 to 4"):
        next(analyze_all([*recording, *text], options, executor=LocalProcesses(5)))
    with pytest.raises(UserError, match="nowhere is not a saved model"):
        next(analyze_all(text, options, executor=LocalProcesses(5)))
    assert ExtractOptions().memory == ExtractOptions(vision="none", text="recognised").memory == machine.RECORDING
    assert ExtractOptions(vision="none").memory == machine.JOB
