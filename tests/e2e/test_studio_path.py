"""From six real clips to an adapted model in a real browser: by keyboard alone, and by mouse on a real PostgreSQL."""

import pytest

from makers_hands import Keyboard, Mouse
from makers_processes import needs_proc
from makers_studio import Server
from makers_studio_path import StudioPath, with_transcripts

pytestmark = needs_proc


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Features and words of the clips: the same in each way, and so computed in the first one alone."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def server(request, home, tmp_path, monkeypatch, cache):
    """A studio on SQLite or PostgreSQL, with its queue running and nothing in it."""
    monkeypatch.chdir(tmp_path)
    home.mkdir()
    (home / "cache").symlink_to(cache)
    url = request.getfixturevalue("url") if request.param == "postgresql" else None
    opened = Server(home, tmp_path, url=url)
    assert opened.studio.database.engine.dialect.name == request.param
    opened.studio.runner.start()
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("server", "hand"),
    [("sqlite", Keyboard), ("postgresql", Mouse)],
    indirect=["server"],
    ids=["keyboard", "mouse on postgresql"],
)
def test_six_clips_are_labelled_and_the_starter_is_adapted_to_them(
    server, hand, watched, shared_data, minilm, face_landmarker, tmp_path
):
    files = with_transcripts(shared_data / "mosi_raw", tmp_path)
    path = StudioPath(server, hand(watched(server.link)), files)
    for step in path.steps:
        step()
