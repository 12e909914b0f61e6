"""Files and folders have the modes that the umask asks for, and are on the disk before a write ends."""

import errno
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from sentiprism import files
from sentiprism.files import atomic_file, atomic_folder, exclusive, remove_folder, write_text
from sentiprism.tensors import save_tensors


@pytest.fixture(params=[0o022, 0o027, 0o077], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in folder.rglob("*")}


def test_modes_follow_the_umask(tmp_path, umask):
    import torch

    with atomic_folder(tmp_path / "folder") as temporary:
        write_text(temporary / "deep/file", "")
        save_tensors(temporary / "weights.safetensors", {"a": torch.ones(2)})
    with atomic_file(tmp_path / "checkpoint") as temporary:
        save_tensors(temporary, {"a": torch.ones(2)})
    write_text(tmp_path / "new/file", "")
    folder, file = 0o777 & ~umask, 0o666 & ~umask
    assert modes(tmp_path) == {
        "folder": folder,
        "folder/deep": folder,
        "folder/deep/file": file,
        "folder/weights.safetensors": file,
        "checkpoint": file,
        "new": folder,
        "new/file": file,
    }


@pytest.fixture
def synced(monkeypatch, tmp_path):
    """(name from tmp_path on, whether the target was there) of each thing that is synced, in its order."""
    seen = []

    def sync(fd: int) -> None:
        name = os.readlink(f"/proc/self/fd/{fd}").removeprefix(str(tmp_path.resolve())).lstrip("/")
        seen.append((re.sub(r"^\.target\.tmp-.{8}", "*", name) or ".", (tmp_path / "target").exists()))

    monkeypatch.setattr(files.os, "fsync", sync)
    return seen


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors have no names here")
def test_content_is_on_the_disk_before_its_name_and_the_name_before_the_end(tmp_path, synced):
    write_text(tmp_path / "target", "content")
    assert synced == [("*/target", False), (".", True)]
    (tmp_path / "target").unlink()
    synced.clear()
    with atomic_folder(tmp_path / "target") as temporary:
        (temporary / "deep").mkdir()
        for name in ("a", "deep/b"):
            (temporary / name).touch()
    inside = {"*/target", "*/target/a", "*/target/deep", "*/target/deep/b"}
    assert set(synced[:-1]) == {(name, False) for name in inside}
    assert synced[-1] == (".", True)
    synced.clear()
    remove_folder(tmp_path / "target")
    assert synced == [(".", False)]


def test_a_disk_that_fails_is_said_and_a_file_system_without_folder_syncs_is_not(tmp_path, monkeypatch):
    answer = {"errno": 5}

    def fail_for_folders(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(answer["errno"], "no")

    monkeypatch.setattr(files.os, "fsync", fail_for_folders)
    with pytest.raises(OSError, match="no"):
        write_text(tmp_path / "file", "")
    answer["errno"] = 22  # EINVAL
    write_text(tmp_path / "file", "whole")
    assert (tmp_path / "file").read_text() == "whole"


def test_a_system_that_syncs_writable_descriptors_alone_and_opens_no_folder(tmp_path, monkeypatch):
    """As Windows does: EBADF for a descriptor that is read-only, EACCES for a folder."""
    fcntl = pytest.importorskip("fcntl")
    original_open, original_sync, done = os.open, os.fsync, []

    def open_file(path, flags, *more, **options):
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return original_open(path, flags, *more, **options)

    def sync(fd: int) -> None:
        if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        original_sync(fd)
        done.append(os.fstat(fd).st_ino)

    monkeypatch.setattr(files.os, "open", open_file)
    monkeypatch.setattr(files.os, "fsync", sync)
    write_text(tmp_path / "file", "content")
    with atomic_folder(tmp_path / "folder") as temporary:
        (temporary / "inner").write_text("content")
    assert done == [path.stat().st_ino for path in (tmp_path / "file", tmp_path / "folder" / "inner")]


@pytest.mark.parametrize("name", ["n" * 241, "n" * 242, "n" * 255, "数" * 85, "n" * 251 + ".txt"], ids=len)
def test_names_up_to_the_systems_limit_are_written_atomically(tmp_path, name):
    write_text(tmp_path / name, "old")
    with suppress(KeyError), atomic_file(tmp_path / name) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert (tmp_path / name).read_text() == "old"
    with exclusive(tmp_path / name):
        write_text(tmp_path / name, "new")
    assert (tmp_path / name).read_text() == "new"
    with atomic_folder(tmp_path / "folders" / name) as folder:
        (folder / name).write_text("")
    assert os.listdir(tmp_path / "folders") == [name]
    left = {path.name for path in tmp_path.iterdir() if not path.name.endswith(".lock")}
    assert left == {name, "folders"}


def test_long_names_that_differ_at_their_end_do_not_share_a_lock_or_leftovers(tmp_path):
    one, other = tmp_path / ("n" * 254 + "a"), tmp_path / ("n" * 254 + "b")
    with atomic_file(one) as temporary:
        temporary.write_text("one")
        with exclusive(one), exclusive(other):
            write_text(other, "other")
    assert (one.read_text(), other.read_text()) == ("one", "other")
