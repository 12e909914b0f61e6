"""Every door of the command line against inputs that nobody should trust: one line, nothing left, little spent."""

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from attacks import cases_features, cases_labels, cases_names, cases_recordings, cases_runs, cases_settings, cases_store
from makers_attacks import LINES, PEAK, WIDTH, everything, run
from makers_cli import train_tiny

PARTS = (cases_labels, cases_features, cases_store, cases_names, cases_settings, cases_runs, cases_recordings)
CASES = [case for part in PARTS for case in part.CASES]
SECURITY = Path(__file__).parents[2] / "SECURITY.md"


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """A finished run on a small stored dataset."""
    folder = tmp_path_factory.mktemp("trained")
    train_tiny(folder / "home", folder / "here" / "run", seeds=1)
    return folder


@pytest.mark.parametrize("case", CASES, ids=str)
def test_door(case, trained, tmp_path):
    here, home = (shutil.copytree(trained / name, tmp_path / name) for name in ("here", "home"))
    if case.make is not None:
        case.make(here)
    before = everything(here, home)
    ended = run(case.words, here, home, tmp_path / "log")
    said = ended.err if case.status else ended.out + ended.err
    assert ended.status == case.status, said[-2000:]
    assert re.search(case.says, said), said
    assert "Traceback" not in said
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", ended.out + ended.err)
    assert ended.peak < PEAK
    assert everything(tmp_path / "log" / "tmp").keys() == {str(tmp_path / "log" / "tmp")}
    if case.status:
        assert ended.out == ""
        assert ended.err.startswith("error: ")
        assert len(ended.err.splitlines()) == 1
        assert len(ended.err.replace(str(tmp_path), "")) <= WIDTH * LINES
        after = everything(here, home)
        assert {path: after.get(path) for path in before} == before
        kept = ("-valid.parquet", "-test.parquet", ".lock")  # predictions are whole, and of use to the next command
        assert not [path for path in after.keys() - before.keys() if not path.endswith(kept)]


def test_no_two_cases_are_one():
    names = Counter(map(str, CASES))
    assert [name for name, count in names.items() if count > 1] == []
    assert len(CASES) >= 250


def test_the_table_of_what_was_tried():
    """SECURITY.md tells how many inputs each door was tried with."""
    rows = dict(re.findall(r"^\| ([a-z, -]+) \| (\d+) \|", SECURITY.read_text(encoding="utf-8"), re.MULTILINE))
    assert {door: int(count) for door, count in rows.items()} == Counter(case.door for case in CASES)
