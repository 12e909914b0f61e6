"""Fixtures every test may use."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: tiny models run faster on one, whatever else runs
if hasattr(signal, "SIGHUP"):  # commands that the tests start inherit what nohup sets, and would ignore a hang-up
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Exclude what is there after a test from garbage collection.

    Every training ends with a full collection. In a process that has imported torch, transformers and the exporter,
    that takes half as long as a small training; modules and caches are never garbage.
    """
    yield
    if gc.get_count()[2]:  # the test made many objects
        gc.collect()
        gc.freeze()


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


def _asset(name: str) -> Iterator[Path]:
    """An asset from the user's own cache, where tests with a cache of their own find it too."""
    from makers_ci import skip_or_fail
    from sentiprism.assets.pinned import ASSETS
    from sentiprism.assets.registry import fetch
    from sentiprism.errors import UserError

    try:
        folder = fetch(name)
    except UserError as error:
        skip_or_fail(str(error))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ASSETS[name].variable, str(folder))
        yield folder


@pytest.fixture(scope="session")
def minilm() -> Iterator[Path]:
    """The real MiniLM, fetched through the asset mechanism into the user's own cache and found by name."""
    yield from _asset("minilm")


@pytest.fixture(scope="session")
def whisper_base() -> Iterator[Path]:
    """The real Whisper base, 148 MB."""
    yield from _asset("whisper-base")


@pytest.fixture(scope="session")
def voice_encoder() -> Iterator[Path]:
    """The real voice encoder, 17 MB."""
    yield from _asset("voice-encoder")


@pytest.fixture(scope="session")
def two_cities() -> Iterator[Any]:
    """44 s of a reading at 16 kHz; what is read is `makers_speech.TWO_CITIES`."""
    from makers_speech import heard

    for folder in _asset("two-cities"):
        yield heard(folder / "two_cities.wav")


@pytest.fixture(scope="session")
def strong_expressions() -> Iterator[Path]:
    """Folder of 20 s of a real face."""
    yield from _asset("strong-expressions")


@pytest.fixture(scope="session")
def face_landmarker() -> Iterator[Path]:
    """The real face landmarker, and the library that runs it."""
    pytest.importorskip("mediapipe", reason="MediaPipe (extra media) is not installed")
    yield from _asset("face-landmarker")


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A real browser without a window."""
    pytest.importorskip("playwright.sync_api", reason="playwright (extra dev) is not installed")
    from makers_browser import launched

    with launched() as opened:
        yield opened
