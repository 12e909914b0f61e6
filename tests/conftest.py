"""Fixtures every test may use."""

from pathlib import Path

import pytest

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
