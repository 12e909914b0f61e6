"""Pages of every kind in a real browser: all open, none runs what others wrote."""

import re

import pytest

from makers_browser import click_at, current, expect, playhead, time_of
from makers_media import grey, make_media, sine
from makers_report import classified, doubted, hour, nothing, reading, review
from sentiprism.report.files import write_index, write_report
from sentiprism.report.page.index import Entry
from sentiprism.report.schema import Estimate, Window


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


@pytest.mark.parametrize("name", ["film.avi", "film.mp4"])
def test_still_pictures_follow_the_time_line_where_none_moves(visit, tmp_path, name):
    """In AVI nothing plays; of MPEG-4 part 2 in MP4 the sound alone does."""
    images = [grey(20 * second + 10) for second in range(10) for _ in range(10)]
    film = make_media(
        tmp_path / name, images=images, fps=10, samples=sine(10.0, 44_100), rate=44_100, audio_codec="aac"
    )
    document = review(10.0)
    recording = document.recording.model_copy(update={"codec": "mpeg4"})
    page = visit(write_report(document.model_copy(update={"recording": recording}), tmp_path / "report", film))
    expect(page.locator("#picture")).to_be_visible()
    expect(page.locator("#player-note")).to_contain_text(re.compile("stills?\\b", re.IGNORECASE))
    seen = []
    for share in (0.05, 0.55, 0.95):
        click_at(page, share)
        seen.append(page.locator("#picture").get_attribute("src"))
        assert playhead(page) == pytest.approx(share, abs=0.01)
    assert len(set(seen)) == 3
    assert page.locator("video.sound").count() == (1 if name.endswith("mp4") else 0)


@pytest.mark.parametrize("make", [classified, nothing, reading])
def test_other_documents_open_without_a_fault(visit, tmp_path, make):
    page = visit(write_report(make(), tmp_path / "report"))
    if make is nothing:
        assert "Nothing to analyse" in page.inner_text("main")
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
    summary = review().summary.model_copy(update={"highest": 12 * 2 - 1, "lowest": 9})
    page = visit(write_report(review(utterances=tuple(both), summary=summary), tmp_path / "report"))
    click_at(page, 0.54)
    assert current(page) == ["13"]  # estimates of two faces would lie over each other
    assert "face 1" in page.inner_text("#now")
    page.select_option("#face", "2")
    assert current(page) == ["14"]
    assert page.locator("#list > li").count() == 12
    page.select_option("#face", label="all")
    assert current(page) == ["13", "14"]
    page.select_option("#face", "2")
    page.get_by_role("link", name="Most positive").click()
    assert page.input_value("#face") == "1"
    assert current(page) == ["23"]


def test_the_face_that_speaks_has_a_row_and_a_frame_on_the_picture(visit, tmp_path, video):
    parts = [
        part.model_copy(update={"face": face, "speaking": sure, "place": (x, 0.5, 0.04)})
        for part in review().utterances
        for face, sure, x in [(1, 0.95, 0.25) if part.number < 9 else (2, 0.2, 0.75)]
    ]
    page = visit(write_report(review(utterances=tuple(parts)), tmp_path / "report", video))
    assert page.locator("#list > li").count() == 12  # of both faces, since no two lie over each other
    assert page.locator("#face").evaluate("one => one.selectedOptions[0].text") == "all"
    expect(page.locator("#lanes h3", has_text="Who speaks")).to_be_visible()
    centres = []
    for share, said in ((0.54, "face 1 · speaks, 95 % sure"), (0.98, "face 2 · unsure whether it speaks, 20 %")):
        click_at(page, share)
        assert said in page.inner_text("#now")
        frame, film = (page.locator(f"#stage {one}").bounding_box() for one in (".face-frame", "video"))
        centres.append((frame["x"] + frame["width"] / 2 - film["x"]) / film["width"])
        assert (frame["y"] + frame["height"] / 2 - film["y"]) / film["height"] == pytest.approx(0.5, abs=0.02)
        assert page.locator(".face-frame.weak").count() == (share > 0.9)
    assert centres[0] < 0.5 < centres[1]
    assert sum(centres) == pytest.approx(1.0, abs=0.02)


def test_the_page_of_an_hour_is_drawn_whole(visit, tmp_path):
    page = visit(write_report(hour(), tmp_path / "report"))
    assert page.locator("#list > li").count() == 1008
    click_at(page, 0.5)
    assert page.inner_text("#clock") == "30:14 / 1:00:28"


def test_the_sliding_window_is_not_drawn_over_silence(visit, tmp_path):
    """Two runs of windows with a gap between them; the last ones are weak."""
    faint = Estimate(value=1.0, caution=("interval wider than half the scale",))
    starts = [0.0, 0.5, 1.0, 1.5, 8.0, 8.5, 9.0]
    windows = tuple(
        Window(start=start, end=start + 3, estimate=faint if start > 8 else Estimate(value=0.5)) for start in starts
    )
    page = visit(write_report(review(windows=windows), tmp_path / "report"))
    firm, weak = (page.locator(f"path.window{kind}").get_attribute("d") for kind in (":not(.weak)", ".weak"))
    assert (firm.count("L"), firm.count("h")) == (3, 2)
    assert (weak.count("L"), weak.count("h")) == (2, 0)


