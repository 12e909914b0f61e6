"""How an exception that a model declares from a contract is held against what it does."""

from contextlib import AbstractContextManager, nullcontext

import pytest

from sentiprism.contracts.result import ContractError


def declared(reason: str | None) -> AbstractContextManager[object]:
    """Expect the contract to be broken where the model's file says so, so that no exception outlives its reason."""
    return pytest.raises(ContractError) if reason else nullcontext()
