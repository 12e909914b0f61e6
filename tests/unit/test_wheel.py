"""The wheel has every file of the package, and the floor every dependency."""

import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest

import sentiprism
from makers_ci import skip_or_fail
from tools.floor import floors

ROOT = Path(__file__).parents[2]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(PYPROJECT)["project"]


def files_below(folder: Path, prefix: str) -> set[str]:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found, f"no file in {folder}"
    return {f"{prefix}/{name}" for name in found if "__pycache__" not in name}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    if find_spec("hatchling") is None:
        skip_or_fail("hatchling (extra dev) is not installed")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_has_every_file_of_the_package(wheel):
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = files_below(ROOT / "src" / "sentiprism", "sentiprism")
    experiments = files_below(ROOT / "experiments", "sentiprism/experiments")
    assert names == package | experiments
    assert {"sentiprism/py.typed", "sentiprism/starter/weights.safetensors"} <= names
    assert [name for name in names if name.endswith((".j2", ".css", ".js"))]


def test_the_wheel_says_its_version_licence_and_command(wheel):
    assert wheel.name == f"sentiprism-{sentiprism.__version__}-py3-none-any.whl"
    with ZipFile(wheel) as archive:
        information = f"sentiprism-{sentiprism.__version__}.dist-info"
        assert f"{information}/licenses/LICENSE" in archive.namelist()
        assert "sentiprism = sentiprism.__main__:main" in archive.read(f"{information}/entry_points.txt").decode()


def test_the_floor_is_the_lowest_version_of_each_dependency():
    found = floors(PROJECT)
    assert found["torch"] == "2.6"
    assert found["mediapipe"] == "0.10.33"
    assert found["faster-whisper"] == "1.2.1"
    assert "sentiprism" not in found
    both = {"name": "p", "dependencies": ["a>=1.9", "b==2"], "optional-dependencies": {"x": ["a>=1.10,<2", "p[x]"]}}
    assert floors(both) == {"a": "1.10", "b": "2"}
    with pytest.raises(ValueError, match="c<3 has no lower bound"):
        floors({"name": "p", "dependencies": ["c<3"], "optional-dependencies": {}})


def test_every_dependency_says_why_it_is_there():
    """Behind it, or in the lines before it."""
    lines = PYPROJECT.partition("\n[project.scripts]")[0].partition("\ndependencies")[2].splitlines()
    asked = [n for n, line in enumerate(lines) if re.search(r'"[\w.\[\],-]+[>=]=', line)]
    assert len(asked) > 30
    assert [lines[n] for n in asked if "#" not in lines[n] and not lines[n - 1].lstrip().startswith("#")] == []


def test_tests_of_the_floor_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    listed = re.search(r"addsuffix \.py,([\w ]+)\)\)(.*)", makefile)
    assert listed is not None
    paths = [*(f"tests/unit/test_{name}.py" for name in listed[1].split()), *listed[2].split()]
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).is_file()] == []
