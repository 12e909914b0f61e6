"""The public names are all there, and cost nothing until they are used."""

import subprocess
import sys
from pkgutil import walk_packages

import pytest

import sentiprism

HEAVY = ("torch", "transformers", "pyarrow", "scipy", "accelerate", "numpy", "pydantic")


@pytest.mark.parametrize("name", sentiprism.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(sentiprism, name)
    assert isinstance(value, str) or (callable(value) and value.__doc__)
    assert value is getattr(sentiprism, name)
    assert name in dir(sentiprism)


def test_the_names_of_the_readme_are_public():
    assert {"load_dataset", "create_model", "train", "evaluate", "synthetic_dataset"} <= set(sentiprism.__all__)


def test_an_unknown_name_answers_with_what_there_is():
    with pytest.raises(AttributeError, match=r"has no attribute 'trian'; it has .*train"):
        _ = sentiprism.trian
    assert not hasattr(sentiprism, "trian")
    with pytest.raises(ImportError):
        from sentiprism import trian  # noqa: F401


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import sentiprism; dir(sentiprism)", HEAVY),
        ("import sentiprism.errors, sentiprism.files, sentiprism.registry", HEAVY),
        ("import sentiprism.config, sentiprism.types", HEAVY[:-1]),
        ("import sentiprism.cli.main", HEAVY[:-1]),
    ],
)
def test_importing_costs_nothing(statement, heavy):
    program = f"import sys\n{statement}\nprint(*(set({heavy!r}) & sys.modules.keys()))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


NETWORKS = (
    *("sentiprism.nn", "sentiprism.models.", "sentiprism.explanation.coalitions", "sentiprism.contracts"),
    *("sentiprism.export.graph", "sentiprism.export.recurrent"),
)
"""Modules that are torch modules themselves, as is what turns their parameters, and what tries them."""
TRAINERS = tuple(f"sentiprism.training.{name}" for name in ("average", "checkpoint", "compact", "loop", "optimizer"))
ELSEWHERE = ("sentiprism.media._decode", "sentiprism.starter", "sentiprism.export.run")
"""Run in a process of their own, or without this program."""


def test_no_module_brings_torch_but_those_that_are_made_of_it():
    """What is wrong with an input is found by what surrounds the networks: none of that waits for torch."""
    names = [info.name for info in walk_packages(sentiprism.__path__, "sentiprism.")]
    light = [name for name in names if not name.startswith((*NETWORKS, *TRAINERS, *ELSEWHERE))]
    light = [name for name in light if not name.endswith("__main__")]
    assert len(light) > 120
    heavy = {"torch", "transformers", "accelerate", "mediapipe", "onnxruntime", "scipy", "matplotlib", "librosa"}
    program = f"""
import sys
from importlib import import_module

for name in {light!r}:
    import_module(name)
    assert not {heavy!r} & sys.modules.keys(), name
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_name_brings_its_room_alone():
    """Listing datasets needs no torch."""
    program = (
        "import sys, sentiprism\nsentiprism.list_datasets\nprint('torch' in sys.modules, 'pyarrow' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "True"]
