"""No page of the studio keeps people with disabilities out, as far as axe-core finds out."""

import pytest

from makers_axe import severe
from makers_processes import needs_proc
from makers_studio import serving
from makers_walk import fill, walk
from sentiprism.studio.web import pages

pytestmark = needs_proc
AREAS = {address for _, address in pages.AREAS.values()} | {"/tutorial", "/recordings/bin", "/train/new", "/jobs"}


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path) as opened:
        yield opened


def test_no_page_has_a_severe_fault_in_light_or_dark_or_is_wider_than_a_phone(server, watched, tmp_path):
    forms = fill(server, tmp_path)
    page = watched(server.link, known="status of 404", color_scheme="light")
    faults, seen = {}, set()
    for address in [*walk(server, *forms), "/nowhere"]:
        for scheme, only in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):  # the rest is alike in both
            page.emulate_media(color_scheme=scheme)
            page.goto(f"{server.address}{address}")  # again: colours that change slowly are in between
            if found := severe(page, **only):
                faults[address, scheme] = found
        page.set_viewport_size({"width": 360, "height": 800})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults[address, "on a phone"] = ["the page is wider than its window"]
        page.set_viewport_size({"width": 1280, "height": 720})
        seen.add(address.partition("?")[0])
    assert faults == {}
    assert seen >= AREAS
    for part in ("/cuts/", "/decide/", "/rate/", "/disagreements", "/models/", "/data/bin"):
        assert any(part in address for address in seen), part
    assert sum(address.count("/") > 1 for address in seen) > 12, sorted(seen)
