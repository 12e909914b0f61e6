"""Where `sentiprism analyze` puts its reports, and what it leaves alone there."""

import json
import os
import shutil

import pytest

from makers_cli import last_error
from sentiprism.analysis.batch import analyze_one
from sentiprism.analysis.inputs import find_inputs
from sentiprism.errors import UserError


def test_a_finished_report_is_kept_and_another_is_not_overwritten(tmp_path, home, options, tone):
    (task,) = find_inputs([tone], tmp_path / "out")
    first = analyze_one(task, options)
    written = (tmp_path / "out" / "analysis.json").stat().st_mtime_ns
    again = analyze_one(task, options)
    assert (first.kept, again.kept) == (False, True)
    assert again.analysis == first.analysis
    assert (tmp_path / "out" / "analysis.json").stat().st_mtime_ns == written
    other = options.model_copy(update={"longest": 9.0})
    with pytest.raises(UserError, match="has another report: of another file, model or settings"):
        analyze_one(task, other)
    assert not analyze_one(task, other, replace=True).kept


def test_a_place_that_cannot_be_written_is_said(cli, tmp_path, judge, tone):
    (tmp_path / "taken").write_text("a file")
    answer = cli("analyze", tone, "--model", judge, "--asr", "none", "--out", tmp_path / "taken")
    assert "taken" in last_error(answer)
    assert (tmp_path / "taken").read_text() == "a file"
    assert "taken" in last_error(cli("analyze", tone, "--model", judge, "--replace", "--out", tmp_path / "taken"))
    below = cli("analyze", tone, "--model", judge, "--asr", "none", "--out", tmp_path / "taken" / "out")
    assert "taken" in last_error(below)


def test_only_a_report_is_ever_replaced(cli, tmp_path, judge, tone):
    words = ("analyze", tone, "--model", judge, "--asr", "none", "--out", tmp_path / "mine")
    assert cli(*words).status == 0
    (tmp_path / "mine" / "thesis.doc").write_text("dear")
    again = (*words, "--longest", "9", "--replace")
    assert "has other contents than a report" in last_error(cli(*again))
    assert (tmp_path / "mine" / "thesis.doc").read_text() == "dear"
    (tmp_path / "mine" / "thesis.doc").unlink()
    assert cli(*again).status == 0


def test_a_place_is_tried_before_the_work(tmp_path, home, options, tone, monkeypatch):
    (tmp_path / "taken").write_text("a file")
    (task,) = find_inputs([tone], tmp_path / "taken" / "out")
    monkeypatch.setattr("sentiprism.analysis.batch.analyze", lambda *_, **__: pytest.fail("worked first"))
    with pytest.raises(UserError, match="is a file, and nothing can be written below it"):
        analyze_one(task, options)


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
