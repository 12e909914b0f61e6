"""Every registered model keeps the contracts of training, and its golden output; export is in test_exported."""

import json

import pytest

from makers_contracts import declared
from sentiprism.contracts.training import WHILE_TRAINED, check_onnx
from sentiprism.models import MODELS
from tests.golden.make import FILE, golden_output

NAMES = list(MODELS)
CONTRACTS = [one for one in WHILE_TRAINED if one.check is not check_onnx]
GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda one: one.name)
@pytest.mark.parametrize("name", NAMES)
def test_a_contract_is_kept(name, contract):
    with declared(MODELS[name].exceptions.get(contract.name)):
        contract.check(name)


@pytest.mark.parametrize("name", NAMES)
def test_golden_output(name):
    """Seeded weights give the kept predictions for a seeded batch: a change of the arithmetic is noticed.

    Where the change is meant, and for a new model: ``python tests/golden/make.py MODEL``.
    """
    assert name in GOLDEN, f"python tests/golden/make.py {name}"
    assert_golden(golden_output(name), GOLDEN[name])


def test_golden_outputs_are_of_models_that_there_are():
    assert set(GOLDEN) == set(NAMES)


def assert_golden(found, expected) -> None:
    """The same names, none gone and none new, and the same numbers, as far as another processor gives them."""
    assert found.keys() == expected.keys()
    for key, numbers in expected.items():
        assert found[key] == pytest.approx(numbers, rel=1e-4, abs=1e-4), key


@pytest.mark.parametrize("gone", ["task", "weights.modality", "prediction"])
def test_what_vanished_or_changed_is_no_golden_output(gone):
    expected = {"prediction": [1.0, 1.0], "task": [1.0], "weights.modality": [0.3, 0.4]}
    assert_golden(dict(expected), expected)
    with pytest.raises(AssertionError):
        assert_golden({key: value for key, value in expected.items() if key != gone}, expected)
    with pytest.raises(AssertionError):
        assert_golden({**expected, gone: [number + 1e-3 for number in expected[gone]]}, expected)
    with pytest.raises(AssertionError):
        assert_golden({**expected, "new": [0.0]}, expected)
