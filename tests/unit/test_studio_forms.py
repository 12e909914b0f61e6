"""Forms that are made from configurations, and what comes back from them."""

import pytest

from sentiprism.analysis.options import Options
from sentiprism.errors import UserError
from sentiprism.models import MODELS
from sentiprism.studio.fields import assignments, fields_of
from sentiprism.studio.training_form import list_experiments_of, make_form, name_fault, read_form
from sentiprism.training.config import RunConfig
from sentiprism.training.experiments import load_experiment, starting_settings
from sentiprism.training.train import resolve

pytestmark = pytest.mark.usefixtures("home")


def test_docstrings_defaults_ranges_and_choices_are_those_of_the_configuration():
    found = {field.name: field for field in fields_of(Options())}
    longest = found["longest"]
    assert (longest.kind, longest.value, longest.limits) == ("number", "15.0", "above 1")
    assert longest.help == "Most seconds of an utterance."
    assert (found["face"].kind, found["face"].choices) == ("choice", ("speaking", "largest", "all"))
    assert (found["words"].kind, found["words"].value) == ("truth", "true")
    assert found["language"].optional
    assert found["language"].value == ""


@pytest.mark.parametrize("model", sorted(MODELS))
def test_the_form_of_every_model_has_its_every_setting_and_changes_nothing_by_itself(model):
    form = make_form(model, "synthetic")
    whole = resolve({**starting_settings(model, "synthetic", None, "run"), "model": model, "dataset": "synthetic"})
    assert read_form(form, {}) == whole
    assert read_form(form, {field.name: field.value for field in form.fields}) == whole
    config = MODELS[model].Config.parse(whole.config)
    shown = {field.name for field in form.fields}
    for key in type(config).model_fields:
        name = f"config.{key}"
        assert key == "preset" or any(one == name or one.startswith(f"{name}.") for one in shown), name


@pytest.mark.parametrize("model", sorted(MODELS))
def test_what_the_form_shows_is_read_back_as_it_was(model):
    form = make_form(model, "synthetic")
    base = read_form(form, {})
    for field in form.fields:
        if field.name == "seeds" or not field.value:
            continue
        same = resolve(form.base, [f"{field.name}={field.value}"])
        assert same.model_dump() == base.model_dump(), field.name


def test_a_changed_field_is_an_assignment_as_on_the_command_line():
    form = make_form("mdf", "synthetic")
    given = {"optim.lr": "0.002", "config.width": "64", "seeds": "3", "optim.clip": " 1 ", "data.text.encoder": ""}
    assert set(assignments(form.fields, given)) == {
        "seeds=3", "optim.lr=0.002", "config.width=64", "optim.clip=1", "data.text.encoder=null",
    }  # fmt: skip
    run = read_form(form, given)
    assert (run.optim.lr, run.config["width"], len(run.seeds), run.optim.clip) == (0.002, 64, 3, 1.0)
    assert run.data.text.encoder is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"optim.epochs": "0"}, "optim.epochs"),
        ({"config.dropout": "2"}, "config.dropout"),
        ({"optim.lr": "fast"}, "optim.lr"),
        ({"config.fuse": "[text, smell]"}, "config.fuse"),
        ({"seeds": "0"}, "seeds"),
    ],
)
def test_a_wrong_value_is_told_beside_its_field(given, field):
    form = make_form("mdf", "synthetic")
    with pytest.raises(UserError) as caught:
        read_form(form, given)
    assert name_fault(form, caught.value) == field


def test_settings_may_start_from_an_experiment_of_the_model():
    names = [one.name for one in list_experiments_of("mdf")]
    assert "mdf/jian2026_mosi" in names
    run = read_form(make_form("mdf", "synthetic", "mdf/jian2026_mosi"), {})
    wanted = load_experiment("mdf/jian2026_mosi").run
    assert run.dataset == "synthetic"
    assert run.optim.lr == wanted["optim"]["lr"]
    with pytest.raises(UserError, match="not an experiment of dlf"):
        make_form("dlf", "synthetic", "mdf/jian2026_mosi")
    with pytest.raises(UserError, match="did you mean 'mdf'"):
        make_form("mdff", "synthetic")
    with pytest.raises(UserError, match="did you mean 'synthetic'"):
        make_form("mdf", "synthetics")


def test_a_preset_fills_the_fields_that_are_not_changed():
    model = next(name for name in MODELS if len(MODELS[name].Config.PRESETS) > 1)
    usual, *others = sorted(
        MODELS[model].Config.PRESETS, key=lambda name: name != MODELS[model].Config.model_fields["preset"].default
    )
    form = make_form(model, "synthetic", preset=others[0])
    assert form.preset == others[0]
    run = read_form(form, {})
    assert isinstance(run, RunConfig)
    assert run.config["preset"] == others[0] != usual