def test_a_trace_of_a_smile_does_not_look_like_a_broad_one(visit, tmp_path):
    curve = review().curves[2]
    faint = curve.model_copy(update={"values": tuple(0.01 * (n % 2) for n, _ in enumerate(curve.values))})
    scaled = faint.model_copy(update={"scale": (0.0, 5.0)})
    page = visit(write_report(review(curves=(faint, scaled)), tmp_path / "report"))
    heights = page.eval_on_selector_all(
        ".lane.small path.curve", "all => all.map(one => one.getBoundingClientRect().height)"
    )
    assert heights[0] > 20
    assert heights[1] < 1.5


def test_on_a_phone_the_index_shows_what_it_has_to_say(visit, tmp_path):
    entries = [Entry.of(doubted(range(1, 13)), "a/report.html"), Entry.of(review(), "b/report.html")]
    page = visit(write_index(tmp_path, entries), viewport={"width": 360, "height": 740})
    for place in (".verdict", ".figure:nth-of-type(5)", ".bar"):
        box = page.locator(f"#recordings tbody tr:first-child {place}").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
    page.get_by_role("button", name="Firm").click()
    assert page.locator("#recordings tbody .verdict").first.inner_text().startswith("Weak estimate")


def test_the_index_fits_a_screen(visit, tmp_path):
    entries = [Entry.of(one, f"{n}/report.html") for n, one in enumerate((doubted([1]), reading()))]
    page = visit(write_index(tmp_path, entries, {}, {"a.pdf": "neither a recording nor a text by its name"}))
    assert "92 % of the time" in " ".join(page.inner_text("#recordings tbody tr:nth-child(2)").split())
    assert "a.pdf" in page.inner_text("section[aria-labelledby=skipped-title]")
    assert page.evaluate("(card => card.scrollWidth - card.clientWidth)(document.querySelector('.index'))") == 0


@pytest.mark.parametrize(("seconds", "time"), [(59.6, "0:59"), (59.9997, "1:00"), (3599.9996, "1:00:00")])
def test_one_time_is_written_alike_wherever_it_stands(visit, tmp_path, seconds, time):
    recording = review().recording.model_copy(update={"duration": seconds})
    last = review().utterances[-1].model_copy(update={"start": seconds, "end": seconds})
    document = review(recording=recording, utterances=(*review().utterances[:-1], last), curves=(), windows=())
    page = visit(write_report(document, tmp_path / "a"))
    assert page.inner_text("#clock") == f"0:00 / {time}"
    assert page.inner_text("a.moment .when") == time
    assert page.text_content("#list > li:last-child .time") == time  # out of sight it has no inner text
    entry = Entry.of(document, "a/report.html")
    assert visit(write_index(tmp_path, [entry])).inner_text("#recordings td") == time


def test_a_value_that_rounds_to_zero_has_no_sign_and_every_lane_a_unit(visit, tmp_path):
    flat = tuple(curve.model_copy(update={"values": (-0.001,) * len(curve.values)}) for curve in review().curves)
    page = visit(write_report(review(curves=flat), tmp_path / "report"))
    readings = page.locator(".lane.small .read").all_inner_texts()
    assert [text.split()[0] for text in readings] == ["0.00"] * 5
    units = page.locator(".lane-head .unit").all_inner_texts()
    assert units == [
        *("−3 to +3", "added to +0.10, the baseline prediction"),
        *("Hz", "dBFS", "intensity 0–5", "intensity 0–5", "°"),
    ]


def test_a_weak_estimate_is_never_bold(visit, tmp_path):
    page = visit(write_report(doubted(range(1, 13)), tmp_path / "report"))
    click_at(page, 0.1)
    bold = "all => all.map(one => Number(getComputedStyle(one).fontWeight)).filter(weight => weight > 500)"
    for place in (".verdict h2", ".moment .value", "#list .value", "#now .value"):
        assert page.locator(place).count()
        assert page.eval_on_selector_all(place, bold) == []
    assert "weak: rests on the voice alone" in page.text_content("#list > li:nth-child(2)")
    assert page.locator(".level.weak").get_attribute("d")
    assert not page.locator(".level:not(.weak)").get_attribute("d")
    page.locator("#lanes").focus()
    expect(page.locator("#lanes")).to_have_attribute("aria-valuetext", re.compile("weak estimate, positive"))
    mixed = visit(write_report(doubted([1, 2]), tmp_path / "mixed"))
    mixed.select_option("#show", label="weak")
    assert mixed.inner_text("#count") == "2 of 12"
    assert len(mixed.eval_on_selector_all("#list .value", bold)) == 0
    mixed.select_option("#show", label="firm")
    assert len(mixed.eval_on_selector_all("#list .value", bold)) == 10


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
        return page.locator("#recordings tbody td:nth-child(6)").all_inner_texts()

    page.get_by_role("button", name="Mean").click()
    assert means() == ["+0.38", "+0.38", "–"]
    page.get_by_role("button", name="Mean").click()
    assert means()[-1] == "–"
    page.locator("#recordings a").nth(1).click()
    assert page.locator("h1").inner_text() in {"phone review.mp4", "letter.txt"}
