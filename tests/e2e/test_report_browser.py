"""The report in a real browser: it plays, follows, steers, and reaches for nothing outside of itself."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from makers_report import classified, make_video, nothing, reading, review
from sentiprism.report.files import write_index, write_report
from sentiprism.report.page.index import Entry

pytest.importorskip("playwright", reason="playwright (extra dev) is not installed")
from playwright.sync_api import Browser, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
READY = """() => {
  const video = document.querySelector("video");
  if (video && video.readyState < 1 && !video.error)
    return new Promise((done) => ["loadedmetadata", "error"].forEach((event) => video.addEventListener(event, done)));
}"""
STEP = 15 / 12
"""Seconds from one utterance of the example to the next."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser is installed ({', '.join(NAMES)})")
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # it refuses to start else
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=program, args=as_root)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return make_video(tmp_path_factory.mktemp("media") / "clip.webm")


@pytest.fixture(scope="module")
def report(tmp_path_factory, video) -> Path:
    return write_report(review(), tmp_path_factory.mktemp("reports") / "it's a <report> #1", video)


@pytest.fixture
def visit(browser):
    """Opens a page; any message on the console, error or request from outside fails the test at its end."""
    faults, contexts = [], []

    def asked(request):
        if not request.url.startswith(("file:", "data:")):
            faults.append(f"asked for {request.url}")

    def go(path: Path, **settings) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **settings})
        contexts.append(context)
        page = context.new_page()
        page.on("request", asked)
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(path.as_uri())
        if page.locator("video").count():
            page.evaluate(READY)  # waiting for a function would be eval, which the page's policy forbids
        return page

    yield go
    for context in contexts:
        context.close()
    assert faults == []


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


def test_the_time_line_steers_the_video(visit, report):
    page = visit(report)
    assert time_of(page) == 0
    for share in (0.54, 0.1, 0.95):
        click_at(page, share)
        assert time_of(page) == pytest.approx(15 * share, abs=0.05)
        assert playhead(page) == pytest.approx(share, abs=0.01)
        assert current(page) == [str(int(15 * share / STEP) + 1)]


def test_dragging_along_the_time_line_takes_the_video_along(visit, report):
    page = visit(report)
    click_at(page, 0.2)
    box = page.locator("#lanes").bounding_box()
    page.mouse.down()
    page.mouse.move(box["x"] + 40 + 0.7 * (box["width"] - 48), box["y"] + 90, steps=4)
    page.mouse.up()
    assert time_of(page) == pytest.approx(10.5, abs=0.05)


def test_the_time_line_follows_the_video(visit, report):
    page = visit(report)
    page.evaluate("document.querySelector('video').currentTime = 7.8")
    expect(page.locator("#list > li[aria-current]")).to_have_attribute("data-number", "7")
    assert playhead(page) == pytest.approx(7.8 / 15, abs=0.01)
    assert "they did promise" in page.inner_text("#now")
    page.evaluate("Object.assign(document.querySelector('video'), {muted: true}).play()")
    expect(page.locator("#list > li[aria-current]")).to_have_attribute("data-number", "8")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Pause")
    page.click("#play")
    stopped = page.evaluate("document.querySelector('video').paused")
    assert stopped
    expect(page.locator("#play")).to_have_attribute("aria-label", "Play")
    assert time_of(page) > 8.7
    assert playhead(page) == pytest.approx(time_of(page) / 15, abs=0.02)


def test_an_utterance_a_word_and_a_moment_of_the_summary_lead_to_their_time(visit, report):
    page = visit(report)
    page.locator("#list > li").nth(8).locator(".range").click()
    assert time_of(page) == pytest.approx(8.04 * STEP, abs=0.05)
    page.locator("#list > li").nth(4).locator(".said span", has_text="never").click()
    words = review().utterances[4].words
    assert time_of(page) == pytest.approx(next(word.start for word in words if word.text == "never"), abs=0.05)
    assert page.locator("#now .spoken").inner_text() == "never"
    page.get_by_role("link", name="Most positive").click()
    assert time_of(page) == pytest.approx(11.04 * STEP, abs=0.05)
    assert current(page) == ["12"]


