"""The page Live before anything is opened: who may use microphone and camera, the notice, what is missing."""

import re

import pytest

from makers_page import Page
from makers_studio import needs_unix, serving
from sentiprism.studio.web import live

pytestmark = needs_unix


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("studio")) as opened:
        yield opened


def test_microphone_and_camera_are_allowed_on_this_page_alone(server):
    own = server.get("/live").headers
    assert "camera=(self), microphone=(self), geolocation=()" in own["Permissions-Policy"]
    assert f"connect-src 'self' ws://127.0.0.1:{server.port};" in own["Content-Security-Policy"]
    for other in ("/", "/recordings", "/label", "/nowhere"):
        found = server.get(other).headers
        assert "camera=(), microphone=()" in found["Permissions-Policy"]
        assert "ws:" not in found["Content-Security-Policy"]


def test_the_page_begins_with_the_notice_and_nothing_can_be_started(server):
    text = server.get("/live").text
    page = Page(text)
    buttons = {one["id"]: one for one in page.of("button") if "id" in one}
    assert "disabled" in buttons["start"]
    assert {"agree", "decline"} <= set(buttons)
    assert "guesses of a computer" in text
    assert "Article 50(3)" in text
    assert not [one for one in page.of("script") if not one.get("src", "").startswith("/static/")]
    scripts = re.findall(r'src="(/static/stream_page[^"]+)"', text)
    assert len(scripts) == 1
    waiting, seen = scripts, set()
    while waiting:  # every script that one imports is served, under an address with its version
        address = waiting.pop()
        seen.add(address.partition("?")[0])
        script = server.get(address)
        assert script.status == 200
        waiting += [one for one in re.findall(r'"(/static/[^"]+)"', script.text) if one.partition("?")[0] not in seen]
    assert seen == {f"/static/{name}.js" for name in (
        "stream_page", "stream_socket", "stream_capture", "stream_sound", "stream_view", "drawing")}  # fmt: skip


def test_without_its_packages_the_page_says_what_to_install(server, monkeypatch):
    monkeypatch.setattr(live, "NEEDED", ("websockets", "missing_package"))
    text = server.get("/live").text
    assert "missing_package" in text
    assert "websockets" not in text.partition("not installed:")[2].partition(".")[0]
    assert "pip install" in text
    assert "stream_page" not in text
