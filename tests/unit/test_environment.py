"""Importing the package forbids usage statistics, for itself and its children, and costs nothing."""

import json
import os
import subprocess
import sys

import pytest

from sentiprism.environment import NO_TELEMETRY, OFFLINE, forbid_telemetry, offline
from sentiprism.errors import UserError
from sentiprism.sandbox.launch import run

ALLOWING = {name: "1" if value == "0" else "0" for name, value in NO_TELEMETRY.items()}


def python(code: str, **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if name not in NO_TELEMETRY}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**clean, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize("given", [{}, ALLOWING, NO_TELEMETRY], ids=["unset", "allowed by a person", "forbidden"])
def test_importing_the_package_forbids_telemetry_whatever_was_set(given):
    told = python("import sentiprism, os, json; print(json.dumps(dict(os.environ)))", **given)
    assert NO_TELEMETRY.items() <= json.loads(told).items()


def test_the_hubs_library_reads_it():
    code = "import sentiprism; from huggingface_hub import constants as c; print(c.HF_HUB_DISABLE_TELEMETRY)"
    assert python(code) == "True\n"


def test_importing_the_package_brings_nothing_else():
    code = "import sys; import typing, importlib; before = set(sys.modules); import sentiprism; "
    code += "print(sorted(n for n in set(sys.modules) - before if n.split('.')[0] not in sys.stdlib_module_names))"
    assert python(code) == "['sentiprism', 'sentiprism.environment', 'sentiprism.lazy']\n"


def test_a_child_is_quiet_whatever_its_environment_says():
    code = "import os, json; print(json.dumps(dict(os.environ)))"
    status, out, _ = run("timeit", "-n1", "-r1", code, environment={**os.environ, **ALLOWING})
    assert status == 0
    assert NO_TELEMETRY.items() <= json.loads(out.splitlines()[0]).items()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, False),
        ("", False),
        ("0", False),
        ("No", False),
        ("off", False),
        ("1", True),
        (" TRUE ", True),
        ("yes", True),
    ],
)
def test_offline_is_read_as_a_boolean(monkeypatch, value, expected):
    monkeypatch.delenv(OFFLINE, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    if value is not None:
        monkeypatch.setenv(OFFLINE, value)
    assert offline() is expected
    forbid_telemetry()
    assert os.environ["HF_HUB_OFFLINE"] == str(int(expected))


def test_a_value_that_is_neither_is_refused_and_forbids_until_then(monkeypatch):
    monkeypatch.setenv(OFFLINE, "2")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    forbid_telemetry()
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    with pytest.raises(UserError, match="SENTIPRISM_OFFLINE='2' is neither yes nor no; set it to 1 or 0"):
        offline()


def test_a_person_who_keeps_the_hub_out_is_respected(monkeypatch):
    monkeypatch.setenv(OFFLINE, "0")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    forbid_telemetry()
    assert os.environ["HF_HUB_OFFLINE"] == "1"
