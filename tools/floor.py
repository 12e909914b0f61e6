"""Print the lowest declared versions as constraints of pip: ``python tools/floor.py pyproject.toml``."""

import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

DECLARED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?(?P<versions>[^;]*)")
LOWEST = re.compile(r"(?:>=|==)\s*(?P<version>[\w.]+)")


def floors(project: dict[str, object]) -> dict[str, str]:
    """The lowest version of every dependency, by its name; of two declarations the higher one.

    Args:
        project: the table ``project`` of pyproject.toml.

    Raises:
        ValueError: a dependency has no lower bound.
    """
    extras = project["optional-dependencies"]
    lists = [project["dependencies"], *(extras.values() if isinstance(extras, dict) else ())]
    found: dict[str, str] = {}
    for line in (line for one in lists if isinstance(one, Iterable) for line in one):
        declared = DECLARED.match(line)
        if declared is None or declared["name"] == project["name"]:
            continue
        lowest = LOWEST.search(declared["versions"])
        if lowest is None:
            raise ValueError(f"{line} has no lower bound")
        name, version = declared["name"], lowest["version"]
        found[name] = max(found.get(name, version), version, key=_parts)
    return found


def _parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


if __name__ == "__main__":
    table = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["project"]
    print("\n".join(f"{name}=={version}" for name, version in sorted(floors(table).items())))
