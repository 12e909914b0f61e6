"""A run, and datasets to start others on from its weights."""

from pathlib import Path

import pytest

from makers_store import store_at
from makers_text import tiny_bert
from makers_transfer import fit, words_and_voices
from sentiprism.training.run import Run


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Datasets "first", "second" and "wide", and a run of two seeds on the first with a tuned encoder."""
    home = tmp_path_factory.mktemp("home")
    encoder = tiny_bert(home / "encoders" / "tiny")
    with store_at(home):
        words_and_voices("first")
        words_and_voices("second", seed=1)
        words_and_voices("wide", seed=2, audio=7)
        fit("first", home / "run", encoder, seeds=2)
    return home


@pytest.fixture
def encoder(store: Path) -> Path:
    return store / "encoders" / "tiny"


@pytest.fixture
def source(store: Path) -> Run:
    return Run(store / "run")


@pytest.fixture(autouse=True)
def _home(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIPRISM_HOME", str(store))
