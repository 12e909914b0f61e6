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
"""What stands where a new folder is to be, while the two change places; no `safe_name` has a tilde."""
_unfinished: dict[Path, Path] = {}
"""Temporary folders that this process is writing in, and what each becomes."""
UNSYNCED = (errno.EACCES, errno.EBADF, errno.EINVAL, errno.ENOTSUP)
"""What Windows and some network file systems answer where a folder is to be synced."""
LONGEST = 255
"""Bytes of a name, on every common file system."""
RANDOM = 8
"""Characters that `tempfile.mkdtemp` puts behind a prefix."""


def home(*parts: str) -> Path:
    """Folder of datasets, assets and caches: ``$SENTIPRISM_HOME`` or the system's own place for user data."""
    from platformdirs import user_data_path

    root = os.environ.get("SENTIPRISM_HOME")
    return (Path(root).expanduser() if root else user_data_path("sentiprism")).joinpath(*parts)


def safe_name(name: str, what: str) -> str:
    """``name`` if it can be one folder's name, else a `UserError`; keeps ``../`` out of paths we make."""
    if not 0 < len(name) <= 60 or name.startswith((".", "-")) or not all(c.isalnum() or c in "-_." for c in name):
        remedy = "use at most 60 letters, digits, '-', '_' and '.', a letter or digit first"
        raise UserError(f"{what} {name!r} is not usable as a folder name", remedy)
    return name


def sha256(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Wait until a file's content is on the disk."""
    try:
        _fsync(path, os.O_RDWR)  # Windows syncs no descriptor that cannot be written to
    except PermissionError:  # a hard link to a file that is not ours to write
        _sync_readable(path)


def _sync_readable(path: Path) -> None:
    """Wait until a folder's names, or a read-only file, are on the disk, where the system can do that."""
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


def _beside(path: Path, suffix: str) -> Path:
    """A hidden name beside ``path``, unique to it; from a hash where the name and ``suffix`` together are too long."""
    name = os.fsencode(path.name)
    whole = 1 + len(name) + len(suffix) + RANDOM <= LONGEST
    return path.with_name(f".{path.name if whole else hashlib.sha256(name).hexdigest()}{suffix}")


@contextmanager
def _locked(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a folder; False where another does or the system has no such locks. A kill lets go of it."""
    fd = None
    try:
        if fcntl is not None:
            fd = os.open(folder, os.O_RDONLY)
            fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = fd is not None
    except OSError:
        held = False
    try:
        yield held
    finally:
        if fd is not None:
            os.close(fd)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless they are there.

    Raises:
        UserError: a file stands in the way.
        OSError: it may not be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        _refuse_file(path)
        raise


def check_writable(path: Path) -> None:
    """Find out before the work, not after it, whether a file or folder can be written; nothing is left there.

    Raises:
        UserError: a file stands in the way.
        OSError: the folder that is there may not be written.
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
def _workshop(path: Path) -> Iterator[Path]:
    """Yield a folder of our own beside ``path``, removed at the end; what killed writers left there goes first."""
    make_folder(path.parent)
    prefix = _beside(path, ".tmp-").name
    for left in path.parent.glob(escape(prefix) + "?" * RANDOM):
        with _locked(left, wait=False) as abandoned:
            if abandoned and left.is_dir() and any(left.iterdir()):  # an empty one may be another's, about to be locked
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
    """Remove a temporary folder whose writer is gone."""
    if not path.exists() and (left / OLD).exists():  # it ended between the two renames of `atomic_folder`
        (left / OLD).rename(path)
    shutil.rmtree(left, ignore_errors=True)


def discard_unfinished() -> None:
    """Remove what this process is writing, for one that is about to end wherever it is.

    A replaced folder that is waiting under `OLD` stays: its writer may be between two renames in another thread, and
    the next one brings it back.
    """
    for own, path in list(_unfinished.items()):
        new = own / path.name
        with suppress(OSError):
            shutil.rmtree(new) if new.is_dir() else new.unlink(missing_ok=True)
            own.rmdir()


@contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    """Yield a folder for temporary files, removed at the end; what killed processes left of this name goes first."""
    with _workshop(Path(tempfile.gettempdir()) / name) as own:
        yield own


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it is synced and takes the name, else it is removed.

    What the caller creates there has the mode that the umask asks for.
    """
    with _workshop(path) as own:
        yield own / path.name
        _sync(own / path.name)
        (own / path.name).replace(path)
        _sync_readable(path.parent)


@contextmanager
def atomic_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; on success it takes the name, else nothing is left of it.

    A folder that was there is whole until the new one is; only a kill between two renames hides it, until the next
    write brings it back.

    Raises:
        UserError: ``path`` exists and ``replace`` is not given.
    """
    if path.exists() and not replace:
        raise UserError(f"{path} exists already", "choose another name, or replace it with `replace`")
    with _workshop(path) as own:
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
    """Remove a folder so that no half of it is ever seen: its name goes first."""
    with _workshop(path) as own:
        path.rename(own / path.name)
        _sync_readable(path.parent)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Be the only process that makes ``path``; whoever waited looks first whether it is there by now.

    Raises:
        OSError: the folder it is to stand in cannot be made or written.
    """
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(_beside(path, ".lock")):
        yield


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
