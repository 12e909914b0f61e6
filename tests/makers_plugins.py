"""The example plugin, installed as a package is, and files of plugins that are wrong in one way each."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from makers_forked import FORKS, run_forked
from makers_store import store_at
from sentiprism.data.synthetic import synthetic_dataset

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "plugin"
SOURCES = EXAMPLE / "src" / "sentiprism_example"


def install_example(target: Path) -> Path:
    """Put the package and its metadata into a folder, as an installer does with its wheel; returns the folder."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shutil.copytree(SOURCES, target / SOURCES.name, ignore=shutil.ignore_patterns("__pycache__"))
    about = target / f"{SOURCES.name}-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = [
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in points.items())])
        for group, points in project["entry-points"].items()
    ]
    (about / "entry_points.txt").write_text("\n\n".join(groups) + "\n")
    return target


def run_with(
    packages: Path | None, *words: object, home: Path, timeout: int = 240, whole: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run ``sentiprism WORDS...`` as a process of its own, with the packages of one more folder.

    Args:
        packages: that folder.
        words: of the command line.
        home: data folder, which it also works in.
        timeout: seconds.
        whole: start Python anew; else it is a fork, which has the program's libraries already.
    """
    paths = [str(ROOT / "src"), *([str(packages)] if packages else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "SENTIPRISM_HOME": str(home), "COLUMNS": "200"}
    given = [str(word) for word in words]
    if FORKS and not whole:
        return run_forked(given, home, environment, packages, timeout)
    command = [sys.executable, "-m", "sentiprism", *given]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=timeout, check=False, cwd=home
    )


def small_dataset(home: Path) -> str:
    """A dataset in the store of a home; its name."""
    with store_at(home):
        synthetic_dataset("tiny", sizes=(48, 16, 16))
    return "tiny"


def plugin_file(folder: Path, source: str = "model", **replaced: str) -> Path:
    """A copy of one file of the example, with some texts replaced: ``mean_pool="mdf"``."""
    text = (SOURCES / f"{source}.py").read_text(encoding="utf-8")
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    path = folder / f"my_{source}.py"
    path.write_text(text, encoding="utf-8")
    return path
