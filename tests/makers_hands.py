"""Two hands that use a page as people do: a mouse, and a keyboard alone."""

from pathlib import Path
from typing import Protocol

from makers_browser import Page, expect, playwright
from makers_studio import wait_for

FileChooser, Locator = playwright.FileChooser, playwright.Locator
MOST = 400
"""Presses of Tab in which everything on a page must be reached."""
WHERE = """(wanted) => {
  const now = document.activeElement;
  if (now === wanted) return "here";
  if (!now || now === document.body) return "nowhere";
  return now.compareDocumentPosition(wanted) & Node.DOCUMENT_POSITION_PRECEDING ? "before" : "after";
}"""
SEEN = """(one) => {
  const box = one.getBoundingClientRect(), shown = one.matches("[type=file]") ? one.closest("label") : one;
  const inside = box.bottom > 0 && box.top < innerHeight;
  return inside && getComputedStyle(shown).outlineStyle !== "none";
}"""
"""Whether what has the focus is on the screen, and marked."""


class Hand(Protocol):
    """What a person does with a page."""

    page: Page

    def press(self, target: Locator) -> None:
        """Follow a link, press a button, open a summary."""

    def tick(self, target: Locator) -> None:
        """Tick a box."""

    def fill(self, target: Locator, text: str) -> None:
        """Replace the text of a field."""

    def choose(self, target: Locator, label: str) -> None:
        """Choose an option of a list."""

    def add_files(self, target: Locator, files: list[Path]) -> None:
        """Choose files on the disk."""

    def rate(self, value: int) -> None:
        """Choose the n-th value of a scale, and save it."""


class Mouse:
    """Clicks; texts are typed."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        target.click()

    def tick(self, target: Locator) -> None:
        target.click()
        expect(target).to_be_checked()

    def fill(self, target: Locator, text: str) -> None:
        target.click(click_count=3)
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)

    def choose(self, target: Locator, label: str) -> None:
        target.select_option(label=label)  # the list itself is the system's, and nothing that a page has

    def add_files(self, target: Locator, files: list[Path]) -> None:
        with self.page.expect_file_chooser() as chooser:
            self.page.locator("label", has=target).click()
        _set_files(chooser.value, files)

    def rate(self, value: int) -> None:
        self.page.locator("label.value").nth(value).click()
        self.page.get_by_role("button", name="Save and next").click()


class Keyboard:
    """Tab, Enter, Space, arrows and letters; nothing gets the focus but by Tab."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.on("filechooser", lambda _: None)  # from now on: a key opens the list of files before it could be awaited

    def press(self, target: Locator) -> None:
        self._reach(target)
        self.page.keyboard.press("Enter")

    def tick(self, target: Locator) -> None:
        self._reach(target)
        self.page.keyboard.press("Space")
        expect(target).to_be_checked()

    def fill(self, target: Locator, text: str) -> None:
        self._reach(target)
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)

    def choose(self, target: Locator, label: str) -> None:
        self._reach(target)
        self.page.keyboard.press("Home")
        for _ in range(target.locator("option").count()):
            if target.evaluate("(one) => one.selectedOptions[0].label") == label:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{label} cannot be chosen by the arrow keys")

    def add_files(self, target: Locator, files: list[Path]) -> None:
        self._reach(target)
        with self.page.expect_file_chooser() as chooser:
            self.page.keyboard.press("Enter")
        _set_files(chooser.value, files)

    def rate(self, value: int) -> None:
        self.page.keyboard.press(str(value + 1))
        self.page.keyboard.press("Enter")

    def _reach(self, target: Locator) -> None:
        """Press Tab until something has the focus, past the navigation by the link for it."""
        target.wait_for(state="attached")
        where = target.evaluate(WHERE)
        if where == "nowhere" and target.evaluate("(one) => one.closest('main') !== null"):
            self.page.keyboard.press("Tab")  # on a fresh page; on one whose part was replaced, on from there
            skip = self.page.locator(".skip")
            if skip.evaluate("(one) => one === document.activeElement"):
                self.page.keyboard.press("Enter")
                expect(skip).not_to_be_focused()  # the next Tab begins behind the navigation from then on
            where = target.evaluate(WHERE)
        for _ in range(MOST):
            if where == "here":
                return wait_for(lambda: target.evaluate(SEEN), f"the mark of the focus on {target}")
            self.page.keyboard.press("Shift+Tab" if where == "before" else "Tab")
            where = target.evaluate(WHERE)
        raise AssertionError(f"{target} is not reached by {MOST} presses of Tab")


def _set_files(chooser: FileChooser, files: list[Path]) -> None:
    assert chooser.is_multiple()
    chooser.set_files(files)
