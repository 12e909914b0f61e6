"""The public names are typed for editors and type checkers, and show their signatures."""

import inspect
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sentiprism as sp
from sentiprism import public

ROOT = Path(__file__).parents[2]


def test_checkers_are_told_the_names_that_there_are_at_run_time():
    """They read what `sentiprism.public` imports; the package reads the same lines and imports none of them."""
    told = {name: value for name, value in vars(public).items() if not name.startswith("_")}
    assert told == {name: getattr(sp, name) for name in sp._API}
    program = "import sys, sentiprism\nprint('sentiprism.public' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_mypy_reads_the_example():
    """Its wrong lines are marked: mypy fails where it does not find them wrong."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    assert "tests/typed_api.py" in settings["files"]
    assert settings["strict"]  # brings warn_unused_ignores
    text = (ROOT / "tests" / "typed_api.py").read_text(encoding="utf-8")
    assert "sp.train(seedz=5)  # type: ignore[call-arg]" in text


@pytest.mark.parametrize(
    "name", ["compare", "calibrate", "robustness", "explain", "extract", "import_dataset", "resume", "train", "tune"]
)
def test_a_function_shows_its_signature_and_what_it_does(name):
    function = getattr(sp, name)
    assert len(inspect.signature(function).parameters) > 1
    assert inspect.getdoc(function)


@pytest.mark.parametrize("name", ["Run", "Dataset", "Predictor", "Evaluation", "Explanation", "Analysis"])
def test_a_class_is_public(name):
    assert inspect.isclass(getattr(sp, name))


def test_explain_is_a_function_whatever_was_imported_before(tmp_path):
    program = (
        "import sentiprism as sp\n"
        "from sentiprism.errors import UserError\n"
        "for _ in range(2):\n"
        "    try:\n"
        f"        sp.explain({str(tmp_path)!r})\n"
        "    except UserError as error:\n"
        "        print('is not a run folder' in str(error))\n"
        "    import sentiprism.explanation.modalities\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]