def test_the_keyboard_is_enough(visit, report):
    page = visit(report)
    page.locator("#lanes").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert time_of(page) == pytest.approx(2, abs=0.05)
    page.keyboard.press("ArrowLeft")
    assert time_of(page) == pytest.approx(1, abs=0.05)
    page.keyboard.press("ArrowDown")
    assert time_of(page) == pytest.approx(1.04 * STEP, abs=0.05)
    expect(page.locator("#lanes")).to_have_attribute(
        "aria-valuetext", "0:01, positive +2.10: and honestly the screen is gorgeous, I love looking at it"
    )
    page.keyboard.press("End")
    assert time_of(page) > 14.8
    page.keyboard.press("Home")
    assert time_of(page) == 0
    page.keyboard.press("Space")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Pause")
    page.keyboard.press("Space")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Play")
    page.locator("#list .time").nth(2).focus()
    page.keyboard.press("Enter")
    assert time_of(page) == pytest.approx(2.04 * STEP, abs=0.05)


def test_zooming_keeps_the_time_line_true(visit, report):
    page = visit(report)
    click_at(page, 0.5)
    page.click("#zoom-in")
    page.click("#zoom-in")
    assert playhead(page) == pytest.approx(0.5, abs=0.02)
    click_at(page, 0.0)
    assert time_of(page) == pytest.approx(7.5 - 15 / 8, abs=0.05)
    page.click("#zoom-all")
    assert playhead(page) == pytest.approx((7.5 - 15 / 8) / 15, abs=0.01)


def test_pointing_shows_the_values_there(visit, report):
    page = visit(report)
    lanes = page.locator("#lanes")
    lanes.scroll_into_view_if_needed()
    lanes.hover(position={"x": 40 + 4.4 / 12 * (lanes.bounding_box()["width"] - 48), "y": 90})
    assert "terrible" in page.inner_text(".tip")
    readings = page.locator(".lane .read").all_inner_texts()
    assert readings[0].startswith("−2.35 (−3.0 … −1.4)")
    assert readings[1].split() == ["text", "−1.70", "audio", "−0.35", "vision", "−0.40"]
    assert [text.split()[-1] for text in readings[2:4]] == ["Hz", "dB"] or readings[2] == "–"
    assert time_of(page) == 0


def test_the_list_is_searched_filtered_and_sorted(visit, report):
    page = visit(report)

    def numbers() -> list[int]:
        return page.eval_on_selector_all("#list > li", "all => all.map(one => Number(one.dataset.number))")

    assert numbers() == list(range(1, 13))
    page.select_option("#sort", label="most negative first")
    values = {part.number: part.estimate.value for part in review().utterances}
    assert numbers() == sorted(values, key=values.get)
    page.select_option("#show", label="positive")
    assert set(numbers()) == {number for number, value in values.items() if value > 0.5}
    page.fill("#find", "PHONE")
    assert numbers() == [9]
    assert page.inner_text("#count") == "1 of 12"


