"""Files and folders that are either whole or absent, and where the program keeps its own."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sentiprism.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor


def home(*parts: str) -> Path:
    """Folder of datasets, assets and caches: ``$SENTIPRISM_HOME`` or the system's own place for user data."""
    from platformdirs import user_data_path

    root = os.environ.get("SENTIPRISM_HOME")
    return (Path(root).expanduser() if root else user_data_path("sentiprism")).joinpath(*parts)


def safe_name(name: str, what: str) -> str:
    """``name`` if it can be one folder's name, else a `UserError`; keeps ``../`` out of paths we make."""
    if not name or name.startswith(".") or not all(c.isalnum() or c in "-_." for c in name):
        raise UserError(f"{what} {name!r} is not usable as a folder name", "use letters, digits, '-', '_' and '.'")
    return name


def sha256(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it is synced and takes the name, else it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(fd)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; on success it takes the name, else nothing is left of it."""
    if path.exists() and not replace:
        raise UserError(f"{path} exists already", "choose another name, or replace it with --replace")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _sync(file)
        temporary.chmod(0o755)
        old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.old."))
        if path.exists():
            path.rename(old / "old")
        try:
            temporary.rename(path)
        except OSError:
            if (old / "old").exists():
                (old / "old").rename(path)
            raise
        finally:
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what `atomic_file` and `atomic_folder` left in a folder of one writer when that was killed."""
    for left in folder.glob(".*.????????"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def save_tensors(path: Path, tensors: Mapping[str, "Tensor"], header: dict[str, str] | None = None) -> None:
    """Write a safetensors file; a full disk is an `OSError`, as for any other file.

    Args:
        path: not atomic by itself: a temporary one.
        tensors: by name, on any device.
        header: texts for the file's header.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path, header)
    except SafetensorError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from None


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
