"""Fixtures every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: tiny models run faster on one, whatever else runs

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for datasets, assets and caches."""
    root = tmp_path / "home"
    monkeypatch.setenv("SENTIPRISM_HOME", str(root))
    return root


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real datasets beside the project."""
    if not SHARED.is_dir():
        pytest.skip("the real datasets (../shared/data) are not here")
    return SHARED


@pytest.fixture(scope="session")
def papers() -> Path:
    """The text of the five papers, that published numbers are checked against."""
    folder = SHARED.with_name("papers")
    if not folder.is_dir():
        pytest.skip("the papers (../shared/papers) are not here")
    return folder


@pytest.fixture(scope="session")
def minilm() -> Iterator[Path]:
    """The real MiniLM, fetched through the asset mechanism into the user's own cache and found by name."""
    from sentiprism.errors import UserError
    from sentiprism.features.assets import fetch

    try:
        folder = fetch("minilm")
    except UserError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SENTIPRISM_ASSET_MINILM", str(folder))
        yield folder
