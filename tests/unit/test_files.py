"""Files and folders are whole or absent, whatever happens while they are written."""

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from sentiprism.errors import UserError
from sentiprism.files import atomic_file, atomic_folder, remove_folder, safe_name, write_text


class BrokenError(Exception):
    """What goes wrong while something is written."""


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def fill(folder: Path, **contents: str) -> None:
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def attempt(writing: AbstractContextManager[Path], then: Callable[[Path], object]) -> None:
    """Write with a body that goes wrong at its end."""
    with writing as temporary:
        then(temporary)
        raise BrokenError


def killed(program: str, *arguments: str) -> None:
    """Run a program that kills itself."""
    preamble = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom sentiprism import files\nfolder = Path(sys.argv[1])\n"
    )
    code = preamble + textwrap.dedent(program)
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=False)
    assert result.returncode == -9, result.stderr


# files


def test_a_file_takes_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "file.json"
    with atomic_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert names(path.parent) == ["file.json"]


def test_a_file_keeps_its_content_when_writing_fails(tmp_path):
    path = tmp_path / "file"
    write_text(path, "old")
    with pytest.raises(BrokenError):
        attempt(atomic_file(path), lambda temporary: temporary.write_text("half of the n"))
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_a_file_that_was_never_written_is_an_error_and_leaves_the_old(tmp_path):
    write_text(tmp_path / "file", "old")
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "file"):
        pass
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_readers_see_the_old_or_the_new_and_never_a_part(tmp_path):
    path, contents = tmp_path / "file", {letter * 200_000 for letter in "abcd"}
    write_text(path, "a" * 200_000)
    stop, seen, faults = threading.Event(), set(), []

    def read() -> None:
        while not stop.is_set():
            try:
                seen.add(path.read_text())
            except OSError as error:
                faults.append(error)

    def write(letter: str) -> None:
        try:
            for _ in range(10):
                write_text(path, letter * 200_000)
        except OSError as error:
            faults.append(error)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    reader.start()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    stop.set()
    reader.join()
    assert not faults
    assert seen
    assert seen <= contents
    assert names(tmp_path) == ["file"]


# folders


def test_a_folder_appears_whole(tmp_path):
    path = tmp_path / "deep" / "model"
    with atomic_folder(path) as temporary:
        fill(temporary, **{"config.json": "{}", "text/vocab.txt": "a"})
        assert not path.exists()
    assert sorted(str(p.relative_to(path)) for p in path.rglob("*")) == ["config.json", "text", "text/vocab.txt"]
    assert names(path.parent) == ["model"]


def test_a_folder_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(BrokenError):
        attempt(atomic_folder(tmp_path / "model"), lambda temporary: fill(temporary, a="1"))
    assert names(tmp_path) == []


def test_a_folder_that_exists_is_refused_before_anything_is_done(tmp_path):
    fill(tmp_path, **{"model/a": "old"})
    with pytest.raises(UserError, match="exists already"), atomic_folder(tmp_path / "model"):
        pytest.fail("the body ran")
    assert names(tmp_path) == ["model"]


def test_a_folder_that_appeared_meanwhile_is_left_alone(tmp_path):
    writing = atomic_folder(tmp_path / "model")
    fill(writing.__enter__(), a="mine")
    fill(tmp_path, **{"model/a": "another's"})
    with pytest.raises(OSError, match="not empty"):
        writing.__exit__(None, None, None)
    assert (tmp_path / "model" / "a").read_text() == "another's"
    assert names(tmp_path) == ["model"]


def test_a_replaced_folder_keeps_nothing_of_the_old(tmp_path):
    fill(tmp_path, **{"model/a": "old", "model/b": "old"})
    with atomic_folder(tmp_path / "model", replace=True) as temporary:
        fill(temporary, a="new")
        assert (tmp_path / "model" / "a").read_text() == "old"
    assert (tmp_path / "model" / "a").read_text() == "new"
    assert names(tmp_path / "model") == ["a"]
    assert names(tmp_path) == ["model"]


