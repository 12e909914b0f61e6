"""One small dataset, one small trained run, a tiny text encoder and an empty cache, shared by tests of many modules."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from makers_models import small
from makers_store import store_at
from makers_text import tiny_bert
from sentiprism.data.dataset import Dataset
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.training.run import Run
from sentiprism.training.train import train

EPOCHS = 5


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds the dataset "small"."""
    with store_at(tmp_path_factory.mktemp("home")) as home:
        synthetic_dataset("small", sizes=(48, 16, 16))
    return home


@pytest.fixture(scope="session")
def many_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds the dataset "many": twelve videos in test and ten in valid, where differences are tested."""
    with store_at(tmp_path_factory.mktemp("home")) as home:
        synthetic_dataset("many", sizes=(48, 40, 48))
    return home


@pytest.fixture
def many(many_home: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The dataset of many videos, in the store that this test sees."""
    from sentiprism.data.store import load_dataset

    monkeypatch.setenv("SENTIPRISM_HOME", str(many_home))
    return load_dataset("many")


@pytest.fixture
def data(small_home: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The small dataset, in the store that this test sees."""
    from sentiprism.data.store import load_dataset

    monkeypatch.setenv("SENTIPRISM_HOME", str(small_home))
    return load_dataset("small")


def settings(**optim: Any) -> dict[str, Any]:
    """A run of a second."""
    return {"config": small("mdf"), "optim": {"epochs": EPOCHS, "batch_size": 8, "lr": 5e-3, **optim}}


@pytest.fixture
def fit(data: Dataset, tmp_path: Path) -> Callable[..., Run]:
    """Train MDF on the small dataset; keywords are settings of the optimiser."""

    def run(name: str = "run", *, seeds: int | tuple[int, ...] = 1, given: Any = None, **optim: Any) -> Run:
        given = data if given is None else given
        return train(
            "mdf", given, seeds=seeds, settings=settings(**optim), out=tmp_path / name, device="cpu", quiet=True
        )

    return run


@pytest.fixture(scope="session")
def trained(small_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """MDF with two seeds on the small dataset; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("runs") / "trained"
    with store_at(small_home):
        return train(
            "mdf", "small", seeds=2, settings=settings(), out=folder, device="cpu", tensorboard=True, quiet=True
        )


@pytest.fixture(scope="session")
def trained_many(many_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """MDF with two seeds on the dataset of many videos; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("runs") / "trained"
    with store_at(many_home):
        return train("mdf", "many", seeds=2, settings=settings(), out=folder, device="cpu", quiet=True)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("encoders") / "tiny")


@pytest.fixture
def cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SENTIPRISM_ASSETS", raising=False)
    return home / "assets"
