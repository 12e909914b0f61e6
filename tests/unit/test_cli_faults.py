"""Whatever a command fails by is one line of at most three lines of a terminal, and a status that says whose fault."""

import errno
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from makers_hostile_text import controls
from sentiprism.cli.faults import KEPT, fail
from sentiprism.cli.main import main
from sentiprism.errors import UserError


@pytest.fixture
def failed(home, monkeypatch, capsys):
    """Fails by an error; the status and the one line."""
    monkeypatch.setenv("COLUMNS", "80")

    def by(error: Exception) -> tuple[int, str]:
        try:
            raise error
        except Exception as caught:
            status = fail(caught)
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("error: ")
        assert len(lines[0]) <= 240
        assert controls(lines[0]) == []
        return status, lines[0]

    return by


def test_a_users_error_is_short_whatever_it_names(failed):
    assert failed(UserError("a", "b")) == (2, "error: a; b")
    status, line = failed(UserError("c" * 150_000, "r" * 150_000))
    assert status == 2
    assert line.startswith("error: ccc")
    assert line.endswith("rrr")
    assert failed(UserError("`oracle` is for test", "give `columns` a=b"))[1].endswith(
        "--oracle is for test; give --column a=b"
    )
    assert "leave it out" in failed(UserError("\x1b[31m" + "c" * 1000, "leave it out"))[1]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "full", "a/b"), "No space left on device: a/b; free some space there"),
        (OSError(errno.ENOSPC, "full"), "No space left on device; free some space there"),
        (PermissionError(errno.EACCES, "no", b"a\xff"), "Permission denied: a\\udcff; choose another place"),
        (FileExistsError(errno.EEXIST, "there", "a"), "File exists: a; choose another place"),
        (OSError(errno.EIO, "broken", 3), "Input/output error: 3; check the path and the disk"),
        (MemoryError(), "there is not enough memory; lower optim.batch_size"),
        (
            RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 80000 bytes."
            ),
            "there is not enough memory (it asked for 80000 bytes); lower optim.batch_size",
        ),
    ],
)
def test_what_the_system_refuses_is_the_users_to_fix(failed, error, line):
    status, said = failed(error)
    assert status == 2
    assert said.startswith(f"error: {line}")


def test_a_fault_of_ours_keeps_its_traceback_in_a_file(failed, home):
    status, line = failed(KeyError("a\nb\x1b[31m" + "c" * 500))
    assert status == 1
    assert line.startswith("error: unexpected error (KeyError: ")
    (path,) = (home / "faults").iterdir()
    assert line.endswith(f"report it with {path}")
    story = path.read_text(encoding="utf-8")
    assert "Traceback" in story
    assert "KeyError" in story
    assert controls(story) == []


def test_old_tracebacks_go(failed, home):
    (home / "faults").mkdir(parents=True)
    for n in range(KEPT + 5):
        (home / "faults" / f"20200101-{n:06d}-1.txt").touch()
    failed(OSError("nothing that the system says"))
    left = sorted(path.name for path in (home / "faults").iterdir())
    assert len(left) == KEPT
    assert left[0] == "20200101-000006-1.txt"
    assert not left[-1].startswith("2020")


def test_a_traceback_that_cannot_be_kept_is_shown(home, capsys):
    home.write_text("a file where the folder should be")
    assert fail(ValueError("x")) == 1
    said = capsys.readouterr().err
    assert "ValueError: x" in said
    assert said.splitlines()[-1] == "error: unexpected error (ValueError: x); report it with the traceback above"


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_closed_stream_is_no_fault(closed, home, monkeypatch, capsys):
    monkeypatch.setattr(sys, closed, None)
    monkeypatch.setattr(sys, "argv", ["sentiprism", "dataset", "list"])
    assert main() == 0
    monkeypatch.setattr(sys, "argv", ["sentiprism", "evaluate", "nowhere"])
    assert main() == 2
    assert not (home / "faults").exists()


def test_a_full_disk_behind_stdout_is_one_line(home, monkeypatch, capsys):
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        monkeypatch.setattr(sys, "argv", ["sentiprism", "--version"])
        assert main() == 2
        assert capsys.readouterr().err == "error: No space left on device; free some space there\n"
        monkeypatch.undo()
        with suppress(OSError):
            full.close()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["modles"], "there is no command 'modles'; did you mean 'models' or 'modalities'? See: sentiprism --help"),
        (["xyzzy"], "there is no command 'xyzzy'; see: sentiprism --help"),
        (["\x1b[31m"], "there is no command '\\x1b[31m'; see: sentiprism --help"),
        (["dataset", "ad"], "there is no command 'ad'; did you mean 'add'"),
        (["train", "--datset", "mosi"], "there is no option --datset; did you mean '--dataset' or '--set'? See:"),
        (["train", "--zzzz"], "there is no option --zzzz; see: sentiprism train --help"),
        (["train", "--seeds", "none"], "--seeds should be a whole number (it is 'none'); see: sentiprism train --help"),
        (["train", "--seeds", "0"], "--seeds should be at least 1 (it is '0'); see:"),
        (["train", "--seeds"], "option '--seeds' requires an argument; see: sentiprism --help"),
        (["evaluate"], "missing argument 'RUN'; see: sentiprism evaluate --help"),
        (["evaluate", "-odd"], "'-odd' is read as an option; write the path as ./-odd"),
    ],
)
def test_wrong_usage_reads_like_every_other_error(words, line, tmp_path, monkeypatch, capsys):
    (tmp_path / "-odd").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["sentiprism", *words])
    assert main() == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {line}")
    assert said.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["-odd"]
