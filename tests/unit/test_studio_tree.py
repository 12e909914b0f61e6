"""Runs and reports below the workspace: what changes is seen at once, what does not is not read again."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from makers_files import counting_opens, settle
from makers_report import review
from sentiprism.files import remove_folder
from sentiprism.report.files import write_report
from sentiprism.studio import tree
from sentiprism.studio.folders import Folders


def content_of(number: int):
    return review(recording=review().recording.model_copy(update={"content": f"{number:064x}"}))


@pytest.fixture
def work(tmp_path, monkeypatch) -> Path:
    """A workspace whose folders are compared whole only once, so that a change is seen by what it changes."""
    monkeypatch.setattr(tree, "FRESH", 1e9)
    first = tmp_path / "work" / "reports" / "0"
    write_report(content_of(0), first)
    for number in range(1, 40):
        shutil.copytree(first, first.with_name(str(number)))
    (tmp_path / "work" / "runs" / "tried").mkdir(parents=True)
    settle(tmp_path / "work")
    return tmp_path / "work"


def names(folders: Folders) -> set[str]:
    return {one.name for one in folders.reports()}


def test_what_is_made_replaced_moved_or_removed_is_seen_at_once(work):
    folders = Folders(work)
    assert len(folders.reports()) == 40
    write_report(content_of(1), work / "new")
    assert "new" in names(folders)
    write_report(content_of(2), work / "new", replace=True)
    assert {one.content for one in folders.reports() if one.name == "new"} == {f"{2:064x}"}
    (work / "new").rename(work / "runs" / "tried" / "moved")
    assert {"new", "runs/tried/moved"} & names(folders) == {"runs/tried/moved"}
    remove_folder(work / "reports" / "7")
    assert "reports/7" not in names(folders)
    assert folders.report(folders.identifier(Path("reports/7"))) is None
    shutil.rmtree(work / "reports")
    assert names(folders) == {"runs/tried/moved"}
    write_report(content_of(3), work / "reports" / "7")
    assert folders.newest_reports()[f"{3:064x}"].name == "reports/7"


def test_two_changes_within_one_tick_of_the_file_system_are_both_seen(work):
    """Its clock is coarse: two changes of a folder may have the same time."""
    folders, reports = Folders(work), work / "reports"
    write_report(content_of(1), reports / "a")
    moment = reports.stat().st_mtime_ns
    assert "reports/a" in names(folders)
    write_report(content_of(2), reports / "b")
    os.utime(reports, ns=(moment, moment))
    assert "reports/b" in names(folders)


def test_a_change_inside_a_report_is_seen_when_everything_is_compared(work, monkeypatch):
    folders = Folders(work)
    assert len(folders.reports()) == 40
    (work / "reports" / "3" / "analysis.json").write_text("{}")
    assert len(folders.reports()) == 40
    folders.forget()
    assert len(folders.reports()) == 39
    monkeypatch.setattr(tree, "FRESH", 0.0)
    monkeypatch.setattr(tree, "EFFORT", 0)
    folders.forget()
    folders.reports()
    (work / "reports" / "4" / "report.html").unlink()
    assert len(folders.reports()) == 38


@pytest.mark.skipif(sys.platform == "win32", reason="the studio needs Linux or macOS")
def test_a_look_opens_no_file_and_one_new_report_costs_one(work):
    folders = Folders(work)
    folders.reports()
    with counting_opens(work) as opened:
        assert len(folders.reports()) == 40
    assert opened == []
    write_report(content_of(9), work / "new")
    with counting_opens(work) as opened:
        assert "new" in names(folders)
    assert {Path(one).relative_to(work).parts[0] for one in opened if one != str(work)} == {"new"}
    assert len(opened) <= 3, "the workspace, the new folder, its document"


def test_many_folders_are_not_asked_on_every_look(work, monkeypatch):
    monkeypatch.setattr(tree, "MOST_ASKED", 2)
    folders = Folders(work)
    folders.reports(), folders.reports()
    write_report(content_of(1), work / "new")
    assert "new" not in names(folders)
    folders.forget()
    assert "new" in names(folders)
