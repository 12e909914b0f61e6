"""A misspelt field of a model's configuration is found without torch, and no right one is refused for it."""

import subprocess
import sys

import pytest

from makers_hostile import refusal
from sentiprism.models import MODELS
from sentiprism.models.fields import check_fields, config_fields

TRANSLATES = {"ridge"}
"""Models whose configuration takes names of earlier versions."""


@pytest.mark.parametrize("name", MODELS)
def test_the_fields_in_the_source_are_those_of_the_configuration(name):
    expected = None if name in TRANSLATES else set(MODELS[name].Config.model_fields)
    assert config_fields(name) == expected


def test_a_misspelt_field_is_named_with_the_near_match():
    refusal(
        lambda: check_fields("mdf", ["width", "widht"]),
        "configuration of mdf: unknown key 'widht'; did you mean 'width'",
    )
    refusal(lambda: check_fields("mfd", []), "no model is called 'mfd'")
    check_fields("ridge", ["task"])


def test_torch_is_not_imported_for_it():
    code = (
        "import sys; from sentiprism.models.fields import config_fields; from sentiprism.models import MODELS\n"
        "assert all(map(config_fields, ['mdf', 'tfn', 'dpdf_lq'])); print('torch' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
