"""What axe-core finds on a page."""

from typing import TYPE_CHECKING

from makers_ci import skip_or_fail

try:
    from axe_playwright_python.sync_playwright import Axe
except ImportError:
    skip_or_fail("axe-playwright-python (extra dev) is not installed")

if TYPE_CHECKING:
    from makers_browser import Page

SEVERE = {"serious", "critical"}


def severe(page: "Page", **options: object) -> list[str]:
    """Faults that keep somebody out, each with its first place."""
    found = Axe().run(page, options={"resultTypes": ["violations"], **options}).response["violations"]
    first = [(one, one["nodes"][0]) for one in found if one["impact"] in SEVERE]
    return [f"{one['id']}: {node['html'][:200]} {' '.join(node['failureSummary'].split())}" for one, node in first]


def faults_in_both_schemes(page: "Page") -> list[str]:
    """Severe faults in light and dark, and whether the page is wider than a phone."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colours in between
        found += severe(page)
    size = page.viewport_size
    page.set_viewport_size({"width": 360, "height": 800})
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("the page is wider than its window")
    page.set_viewport_size(size)
    return found
