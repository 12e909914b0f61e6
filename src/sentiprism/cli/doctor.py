"""Command: doctor."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import Json, option
from sentiprism.cli.tables import emit_json, facts, points, size, table

if TYPE_CHECKING:
    from sentiprism.cli.inventory import Lack


@followed_by("{result}")
def doctor(
    fetch: Annotated[str | None, option("NAME", "Download this asset and check it.")] = None,
    long: Annotated[bool, typer.Option("--long", help="Also describe each asset.")] = False,
    as_json: Json = False,
) -> list[str] | None:
    """Show what is installed, which assets and datasets exist, what is missing and how to get it.

    Examples:
        sentiprism doctor

        sentiprism doctor --long

        sentiprism doctor --fetch minilm
    """
    from sentiprism.assets import registry as assets
    from sentiprism.cli.inventory import NO_DATASET, before_fetching, find_faults, find_lacks, take_inventory

    if fetch is not None:
        folder = assets.fetch(fetch)
        if as_json:
            emit_json({"name": fetch, "state": "ready", "folder": str(folder)})
        else:
            typer.echo(f"{fetch}: all files exist and have the correct sha256, in {folder}")
        return None
    found = take_inventory()
    lacks, faults, first = find_lacks(found), find_faults(found), before_fetching(found)
    if as_json:
        optional = [_line(lack, first) for lack in lacks if lack.optional] + [NO_DATASET]
        missing = [*(_line(lack, first) for lack in lacks), *faults]
        emit_json({**found, "missing": missing, "optional": [line for line in missing if line in optional]})
        return None
    _draw_machine(found)
    _draw_parts(found, long=long)
    rows = [(lack.name, _state(lack), lack.remedy) for lack in lacks]
    if rows:
        table("Missing", ("what", "state", "to get it"), rows, first and f"{first[0].upper()}{first[1:]}.")
    if faults or not rows:
        points("To do" if faults else "Nothing is missing.", faults)
    return _next(found)


def _state(lack: "Lack") -> str:
    """State in one word; versions are in the table of packages."""
    return lack.state if lack.kind == "asset" else "optional" if lack.optional else "needed"


def _line(lack: "Lack", first: str) -> str:
    detail = f" ({lack.detail})" if lack.detail else ""
    if lack.kind == "asset":
        return f"asset {lack.name} is {lack.state}{detail}; {first and f'{first}, then '}{lack.remedy}"
    return f"{lack.name} is {lack.state}{detail}; {lack.remedy}"


def _next(found: dict[str, Any]) -> list[str]:
    """Commands to run next: those that fix the installation, else the first steps."""
    if found["torch"]["error"]:
        return ["pip", "install", "--force-reinstall", "torch"]
    for package in found["packages"]:
        if package["remedy"] and not package["extra"]:
            return ["pip", "install", package["name"] + package["needs"]]
    datasets = found["data"]["datasets"]
    return ["sentiprism", "train", "mdf", "--dataset", datasets[0]["name"]] if datasets else ["sentiprism", "demo"]


def _draw_machine(found: dict[str, Any]) -> None:
    from rich.text import Text

    from sentiprism.environment import OFFLINE, offline

    torch, data = found["torch"], found["data"]
    silent = f"not checked, since {OFFLINE} is set" if offline() else "does not respond"
    lines = [
        ("sentiprism", found["sentiprism"]),
        ("Python", found["python"]["version"]),
        ("run by", found["python"]["executable"]),
        ("system", found["platform"]),
        ("torch", torch["error"] or f"{torch['version']}, {torch['threads']} threads"),
        ("devices", "; ".join(torch["devices"]) or "none"),
        ("data", f"{data['home']}, {size(data['free_bytes'])} free"),
        ("datasets", ", ".join(card["name"] for card in data["datasets"]) or "none"),
        ("cached features", f"{size(data['features']['bytes'])} in {data['features']['folder']}"),
    ]
    sources = [(s["name"].partition(",")[0], "responds" if s["answers"] else silent) for s in found["sources"]]
    facts(Text("Here", style="bold"), [*lines, *sources])


def _draw_parts(found: dict[str, Any], *, long: bool) -> None:
    packages = [(p["name"], p["version"] or "–", p["needs"], p["extra"] or "core") for p in found["packages"]]
    table("Packages", ("package", "installed", "needed", "part"), packages)
    assets = [(a["name"], a["state"], size(a["size"]), a["licence"]) for a in found["assets"]]
    caption = "ready: its sha256 was checked; unchecked: it is checked at first use"
    table("Assets", ("asset", "state", "size", "licence"), assets, caption, numbers=("size",))
    if long:
        table("What the assets are", ("asset", "title"), [(asset["name"], asset["title"]) for asset in found["assets"]])
