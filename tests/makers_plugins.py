"""The example plugin, installed as a package is, and files of plugins that are wrong in one way each."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

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


def run_with(packages: Path | None, *words: object, home: Path, timeout: int = 240) -> subprocess.CompletedProcess[str]:
    """Run ``sentiprism WORDS...`` as a process of its own, with the packages of one more folder."""
    paths = [str(ROOT / "src"), *([str(packages)] if packages else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "SENTIPRISM_HOME": str(home), "COLUMNS": "200"}
    command = [sys.executable, "-m", "sentiprism", *map(str, words)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=timeout, check=False, cwd=home
    )


def small_dataset(home: Path) -> str:
    """A dataset in the store of a home; its name."""
    code = "import sentiprism as sp; sp.synthetic_dataset('tiny', sizes=(48, 16, 16))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "SENTIPRISM_HOME": str(home)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=240)
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
