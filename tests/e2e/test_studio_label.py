"""Labelling in a real browser: two raters, agreement, decisions, a table."""

import csv
import re
from pathlib import Path

import pytest

from makers_browser import expect
from makers_media import make_media, sine
from makers_processes import needs_proc
from makers_studio import SHARED, wait_for

pytestmark = needs_proc


@pytest.fixture
def recordings(tmp_path) -> list[Path]:
    """Real recordings of people who speak, else tones."""
    if SHARED.is_dir():
        return sorted((SHARED / "mosi_raw").glob("*.mp4"))[:3]
    return [make_media(tmp_path / f"voice {n}.wav", samples=sine(2.0 + n, 16_000)) for n in range(3)]


def rate(page, keys: str) -> None:
    """Rate one utterance after the other by keyboard; each press is confirmed before the next."""
    for n, key in enumerate(keys):
        expect(page.locator("form[data-ready]")).to_be_attached()
        page.keyboard.press(key)
        page.keyboard.press("Enter")
        expect(page.locator(".rate-progress .quiet")).to_have_text(f"{n + 1} of {len(keys)} rated")
        expect(page.locator("[data-saved]")).to_have_text("✓ Saved")


def test_two_raters_agree_disagree_and_become_a_table(recordings, studio, watched):
    page = watched(studio.link)
    page.goto(f"{studio.address}/recordings")
    page.set_input_files("#files", recordings)
    expect(page.locator("#list-title")).to_have_text("3 recordings")
    page.get_by_label("Choose all on this page").check()
    page.get_by_role("button", name="Label").click()
    page.get_by_label("Name of the task").fill("Reviews")
    page.get_by_text("Each recording is one utterance").click()
    page.get_by_text("Settings of speech detection").click()
    page.locator("[name=asr]").fill("none")
    page.get_by_role("button", name="Make the task").click()
    expect(page.get_by_role("button", name="Start rating")).to_be_visible()  # by itself, when the job has ended
    page.get_by_role("link", name="Boundaries").first.click()
    expect(page.locator("path.peaks")).to_have_attribute("d", re.compile("^M0 256L"))
    page.locator("[data-scroll]").focus()
    expect(page.locator("[data-rows] tr")).to_have_count(1)
    for _ in range(2):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("s")
    expect(page.locator("[data-rows] tr")).to_have_count(2)
    page.locator("[data-edge='0 end']").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_label("End of utterance 1")).to_have_count(2)  # the boundary and its field
    expect(page.locator("[data-input='0 end']")).to_have_value("0.95")
    page.get_by_role("button", name="Save the boundaries").click()
    expect(page.locator("[data-changed]")).to_have_text("Nothing is changed.")
    expect(page.locator("[data-rows] tr")).to_have_count(2)
    page.locator(".crumb a").click()
    page.get_by_label("Your name").fill("Ann")
    page.keyboard.press("Enter")
    expect(page.locator("[data-player]")).to_be_visible()
    media = "document.querySelector('video, audio')"
    wait_for(lambda: page.evaluate(f"{media}.readyState") >= 1, "the recording")
    page.evaluate(f"{media}.currentTime = 99")
    start, end = (float(page.locator("[data-player]").get_attribute(f"data-{side}")) for side in ("start", "end"))
    wait_for(lambda: start - 0.1 <= page.evaluate(f"{media}.currentTime") <= end + 0.1, "the utterance alone")
    rate(page, "1357")
    expect(page.get_by_text("All 4 rated")).to_be_visible()
    other = watched(studio.link)
    other.goto(page.url.partition("/rate/")[0])
    other.get_by_label("Your name").fill("Ben")
    other.keyboard.press("Enter")
    expect(other.locator(".rate-progress .quiet")).to_have_text("0 of 4 rated")
    expect(other.locator("input:checked[name=value]")).to_have_count(0)
    rate(other, "4444")
    other.go_back()
    expect(other.locator("input:checked[name=value]")).to_have_count(1)  # the back button shows what is stored
    page.get_by_role("link", name="To the task").click()
    expect(page.locator(".numbers dd").first).to_contain_text(re.compile(r"^−?[01]\.\d{3}"))
    page.get_by_role("button", name="Close the task").click()
    page.get_by_role("link", name="Settle disagreements").click()
    page.locator("tbody th a").first.click()
    page.get_by_label("Label", exact=True).fill("-2.5")
    page.locator(".skip").press("Enter")
    page.wait_for_load_state("networkidle")
    expect(page.get_by_label("Label", exact=True)).to_have_value("-2.5")  # the page is not loaded again
    page.get_by_label("Who decides").fill("Judge")
    page.get_by_role("button", name="Save").click()
    page.goto(page.url.partition("/decide/")[0])
    with page.expect_download() as download:
        page.get_by_role("link", name="labels.csv").click()
    with Path(download.value.path()).open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 4
    assert [row["how"] for row in table].count("person") == 1
    assert next(row for row in table if row["decided_by"] == "Judge")["label"] == "-2.5"
    assert {row["file"] for row in table} == {path.name for path in recordings}
