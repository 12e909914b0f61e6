"""Verify a stored dataset by SHA-256."""

import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain
from pathlib import Path
from typing import Any

from sentiprism.data.dataset import SPLITS, Card
from sentiprism.errors import UserError
from sentiprism.reading import MB, open_regular

PIECE = 4 * MB
QUIET = 256 * MB
"""Smaller files, in bytes, are read without a progress bar."""
REMEDY = "import the dataset again, with `replace`"

Paths = tuple[Path, ...]
Stamps = tuple[tuple[int, ...], ...]
Advance = Callable[[float], object]

_verifies: ContextVar[bool] = ContextVar("verifies", default=True)
_known: dict[Paths, tuple[Stamps, str]] = {}
"""Hashes of this process by files, with the state of the files when they were read."""


class ChangedError(UserError):
    """A file of a dataset has changed since import; `unverified` opens it nevertheless."""


@contextmanager
def unverified() -> Iterator[None]:
    """Context that opens datasets without verifying their files first: damage may then go unnoticed."""
    token = _verifies.set(False)
    try:
        yield
    finally:
        _verifies.reset(token)


def verifies() -> bool:
    """Whether datasets are verified when opened, see `unverified`."""
    return _verifies.get()


def split_file(folder: Path, split: str) -> Path:
    """File of a split in a dataset's folder."""
    return folder / f"{split}.arrow"


def hash_files(folder: Path) -> tuple[dict[str, str], str]:
    """SHA-256 of each split's file, and of all of them in the order train, valid, test, in one pass."""
    together, each = hashlib.sha256(), {}
    paths = {split: split_file(folder, split) for split in SPLITS}
    with _bar(folder, tuple(paths.values())) as advance:
        for split, path in paths.items():
            own = hashlib.sha256()
            _feed(path, advance, own, together)
            each[split] = own.hexdigest()
    return each, together.hexdigest()


def check_files(folder: Path, card: Card, splits: Sequence[str]) -> None:
    """Compare files with the hashes in the card; hashes are cached while files are unchanged.

    Args:
        folder: of the dataset.
        card: its card; cards of earlier versions only have one hash over all splits.
        splits: splits to verify.

    Raises:
        UserError: a file has changed since import, or cannot be read.
    """
    parts: dict[Paths, str | None]
    if card.hashes:
        parts = {(split_file(folder, split),): card.hashes.get(split) for split in splits}
    elif set(splits) == set(SPLITS):
        parts = {tuple(split_file(folder, split) for split in SPLITS): card.content}
    else:
        logging.getLogger("sentiprism").warning(
            f"note: {' and '.join(splits)} of {card.name} cannot be verified: the card only has one hash over all "
            "splits; import the dataset again to get one for each"
        )
        return
    try:
        unread = chain(*(files for files in parts if _known.get(files, ((), ""))[0] != _stamps(files)))
        with _bar(folder, tuple(unread)) as advance:
            for files, expected in parts.items():
                if _hash(files, advance) != expected:
                    wrong = files[0] if len(files) == 1 else folder
                    raise ChangedError(f"{wrong} was changed after import", REMEDY)
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror or error}", REMEDY) from None


def _stamps(paths: Paths) -> Stamps:
    """State of files that shows changes: time, size and inode."""
    found = (path.stat() for path in paths)
    return tuple((one.st_mtime_ns, one.st_size, one.st_ino, one.st_dev) for one in found)


def _hash(paths: Paths, advance: Advance) -> str:
    """SHA-256 over files, cached while none of them has changed."""
    stamps = _stamps(paths)
    before, known = _known.get(paths, ((), ""))
    if stamps == before:
        return known
    digest = hashlib.sha256()
    for path in paths:
        _feed(path, advance, digest)
    if _stamps(paths) == stamps:
        _known[paths] = stamps, digest.hexdigest()
    return digest.hexdigest()


def _feed(path: Path, advance: Advance, *digests: Any) -> None:
    with open_regular(path, what="file of a dataset") as fd:
        while piece := os.read(fd, PIECE):
            for digest in digests:
                digest.update(piece)
            advance(len(piece))


@contextmanager
def _bar(folder: Path, paths: Paths) -> Iterator[Advance]:
    """Progress bar for large files."""
    total = sum(path.stat().st_size for path in paths)
    if total < QUIET:
        yield lambda _: None
        return
    from sentiprism.progress import progress

    with progress(f"verifying {folder.name}", total=total) as advance:
        yield advance
