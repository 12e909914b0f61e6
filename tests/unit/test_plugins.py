"""Plugins that are wrong are refused in one line; those that are right are found by their names."""

import json

import pytest

from makers_plugins import install_example, plugin_file, run_with
from sentiprism import plugin_modules
from sentiprism.errors import UserError
from sentiprism.metrics import PROTOCOLS, protocol
from sentiprism.models import MODELS
from sentiprism.plugins import load_plugin


@pytest.fixture(autouse=True)
def unloaded(monkeypatch):
    """Each test begins without plugins."""
    monkeypatch.setattr(plugin_modules, "_files", {})


def test_a_model_is_found_by_its_name(tmp_path):
    file = plugin_file(tmp_path)
    assert load_plugin(file) == {"model": ["mean_pool"]}
    assert "mean_pool" in MODELS
    assert MODELS["mean_pool"].__name__ == "MeanPool"
    assert MODELS.plugin_of("mean_pool")["file"] == "my_model.py"
    assert MODELS.plugin_of("mdf") is None
    assert load_plugin(file) == {"model": ["mean_pool"]}, "twice is no conflict with itself"


def test_near_names_know_plugins(tmp_path):
    load_plugin(plugin_file(tmp_path))
    with pytest.raises(UserError, match="did you mean 'mean_pool'"):
        MODELS.check("mean_pol")


def test_a_metric_joins_the_protocols_of_its_kind(tmp_path):
    load_plugin(plugin_file(tmp_path, "metric"))
    assert protocol("intensity").names[-1] == "median_error"
    assert "median_error" not in protocol("binary").names
    assert "median_error" not in PROTOCOLS["intensity"].names
    assert protocol("signed").compute([0.0, 1.0, 5.0], [0.0, 0.5, 0.0])["median_error"] == 0.5


WRONG = {
    "breaks": ({"class MeanPoolConfig": "1 / 0\n\n\nclass MeanPoolConfig"}, "cannot be imported: ZeroDivisionError"),
    "syntax": ({"class MeanPoolConfig": "class class"}, "cannot be imported: SyntaxError: invalid syntax"),
    "exits": ({"class MeanPoolConfig": "raise SystemExit\n\n\nclass MeanPoolConfig"}, "cannot be imported: SystemExit"),
    "exists": ({'"mean_pool"': '"mdf"'}, "defines the model 'mdf', which exists; give it another name"),
    "no forward": ({"def forward": "def backward"}, "MeanPool has no forward; define it"),
    "no configuration": ({"    Config = MeanPoolConfig\n": ""}, "MeanPool has no Config; every model has one"),
    "no name": ({'    name = "mean_pool"\n': ""}, "defines no model, extractor, metric or importer"),
}


@pytest.mark.parametrize("how", WRONG)
def test_what_is_wrong_is_one_line(how, tmp_path):
    replaced, message = WRONG[how]
    file = plugin_file(tmp_path, **replaced)
    with pytest.raises(UserError) as error:
        load_plugin(file)
    assert message in str(error.value)
    assert "my_model.py" in str(error.value)
    assert plugin_modules.loaded_files() == []
    with pytest.raises(UserError, match="mean_pool"):
        MODELS.check("mean_pool")


@pytest.mark.parametrize("name", ["absent.py", "model.txt"])
def test_what_is_no_python_file_is_refused(name, tmp_path):
    (tmp_path / "model.txt").write_text("1")
    with pytest.raises(UserError, match=name.replace(".", r"\.")):
        load_plugin(tmp_path / name)


def test_the_command_line_refuses_it_in_one_line(tmp_path):
    file = plugin_file(tmp_path, **{'"mean_pool"': '"mdf"'})
    done = run_with(None, "models", "--plugin", file, home=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert "which exists; give it another name" in line


def test_contracts_tell_what_a_model_does_wrong(tmp_path):
    """The mean over padded steps depends on padding; the status is 1, and the reason is in the table."""
    wrong = {
        "masked_mean(self.project[modality](values), mask).tanh()": "self.project[modality](values).mean(1).tanh()"
    }
    file = plugin_file(tmp_path, **wrong)
    done = run_with(None, "contracts", file, "--json", home=tmp_path)
    assert done.returncode == 1
    outcomes = {row["contract"]: row for row in json.loads(done.stdout)}
    assert outcomes["padding"]["state"] == "failed"
    assert "prediction with padding: differs by up to" in outcomes["padding"]["reason"]
    assert outcomes["seed"]["state"] == "passed"


def test_contracts_need_a_small_configuration(tmp_path):
    file = plugin_file(tmp_path, **{'    SMALL = {"width": 8}\n\n': ""})
    done = run_with(None, "contracts", file, "--json", home=tmp_path)
    assert done.returncode == 1
    (only,) = json.loads(done.stdout)
    assert (only["contract"], only["state"]) == ("small", "failed")
    assert "MeanPoolConfig has no SMALL" in only["reason"]


def test_contracts_name_what_is_near(tmp_path):
    done = run_with(None, "contracts", "mdg", home=tmp_path)
    assert done.returncode == 2
    assert "did you mean 'mdf'" in done.stderr


PACKAGES = {
    "breaks": (
        "sentiprism_example/model.py",
        "class MeanPoolConfig",
        "1 / 0\nclass MeanPoolConfig",
        "cannot be imported: ZeroDivisionError",
    ),
    "is gone": ("sentiprism_example/model.py", "class MeanPool(", "class Other(", "cannot be imported: AttributeError"),
    "another name": ("sentiprism_example/model.py", '"mean_pool"', '"pool"', "is not 'mean_pool'"),
    "exists": ("sentiprism_example-0.1.0.dist-info/entry_points.txt", "mean_pool =", "mdf =", "'mdf', which exists"),
}


@pytest.mark.parametrize("how", PACKAGES)
def test_a_package_that_is_wrong_is_one_line(how, tmp_path):
    packages = install_example(tmp_path / "packages")
    name, old, new, message = PACKAGES[how]
    text = (packages / name).read_text(encoding="utf-8")
    assert old in text
    (packages / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    done = run_with(packages, "models", home=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "package sentiprism-example 0.1.0" in line
    assert message in line
