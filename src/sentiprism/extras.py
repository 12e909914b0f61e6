"""Commands that install an extra; by path, since the package is not on an index."""

import json
import shlex
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

NAME = "sentiprism"


def install_extra(extra: str) -> str:
    """Command that installs an extra, for remedies.

    It uses the checkout or the wheel that this program was installed from; if these no longer exist, the requirements
    of the extra.
    """
    try:
        installed = distribution(NAME)
    except PackageNotFoundError:  # run from a checkout that is not installed
        installed = None
    source = _source(installed)
    if source is not None:
        path, editable = source
        return f"pip install {'-e ' * editable}{shlex.quote(f'{path}[{extra}]')}"
    return "pip install " + " ".join(map(shlex.quote, _requirements(installed, extra)))


def _source(installed: Distribution | None) -> tuple[Path, bool] | None:
    """Folder or wheel that the program was installed from, and whether it is an editable install."""
    if installed is None:
        root = Path(__file__).parents[2]
        return (root, True) if (root / "pyproject.toml").is_file() else None
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        origin = json.loads(installed.read_text("direct_url.json") or "{}")  # PEP 610
        url, editable = urlsplit(origin["url"]), bool(origin.get("dir_info", {}).get("editable"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    path = Path(url2pathname(url.path))
    return (path, editable) if url.scheme == "file" and path.exists() else None


def _requirements(installed: Distribution | None, extra: str) -> list[str]:
    """Requirements of an extra, without the marker that makes them optional."""
    pairs = (text.partition(";") for text in (installed.requires if installed is not None else None) or ())
    named = (f'extra == "{extra}"', f"extra == '{extra}'")
    return [requirement.strip() for requirement, _, marker in pairs if any(name in marker for name in named)]
