"""Copy a repository of the Hugging Face hub at one commit, from a list of allowed files, into a cache."""

import json
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sentiprism.assets.hub_client import download, forbidden, get_json
from sentiprism.assets.hub_names import Repository
from sentiprism.assets.registry import digest
from sentiprism.assets.sources import COMMIT
from sentiprism.errors import UserError, few
from sentiprism.files import atomic_folder, exclusive, home, make_folder
from sentiprism.progress import announce, progress
from sentiprism.reading import read_json
from sentiprism.tables import size

LISTING = "hub.json"
"""File with the checksums of a copy; it is written last."""
MOST_FILES = 10_000
"""Most files of a repository, and of a copy."""
_OUTSIDE = re.compile(r"(^|/)\.{1,2}(/|$)|^/|//|\\|[\x00-\x1f\x7f]")


class Layout(NamedTuple):
    """Which files of a repository are copied."""

    what: str
    """What the repository is, for messages."""
    allowed: Mapping[str, int]
    """Most bytes of a file by the pattern of its path; all others are ignored."""
    needed: tuple[str, ...]
    """Patterns of which each has to match a file."""

    def most(self, path: str) -> int | None:
        """Most bytes of a file; None if it is not copied."""
        return next((most for pattern, most in self.allowed.items() if re.fullmatch(pattern, path)), None)


class Listed(NamedTuple):
    """A file as the hub lists it."""

    path: str
    size: int
    sha256: str | None
    """Of a large file (LFS)."""
    blob: str | None
    """Git's object name."""


def cache_folder(repository: Repository) -> Path:
    """Folder of the copies of a repository, each named after its commit."""
    return home("hub", repository.kind, repository.owner, repository.name)


def is_copy(folder: Path) -> bool:
    """Whether a folder is inside a copy, which has to stay as it was published."""
    return folder.resolve().is_relative_to(home("hub").resolve())


def pin(repository: Repository) -> Repository:
    """Replace a branch or tag by its commit, which is printed; a process asks once.

    Raises:
        UserError: network access is forbidden, or the hub does not give it.
    """
    return repository if repository.pinned else repository._replace(revision=_commit_of(repository))


@lru_cache(maxsize=64)
def _commit_of(repository: Repository) -> str:
    if forbids := forbidden():
        cause = f"{repository} is not a commit, and {forbids} forbids asking the hub for it"
        here = [str(repository._replace(revision=one)) for one in copies(repository)]
        raise UserError(cause, f"give a commit that is in the cache: {few(here)}" if here else f"unset {forbids}")
    commit, _ = list_files(repository)
    announce(f"{repository} is {commit[:12]} now; for the same files always: {repository._replace(revision=commit)}")
    return commit


def copies(repository: Repository) -> list[str]:
    """List the commits of a repository that are in the cache."""
    folder = cache_folder(repository)
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(one.name for one in found if re.fullmatch(COMMIT, one.name) and (one / LISTING).is_file())


def fetch_repository(repository: Repository, layout: Layout) -> Path:
    """Folder of a repository's files at a commit; a copy in the cache is used without network.

    Args:
        repository: see `pin`.
        layout: which files are copied.

    Raises:
        UserError: it cannot be copied: no network, not found, refused, too large, wrong checksums, or other files than
            the layout needs; nothing is left behind then.
    """
    pinned = pin(repository)
    folder = cache_folder(pinned) / str(pinned.revision)
    if _fault(folder) is None:
        return folder
    make_folder(folder.parent)
    with exclusive(folder):
        fault = _fault(folder)  # another process may have copied it
        if fault is not None:
            if folder.exists() and (forbids := forbidden()):
                raise UserError(f"the copy of {pinned} is damaged: {fault}", f"unset {forbids}, or remove {folder}")
            _copy(pinned, layout, folder)
    return folder


