"""The report in a real browser: it plays, follows and steers."""

import pytest

from makers_browser import click_at, current, expect, playhead, time_of
from makers_report import review

STEP = 15 / 12
"""Seconds from one utterance of the example to the next."""


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
    assert [text.split()[-1] for text in readings[2:4]] == ["Hz", "dBFS"] or readings[2] == "–"
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