def test_the_old_folder_stays_when_the_new_one_fails(tmp_path):
    fill(tmp_path, **{"model/a": "old"})
    with pytest.raises(BrokenError):
        attempt(atomic_folder(tmp_path / "model", replace=True), lambda temporary: fill(temporary, a="new"))
    assert (tmp_path / "model" / "a").read_text() == "old"
    assert names(tmp_path) == ["model"]


def test_the_old_folder_comes_back_when_the_new_one_cannot_take_its_name(tmp_path, monkeypatch):
    fill(tmp_path, **{"model/a": "old"})
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if target == tmp_path / "model" and (self / "new").exists():
            raise OSError("no")
        return rename(self, target)

    writing = atomic_folder(tmp_path / "model", replace=True)
    fill(writing.__enter__(), new="")
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="no"):
        writing.__exit__(None, None, None)
    assert names(tmp_path / "model") == ["a"]
    assert names(tmp_path) == ["model"]


def test_a_folder_is_removed_with_all_it_holds(tmp_path):
    fill(tmp_path, **{"model/text/a": "1", "other/a": "1"})
    remove_folder(tmp_path / "model")
    assert names(tmp_path) == ["other"]


# kills


@pytest.mark.parametrize(
    "write",
    [
        "with files.atomic_file(folder / 'own') as temporary:\n    temporary.write_text('half')\n",
        "with files.atomic_folder(folder / 'own') as temporary:\n    (temporary / 'a').write_text('half')\n",
    ],
    ids=["file", "folder"],
)
def test_what_a_killed_writer_left_goes_with_the_next_write_of_that_name_alone(tmp_path, write):
    killed(f"{write}    os.kill(os.getpid(), signal.SIGKILL)", str(tmp_path))
    (left,) = names(tmp_path)
    assert left.startswith(".own.tmp-")
    write_text(tmp_path / "other", "")
    write_text(tmp_path / "own.yaml", "")
    assert left in names(tmp_path)
    write_text(tmp_path / "own", "whole")
    assert names(tmp_path) == ["other", "own", "own.yaml"]


def test_a_replacement_killed_between_its_two_renames_loses_nothing(tmp_path):
    fill(tmp_path, **{"model/a": "old"})
    program = """
        rename = Path.rename
        def die_after(self, target):
            rename(self, target)
            os.kill(os.getpid(), signal.SIGKILL)
        with files.atomic_folder(folder / "model", replace=True) as temporary:
            (temporary / "a").write_text("new")
            Path.rename = die_after
    """
    killed(program, str(tmp_path))
    assert "model" not in names(tmp_path)
    seen = []
    with pytest.raises(BrokenError):
        attempt(
            atomic_folder(tmp_path / "model", replace=True),
            lambda _: seen.append((tmp_path / "model" / "a").read_text()),
        )
    assert seen == ["old"]
    assert names(tmp_path) == ["model"]
    assert (tmp_path / "model" / "a").read_text() == "old"


def test_a_writer_that_still_runs_is_left_alone(tmp_path):
    with atomic_file(tmp_path / "own") as first:
        first.write_text("slow")
        write_text(tmp_path / "own", "fast")
        assert first.read_text() == "slow"
        assert (tmp_path / "own").read_text() == "fast"
    assert (tmp_path / "own").read_text() == "slow"


def test_a_persons_own_hidden_files_are_left_alone(tmp_path):
    fill(tmp_path, **{".own.original": "mine", ".own.personal/a": "mine", ".own.tmp-mine": "mine"})
    for odd in ("own", "o*n", "[own]", "own?"):
        write_text(tmp_path / odd, "")
    assert {".own.original", ".own.personal", ".own.tmp-mine"} <= set(names(tmp_path))


def test_the_longest_name_can_be_written(tmp_path):
    name = safe_name("数" * 60, "dataset name")
    with atomic_folder(tmp_path / name):
        pass
    assert names(tmp_path) == [name]
