"""Pinned files: weights and samples, with checksum, licence and sources.

A file with a wrong sha256 is refused, wherever it came from.
"""

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sentiprism import files
from sentiprism.assets.pinned import ASSETS, Asset
from sentiprism.assets.sources import UnavailableError
from sentiprism.environment import OFFLINE, offline
from sentiprism.errors import UserError, suggest
from sentiprism.progress import progress
from sentiprism.reading import read_json


@dataclass(frozen=True, slots=True)
class AssetStatus:
    """State of an asset for `sentiprism doctor`; ``folder`` is its place even if absent, ``size`` is in bytes."""

    name: str
    title: str
    licence: str
    size: int
    folder: Path
    state: Literal["ready", "unchecked", "damaged", "absent"]
    """``unchecked``: all files exist; their sha256 is computed at first use."""
    detail: str
    """What is wrong and how to fix it; "" if nothing is."""


def fetch(name: str, path: str | Path | None = None) -> Path:
    """Folder with the verified files of an asset, downloaded at first use.

    Args:
        name: a key of `ASSETS`.
        path: the user's folder with these files, or one of the files; by default ``SENTIPRISM_ASSET_<NAME>``.

    Raises:
        UserError: unknown name, a wrong file in the user's folder, or no source has the right files.
    """
    if name not in ASSETS:
        raise UserError(f"no asset is called {name!r}", suggest(name, ASSETS))
    asset = ASSETS[name]
    folder, given = _folder(asset, path)
    fault = _fault(asset, folder)
    if not fault:
        return folder
    if given:
        raise UserError(f"asset {name!r} in {folder}: {fault}", f"fix that folder or unset {asset.variable}")
    try:
        with files.exclusive(folder):
            return _fill(asset, folder)
    except OSError as error:
        remedy = "free space there or set SENTIPRISM_ASSETS to another folder"
        raise UserError(f"asset {name!r} cannot be written to {folder} ({error})", remedy) from None


def status() -> list[AssetStatus]:
    """State of every asset; nothing is hashed or downloaded."""
    found = []
    for asset in ASSETS.values():
        folder, given = _folder(asset, None)
        verified = _verified()
        missing = [file for file in asset.files if not (folder / file).is_file()]
        known = {file: verified.get(_key(folder / file)) for file in asset.files if file not in missing}
        wrong = [file for file, digest in known.items() if digest not in {None, asset.files[file]}]
        state: Literal["ready", "unchecked", "damaged", "absent"]
        if len(missing) == len(asset.files):
            state, detail = "absent", f"downloaded at first use, or set {asset.variable} to a folder that has it"
        elif missing or wrong:
            what = f"{missing[0]} is missing" if missing else f"{wrong[0]} has a wrong size or checksum"
            state, detail = (
                "damaged",
                f"{what}; {'fix that folder' if given else 'downloaded again at next use'}",
            )
        else:
            state, detail = "ready" if all(known.values()) else "unchecked", ""
        found.append(AssetStatus(asset.name, asset.title, asset.licence, asset.size, folder, state, detail))
    return found


def is_here(name: str) -> bool:
    """Whether all files of an asset exist, so that nothing is downloaded for it; they are not hashed."""
    return any(one.name == name and one.state in {"ready", "unchecked"} for one in status())


def digest(path: Path) -> str:
    """sha256 of a file; cached between runs by size and modification time."""
    known = _verified().get(_key(path))
    if known is None:
        known = files.sha256(path)
        _remember({path: known})
    return known


def _root() -> Path:
    root = os.environ.get("SENTIPRISM_ASSETS")
    return Path(root).expanduser() if root else files.home("assets")


def _folder(asset: Asset, path: str | Path | None) -> tuple[Path, bool]:
    given = path or os.environ.get(asset.variable)
    if not given:
        return _root() / asset.name, False
    folder = Path(given).expanduser()
    return (folder.parent if folder.is_file() else folder), True


def _fault(asset: Asset, folder: Path) -> str:
    for file, expected in asset.files.items():
        if not (folder / file).is_file():
            return f"{file} is missing"
        if (actual := digest(folder / file)) != expected:
            return f"{file} has a wrong checksum (its sha256 begins with {actual[:8]}, not {expected[:8]})"
    return ""


def _fill(asset: Asset, folder: Path) -> Path:
    """Try the sources in order; the caller has the lock."""
    fault = _fault(asset, folder)
    if not fault:  # another process has downloaded it
        return folder
    reasons = [f"cache: {fault}"] if folder.exists() else []
    if not offline():  # offline, it cannot be replaced
        shutil.rmtree(folder, ignore_errors=True)
    for source in asset.sources:
        try:
            with (
                progress(f"downloading {asset.name} ({asset.size / 1e6:.0f} MB)"),
                files.atomic_folder(folder, replace=True) as temporary,
            ):
                source.deliver(asset.files, asset.size, temporary)
                for file, expected in asset.files.items():
                    if (actual := files.sha256(temporary / file)) != expected:
                        begins = f"its sha256 begins with {actual[:8]}, not {expected[:8]}"
                        raise UnavailableError(f"{file} has a wrong checksum ({begins})")
        except UnavailableError as error:
            reasons.append(f"{type(source).__name__}: {error}")
        else:
            _remember({folder / file: expected for file, expected in asset.files.items()})
            return folder
    remedy = f"or set {asset.variable} to a folder with {', '.join(asset.files)}"
    if offline():
        state = f"damaged in {folder} ({fault})" if folder.exists() else "not downloaded"
        raise UserError(
            f"asset {asset.name!r} is {state}, and {OFFLINE} forbids downloading it", f"unset {OFFLINE}, {remedy}"
        )
    raise UserError(
        f"asset {asset.name!r} could not be downloaded ({'; '.join(reasons)})", f"connect to the internet, {remedy}"
    )


def _key(path: Path) -> str:
    stat = path.stat()
    return f"{path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"


def _verified() -> dict[str, str]:
    """sha256 by path, size and modification time."""
    try:
        known = read_json(_root() / "verified.json")
    except UserError:
        return {}
    return known if isinstance(known, dict) else {}


def _remember(digests: Mapping[Path, str]) -> None:
    """Cache checksums; processes may overwrite each other's entries, which are then computed again."""
    known = {key: value for key, value in _verified().items() if _is_current(key)}
    with suppress(OSError):  # a shared, read-only cache is allowed: it is hashed again
        files.write_text(_root() / "verified.json", json.dumps({**known, **{_key(p): d for p, d in digests.items()}}))


def _is_current(key: str) -> bool:
    path = Path(key.rsplit(":", 2)[0])
    return path.is_file() and _key(path) == key