def _copy(pinned: Repository, layout: Layout, folder: Path) -> None:
    commit, listed = list_files(pinned)
    if commit != pinned.revision:
        raise UserError(f"the hub gives commit {commit} for {pinned}", "check HF_ENDPOINT")
    chosen = _choose(pinned, layout, listed)
    total = sum(file.size for file in chosen)
    announce(f"downloading {pinned} ({len(chosen)} files, {size(total)}) from the Hugging Face hub")
    sums = {}
    with progress(f"downloading {pinned.id}", total) as advance, atomic_folder(folder, replace=True) as temporary:
        for file in chosen:
            target = temporary / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            found = download(pinned.address(file.path), target, file.size, str(pinned))
            if (file.sha256 or found.sha256, found.blob if file.sha256 else file.blob) != (found.sha256, found.blob):
                raise UserError(f"{pinned}: {file.path} has a wrong checksum", "try again later, or another commit")
            sums[file.path] = {"size": found.size, "sha256": found.sha256}
            advance(file.size)
        described = {"repository": str(pinned), "files": sums}
        (temporary / LISTING).write_text(json.dumps(described, indent=1), encoding="utf-8")


def list_files(repository: Repository) -> tuple[str, list[Listed]]:
    """List the files of a repository.

    Returns:
        The commit of its revision, and the files.

    Raises:
        UserError: the hub does not give it, or a path is outside of it.
    """
    from urllib.parse import quote

    revision = quote(repository.revision, safe="") if repository.revision else None
    path = f"api/{repository.kind}/{repository.id}" + (f"/revision/{revision}" if revision else "") + "?blobs=true"
    found = get_json(path, str(repository))
    try:
        commit, listed = str(found["sha"]), [_listed(one) for one in found["siblings"]]
    except (LookupError, TypeError, ValueError, AttributeError):
        raise UserError(f"the hub's list of files of {repository} is not valid", "try again later") from None
    if not re.fullmatch(COMMIT, commit):
        raise UserError(f"the hub gives no commit for {repository}", "try again later")
    for file in listed:
        if _OUTSIDE.search(file.path):
            raise UserError(f"{repository} lists {file.path!r}, which is not a path inside of it", "do not use it")
    if len(listed) > MOST_FILES:
        raise UserError(f"{repository} has more than {MOST_FILES:,} files", "do not use it")
    return commit, listed


def _listed(one: Mapping[str, Any]) -> Listed:
    large = one.get("lfs") or {}
    length, sha256, blob = one.get("size"), large.get("sha256"), one.get("blobId")
    if not isinstance(one["rfilename"], str) or not isinstance(length, int | None) or isinstance(length, bool):
        raise ValueError("a name or a size")
    return Listed(one["rfilename"], -1 if length is None else length, sha256, blob)


def _choose(repository: Repository, layout: Layout, listed: list[Listed]) -> list[Listed]:
    """The files to copy."""
    chosen = [file for file in listed if layout.most(file.path) is not None]
    if len({file.path.lower() for file in chosen}) < len(chosen):
        raise UserError(f"{repository} has two files with the same name", "do not use it")
    for pattern in layout.needed:
        if not any(re.fullmatch(pattern, file.path) for file in chosen):
            names = few(sorted(file.path for file in listed)) or "nothing"
            cause = f"{repository} is not {layout.what}: it has {names}"
            raise UserError(cause, "give a repository that sentiprism has made, see: sentiprism push --help")
    for file in chosen:
        most = layout.most(file.path) or 0
        if not 0 <= file.size <= most:
            cause = f"{repository}: {file.path} has {size(max(file.size, 0))}, and the limit is {size(most)}"
            raise UserError(cause, "do not use it")
        if not isinstance(file.sha256 or file.blob, str):
            raise UserError(f"{repository}: the hub gives no checksum of {file.path}", "try again later")
    return chosen


def _fault(folder: Path) -> str | None:
    """What a copy lacks; None if all files have the checksums that they were received with."""
    if not os.path.lexists(folder):
        return "it is missing"
    try:
        sums = read_json(folder / LISTING)["files"]
        for path, known in sums.items():
            if not (folder / path).is_file():
                return f"{path} is missing"
            if digest(folder / path) != known["sha256"]:
                return f"{path} has a wrong checksum"
    except (UserError, LookupError, TypeError, AttributeError):
        return f"{LISTING} is missing or damaged"
    return None