def test_light_and_dark_and_a_phone(visit, report):
    backgrounds = {}
    for scheme in ("light", "dark"):
        page = visit(report, color_scheme=scheme, viewport={"width": 360, "height": 740})
        backgrounds[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        click_at(page, 0.5)
        assert time_of(page) == pytest.approx(7.5, abs=0.1)
    assert backgrounds == {"light": "rgb(246, 246, 249)", "dark": "rgb(17, 19, 25)"}


def test_a_recording_beside_the_page_plays_too(visit, tmp_path, video):
    page = visit(write_report(review(), tmp_path / "report", video, limit=1000))
    assert page.get_attribute("video", "src") == "recording.webm"
    click_at(page, 0.5)
    assert time_of(page) == pytest.approx(7.5, abs=0.05)


def test_what_the_browser_cannot_play_leaves_a_time_line_that_works(visit, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(500))
    page = visit(write_report(review(), tmp_path / "report", broken))
    expect(page.locator("#player-note")).to_contain_text("cannot play")
    expect(page.locator("video")).to_have_count(0)
    click_at(page, 0.54)
    assert current(page) == ["7"]


@pytest.mark.parametrize("make", [classified, nothing, reading])
def test_other_documents_open_without_a_fault(visit, tmp_path, make):
    page = visit(write_report(make(), tmp_path / "report"))
    if make is nothing:
        assert "Nothing to judge" in page.inner_text("main")
        assert page.locator("#lanes").count() == 0
        return
    click_at(page, 0.54, y=40)
    assert current(page) == ["7"]
    assert playhead(page) == pytest.approx(0.54, abs=0.01)


def test_curves_without_an_utterance_are_drawn_and_steer(visit, tmp_path, video):
    page = visit(write_report(nothing(curves=review().curves), tmp_path / "report", video))
    click_at(page, 0.5, y=60)
    assert time_of(page) == pytest.approx(7.5, abs=0.05)
    assert page.locator(".lane.small path.curve").count() == 5


def test_text_of_others_is_never_run(visit, tmp_path):
    evil = "</script><script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">"
    first = review().utterances[0]
    words = (first.words[0].model_copy(update={"text": evil}),)
    curves = tuple(curve.model_copy(update={"title": evil}) for curve in review().curves)
    document = review(
        utterances=(first.model_copy(update={"text": evil, "words": words}),), curves=curves, notes=(evil,)
    )
    page = visit(write_report(document, tmp_path / "report"))
    click_at(page, 0.02)
    assert page.inner_text("#now .said").strip() == evil
    assert page.title() == "phone review.mp4 · sentiment"
    assert page.locator("img").count() == 0


def test_several_faces_are_told_apart(visit, tmp_path):
    both = [
        part.model_copy(update={"face": face, "number": 2 * part.number + face - 2})
        for part in review().utterances
        for face in (1, 2)
    ]
    page = visit(write_report(review(utterances=tuple(both)), tmp_path / "report"))
    click_at(page, 0.54)
    assert current(page) == ["13", "14"]
    page.select_option("#face", "2")
    assert current(page) == ["14"]
    assert page.locator("#list > li").count() == 12


def test_the_page_of_an_hour_is_drawn_whole(visit, tmp_path):
    parts = [
        part.model_copy(
            update={"number": 12 * n + part.number, "start": 43.2 * n + part.start, "end": 43.2 * n + part.end}
        )
        for n in range(84)
        for part in review(43.2).utterances
    ]
    recording = review().recording.model_copy(update={"duration": 3628.8})
    page = visit(write_report(review(recording=recording, utterances=tuple(parts)), tmp_path / "report"))
    assert page.locator("#list > li").count() == 1008
    click_at(page, 0.5)
    assert page.inner_text("#clock") == "30:14 / 1:00:28"


def test_the_index_leads_to_reports_and_is_sorted_by_a_press(visit, tmp_path):
    entries = []
    for document, name in ((review(), "b #1"), (nothing(), "a"), (reading(), "c")):
        write_report(document, tmp_path / name)
        entries.append(Entry.of(document, f"{name}/report.html"))
    page = visit(
        write_index(tmp_path, entries, {"x.mp4": "x.mp4 is empty; give a video"}),
        viewport={"width": 390, "height": 800},
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    def means() -> list[str]:
        return page.locator("#recordings tbody td:nth-child(5)").all_inner_texts()

    page.get_by_role("button", name="Mean").click()
    assert means() == ["+0.38", "+0.38", "–"]
    page.get_by_role("button", name="Mean").click()
    assert means()[-1] == "–"
    page.locator("#recordings a").nth(1).click()
    assert page.locator("h1").inner_text() in {"phone review.mp4", "letter.txt"}
