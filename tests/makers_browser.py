"""What tests in a real browser share: the browser itself; where a report's time line stands, and how it is pressed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from makers_ci import skip_or_fail

try:
    import playwright.sync_api as playwright
except ImportError:
    skip_or_fail("playwright (extra dev) is not installed")

Page, expect = playwright.Page, playwright.expect
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def launched(*words: str) -> Iterator[playwright.Browser]:
    """A real browser without a window.

    Args:
        words: arguments of its command.
    """
    if not any(map(shutil.which, BROWSERS)):
        skip_or_fail(f"no browser is installed ({', '.join(BROWSERS)})")
    with playwright.sync_playwright() as started:
        opened = launch(started.chromium, *words)
        yield opened
        opened.close()


def launch(kind: playwright.BrowserType, *words: str) -> playwright.Browser:
    """Start another one; a process can have one Playwright alone."""
    program = next(filter(None, map(shutil.which, BROWSERS)))
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # it refuses to start else
    return kind.launch(executable_path=program, args=[*as_root, *words])


def time_of(page: Page) -> float:
    return page.evaluate("document.querySelector('video').currentTime")


def playhead(page: Page) -> float:
    """Where the playhead stands, as a share of the lanes' width."""
    return page.evaluate(
        "(() => { const box = document.querySelector('#lanes').getBoundingClientRect();"
        " const at = document.querySelector('.playhead').getBoundingClientRect();"
        " return (at.left + at.width / 2 - box.left - 40) / (box.width - 48); })()"
    )


def click_at(page: Page, share: float, y: int = 90) -> None:
    """Press the time line at a share of its length."""
    lanes = page.locator("#lanes")
    lanes.scroll_into_view_if_needed()
    box = lanes.bounding_box()
    lanes.click(position={"x": 40 + share * (box["width"] - 48), "y": y})


def current(page: Page) -> list[str]:
    return page.eval_on_selector_all("#list > li[aria-current]", "all => all.map(one => one.dataset.number)")
