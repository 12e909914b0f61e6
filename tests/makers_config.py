"""Configurations as tests write them, and the line by which one is refused."""

from typing import Any

import pytest

from sentiprism.config import Config
from sentiprism.errors import UserError
from sentiprism.training.config import RunConfig


class Leaf(Config):
    rate: float = 0.1
    names: tuple[str, ...] = ()


class Tree(Config):
    leaf: Leaf = Leaf()
    maybe: Leaf | None = None
    rows: tuple[Leaf, ...] = ()
    by_name: dict[str, Leaf] = {}
    count: int = 1


def refusal(data: Any, config: type[Config] = Tree) -> str:
    """The one line that a mapping is refused with."""
    with pytest.raises(UserError) as error:
        config.parse(data, "a file")
    assert "\n" not in str(error.value)
    return str(error.value)


def run(**changes: Any) -> RunConfig:
    """A run's configuration."""
    return RunConfig.parse({"model": "mdf", "dataset": "mosi", **changes})
