"""Which recordings are analysed, and where their reports go."""

import pytest

from sentiprism.analysis.batch import tasks
from sentiprism.errors import UserError


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    for name in ("a.mp4", "sub/a.mov", "b c's.wav", "notes.md", ".hidden.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def test_one_recording_has_the_folder_itself(videos, tmp_path):
    (one,) = tasks([videos / "a.mp4"], tmp_path / "out")
    assert one.folder == tmp_path / "out"


def test_a_folder_gives_a_report_each_under_names_of_their_own(videos, tmp_path):
    found = tasks([videos], tmp_path / "out")
    assert [one.path.name for one in found] == ["a.mp4", "b c's.wav", "a.mov"]
    names = [one.folder.name for one in found]
    assert names[:2] == ["a", "b-c-s"]
    assert names[2].startswith("a-")
    assert len(set(names)) == 3
    assert tasks([videos], tmp_path / "out") == found  # the same next time, so that finished ones are found


def test_a_folder_of_one_recording_is_a_folder_still(videos, tmp_path):
    (one,) = tasks([videos / "sub"], tmp_path / "out")
    assert one.folder == tmp_path / "out" / "a"


def test_transcripts_go_by_name(videos, tmp_path):
    said = tmp_path / "said"
    said.mkdir()
    (said / "a.srt").write_text("")
    found = tasks([videos], tmp_path / "out", said)
    assert [one.transcript and one.transcript.name for one in found] == ["a.srt", None, "a.srt"]
    with pytest.raises(UserError, match="one transcript for 3 recordings"):
        tasks([videos], tmp_path / "out", said / "a.srt")


def test_nothing_to_analyse_is_said(tmp_path):
    with pytest.raises(UserError, match="there is no"):
        tasks([tmp_path / "none.mp4"], tmp_path / "out")
    with pytest.raises(UserError, match="no recordings in"):
        tasks([tmp_path], tmp_path / "out")
