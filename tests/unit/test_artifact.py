"""Saved models: what is refused, and in which words."""

import json

import pytest

from makers_models import build, small, specs
from sentiprism.errors import UserError
from sentiprism.models import MODELS, load_model, save_model


def test_a_model_saved_before_its_equations_changed_is_refused_in_one_line(tmp_path):
    save_model(build("mfn", specs(), config=small("mfn")), tmp_path / "model", {})
    path = tmp_path / "model" / "config.json"
    described = json.loads(path.read_text())
    assert described["version"] == MODELS["mfn"].version == 2
    del described["version"]  # as the first version was written
    path.write_text(json.dumps(described))
    with pytest.raises(UserError, match="mfn version 1, whose equations have changed") as refused:
        load_model(tmp_path / "model")
    assert "\n" not in str(refused.value)


def test_a_model_that_never_changed_is_loaded_without_a_version(tmp_path):
    save_model(build("mdf", specs(), config=small("mdf")), tmp_path / "model", {})
    path = tmp_path / "model" / "config.json"
    described = json.loads(path.read_text())
    del described["version"]
    path.write_text(json.dumps(described))
    assert load_model(tmp_path / "model").model.name == "mdf"
