"""What tests of the report in a real browser share: where its time line stands, and how it is pressed."""

from makers_ci import skip_or_fail

try:
    import playwright.sync_api as playwright
except ImportError:
    skip_or_fail("playwright (extra dev) is not installed")

Page, expect = playwright.Page, playwright.expect


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
