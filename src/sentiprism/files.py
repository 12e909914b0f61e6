"""Atomic files and folders, and the program's own folders."""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from sentiprism.errors import UserError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

OLD = "~old"
"""Name of a replaced folder until the new one is in place; a `safe_name` has no tilde."""
_unfinished: dict[Path, Path] = {}
"""Temporary folders that this process is writing to, with the final path of each."""
UNSYNCED = (errno.EACCES, errno.EBADF, errno.EINVAL, errno.ENOTSUP)
"""Error numbers of Windows and some network file systems for syncing a folder."""
LONGEST = 255
"""Most bytes of a file name on common file systems."""
RANDOM = 8
"""Number of characters that `tempfile.mkdtemp` appends to a prefix."""


def home(*parts: str) -> Path:
    """Folder of datasets, assets and caches: ``$SENTIPRISM_HOME`` or the system's folder for user data."""
    from platformdirs import user_data_path

    root = os.environ.get("SENTIPRISM_HOME")
    return (Path(root).expanduser() if root else user_data_path("sentiprism")).joinpath(*parts)


def safe_name(name: str, what: str) -> str:
    """Return ``name`` if it is safe as a folder name, else raise a `UserError`; this keeps ``../`` out of paths."""
    if not 0 < len(name) <= 60 or name.startswith((".", "-")) or not all(c.isalnum() or c in "-_." for c in name):
        remedy = "use at most 60 letters, digits, '-', '_' and '.', a letter or digit first"
        raise UserError(f"{what} {name!r} is not usable as a folder name", remedy)
    return name


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Wait until a file's content is written to the disk."""
    try:
        _fsync(path, os.O_RDWR)  # Windows can only sync a descriptor that is open for writing
    except PermissionError:  # a hard link to a read-only file
        _sync_readable(path)


def _sync_readable(path: Path) -> None:
    """Wait until a folder's entries or a read-only file are written to the disk, if the system supports it."""
    try:
        _fsync(path, os.O_RDONLY)
    except OSError as error:
        if error.errno not in UNSYNCED:
            raise


def _fsync(path: Path, flags: int) -> None:
    fd = os.open(path, flags)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _hidden_sibling(path: Path, suffix: str) -> Path:
    """A hidden path in the same folder, unique to ``path``; uses a hash if the name would be too long."""
    name = os.fsencode(path.name)
    whole = 1 + len(name) + len(suffix) + RANDOM <= LONGEST
    return path.with_name(f".{path.name if whole else hashlib.sha256(name).hexdigest()}{suffix}")


@contextmanager
def _locked(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Lock a folder; yields False if it is locked or the system has no locks. A killed process loses its lock."""
    fd = None
    try:
        if fcntl is not None:
            fd = os.open(folder, os.O_RDONLY)
            fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        locked = fd is not None
    except OSError:
        locked = False
    try:
        yield locked
    finally:
        if fd is not None:
            os.close(fd)


def make_folder(path: Path) -> None:
    """Make a folder and its parents, unless they exist.

    Raises:
        UserError: a file exists at one of these paths.
        OSError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        _refuse_file(path)
        raise


def check_writable(path: Path) -> None:
    """Check before a long computation that a file or folder can be written; leaves nothing behind.

    Raises:
        UserError: a parent is a file.
        OSError: the existing parent folder cannot be written.
    """
    _refuse_file(path.parent)
    place = next(one for one in path.absolute().parents if one.exists())
    with tempfile.TemporaryFile(dir=place):
        pass


def _refuse_file(folder: Path) -> None:
    file = next((one for one in (folder, *folder.parents) if one.exists() and not one.is_dir()), None)
    if file is not None:
        raise UserError(f"{file} is a file, and nothing can be written below it", "choose another place")


@contextmanager
def _temporary_sibling(path: Path) -> Iterator[Path]:
    """Yield a temporary folder next to ``path``, removed at the end; also removes those of killed processes."""
    make_folder(path.parent)
    prefix = _hidden_sibling(path, ".tmp-").name
    for left in path.parent.glob(escape(prefix) + "?" * RANDOM):
        with _locked(left, wait=False) as abandoned:
            if abandoned and left.is_dir() and any(left.iterdir()):  # an empty one may be about to be locked
                _discard(left, path)
    own = Path(tempfile.mkdtemp(dir=path.parent, prefix=prefix))
    _unfinished[own] = path
    with _locked(own, wait=True):
        try:
            yield own
        finally:
            shutil.rmtree(own, ignore_errors=True)
            _unfinished.pop(own, None)


def _discard(left: Path, path: Path) -> None:
    """Remove the temporary folder of a process that has ended."""
    if not path.exists() and (left / OLD).exists():  # killed between the two renames of `atomic_folder`
        (left / OLD).rename(path)
    shutil.rmtree(left, ignore_errors=True)


def discard_unfinished() -> None:
    """Remove unfinished files and folders of this process, which is about to end.

    A replaced folder named `OLD` is kept: another thread may be between the two renames, and the next write restores
    it.
    """
    for own, path in list(_unfinished.items()):
        new = own / path.name
        with suppress(OSError):
            shutil.rmtree(new) if new.is_dir() else new.unlink(missing_ok=True)
            own.rmdir()


@contextmanager
def temporary_folder(name: str, place: Path | None = None) -> Iterator[Path]:
    """Yield a folder for temporary files, removed at the end; also removes those of killed processes.

    Args:
        name: part of its name.
        place: where it is made; by default the system's folder for temporary files.
    """
    with _temporary_sibling((place or Path(tempfile.gettempdir())) / name) as own:
        yield own


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to ``path``; on success it is synced and renamed, else removed.

    The file gets the permissions of the umask.
    """
    with _temporary_sibling(path) as own:
        yield own / path.name
        _sync(own / path.name)
        (own / path.name).replace(path)
        _sync_readable(path.parent)


@contextmanager
def atomic_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder next to ``path``; on success it is renamed, else removed.

    An existing folder stays complete until it is replaced; only a kill between two renames hides it, until the next
    write restores it.

    Raises:
        UserError: ``path`` exists and ``replace`` is not given.
    """
    if path.exists() and not replace:
        raise UserError(f"{path} exists already", "choose another name, or replace it with `replace`")
    with _temporary_sibling(path) as own:
        new = own / path.name
        new.mkdir()
        yield new
        for inner in (new, *new.rglob("*")):
            if inner.is_dir():
                _sync_readable(inner)
            elif inner.is_file():
                _sync(inner)
        if replace and path.exists():
            path.rename(own / OLD)
        try:
            new.rename(path)
        except OSError:
            if (own / OLD).exists():
                (own / OLD).rename(path)
            raise
        _sync_readable(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder atomically: it is renamed before its files are deleted."""
    with _temporary_sibling(path) as own:
        path.rename(own / path.name)
        _sync_readable(path.parent)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Lock the creation of ``path`` between processes; after waiting, check whether it exists by now.

    Raises:
        OSError: the parent folder cannot be made or written.
    """
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(_hidden_sibling(path, ".lock")):
        yield


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
