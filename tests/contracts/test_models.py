"""Every registered model keeps the contracts of `sentiprism.contracts`, whatever its paper."""

from pathlib import Path

import pytest
import torch

from makers_contracts import declared
from makers_models import batch, build, small, specs
from makers_text import tiny_bert
from sentiprism.contracts.models import ON_BATCHES, check_gradient, check_small
from sentiprism.contracts.presets import OF_PRESETS, exception_of, presets_of
from sentiprism.contracts.result import ContractError
from sentiprism.models import MODELS
from sentiprism.text.encoders import load_tokenizer
from sentiprism.training.experiments import list_experiments, load_experiment

NAMES = list(MODELS)
ON_TOKENS = [contract for contract in ON_BATCHES if contract.tokens]
PRESETS = [(name, preset) for name in NAMES for preset in presets_of(name)]


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory):
    folder: Path = tmp_path_factory.mktemp("bert")
    tiny_bert(folder)
    return specs(folder, len(load_tokenizer(folder)))


def test_there_are_models():
    assert "mdf" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_model_has_an_experiment(name):
    experiments = [load_experiment(e) for e in list_experiments() if e.startswith(f"{name}/")]
    assert experiments
    ours = MODELS[name].citation.venue == "this project"
    assert ours or any(e.published for e in experiments)


@pytest.mark.parametrize("contract", ON_BATCHES, ids=lambda one: one.name)
@pytest.mark.parametrize("name", NAMES)
def test_a_contract_is_kept(name, contract):
    with declared(MODELS[name].exceptions.get(contract.name)):
        contract.check(name, specs())


@pytest.mark.parametrize("contract", ON_TOKENS, ids=lambda one: one.name)
@pytest.mark.parametrize("name", NAMES)
def test_a_contract_is_kept_on_tokens(name, contract, tokens):
    with declared(MODELS[name].exceptions.get(contract.name)):
        contract.check(name, tokens)


@pytest.mark.parametrize("contract", OF_PRESETS, ids=lambda one: one.name)
@pytest.mark.parametrize(("name", "preset"), PRESETS, ids=" ".join)
def test_a_contract_is_kept_under_each_preset(name, preset, contract):
    with declared(exception_of(name, contract.name, preset)):
        contract.check(name, preset)


def test_a_parameter_that_does_not_learn_is_found(monkeypatch):
    def with_idle_bias(self, *given, **more):
        init(self, *given, **more)
        self.bias = torch.nn.Parameter(torch.zeros(1))

    kind = MODELS["lf_dnn"]
    init = kind.__init__
    monkeypatch.setattr(kind, "__init__", with_idle_bias)
    with pytest.raises(ContractError, match="bias get no gradient"):
        check_gradient("lf_dnn", specs())


def test_a_model_without_a_small_configuration_is_told(monkeypatch):
    monkeypatch.delattr(MODELS["tfn"].Config, "SMALL")
    with pytest.raises(Exception, match="TFNConfig has no SMALL"):
        check_small("tfn", specs())


@pytest.mark.parametrize("name", NAMES)
def test_a_small_model_is_small(name):
    fields = MODELS[name].Config.model_fields
    assert set(small(name)) <= set(fields)
    size = sum(p.numel() for p in build(name, specs(), config=small(name)).parameters())
    assert size < 200_000
    assert batch(specs()).text.values.shape[2] == 12
