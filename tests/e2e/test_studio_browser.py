"""The studio in a real browser: recordings, training, comparison; live, and by keyboard."""

import re
from pathlib import Path

import pytest

from makers_browser import expect
from makers_cli import SIZES, SMALL
from makers_media import make_media, sine
from makers_processes import needs_proc
from makers_studio import SHARED, fill_small, wait_for
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.report.files import read_report
from sentiprism.training.train import train

pytestmark = needs_proc


def sounds(folder: Path, count: int = 2) -> list[Path]:
    return [make_media(folder / f"voice {n} ü.wav", samples=sine(1.0 + n, 16_000)) for n in range(count)]


@pytest.fixture
def recordings(request) -> list[Path]:
    """Real recordings: two of MOSI, else the demo's face."""
    if SHARED.is_dir():
        return sorted((SHARED / "mosi_raw").glob("*.mp4"))[:2]
    return [request.getfixturevalue("strong_expressions") / "WolfgangLanger_Pexels.mp4"]


def test_upload_analyze_and_report_of_real_clips(recordings, studio, watched, minilm, whisper_base, face_landmarker):
    page = watched(studio.link)
    page.get_by_role("link", name="Add recordings").click()
    page.set_input_files("#files", recordings)
    expect(page.locator("#list-title")).to_contain_text(f"{len(recordings)} recording")
    page.get_by_label("Choose all on this page").check()
    page.get_by_role("button", name="Analyze", exact=True).click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.locator(".pill")).to_have_text("done")  # by itself: the page is not loaded again
    page.get_by_role("row", name=recordings[0].name).get_by_role("link", name="Open the report").click()
    expect(page.locator("h1")).to_have_text(recordings[0].name)
    expect(page.locator("#list > li").first).to_be_visible()
    wait_for(lambda: page.evaluate("document.querySelector('video').readyState") >= 1, "the video")
    made = read_report(studio.studio.workspace / "reports" / recordings[0].stem)
    assert made.recording.name == recordings[0].name, "as the user calls it, not as it is stored"
    page.get_by_role("link", name="Back to the studio").click()
    expect(page.locator("td .verdict")).to_have_count(len(recordings))


def test_what_is_dropped_again_is_not_added_twice_and_the_bin_gives_back(studio, watched, tmp_path):
    files = sounds(tmp_path)
    page = watched(studio.link)
    page.goto(f"{studio.address}/recordings")
    expect(page.get_by_text("No recordings yet")).to_be_visible()
    page.set_input_files("#files", files)
    expect(page.locator("#list-title")).to_have_text("2 recordings")
    (tmp_path / "another name.wav").write_bytes(files[0].read_bytes())
    with page.expect_navigation():  # the list is shown anew
        page.set_input_files("#files", tmp_path / "another name.wav")
    expect(page.locator("#list-title")).to_have_text("2 recordings")
    dropped = page.evaluate_handle(
        "() => { const all = new DataTransfer(); all.items.add(new File(['I like it.'], 'said.txt')); return all; }"
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": dropped})
    expect(page.locator("#list-title")).to_have_text("3 recordings")
    page.get_by_label(f"Choose {files[0].name}").check()
    expect(page.locator("[data-count]")).to_have_text("1 chosen")
    page.get_by_role("button", name="Move to the bin").click()
    expect(page.locator("#list-title")).to_have_text("2 recordings")
    page.get_by_role("link", name="The bin has 1 recording").click()
    page.get_by_role("button", name="Empty the bin").click()
    expect(page.get_by_text("This cannot be undone")).to_be_visible()
    page.get_by_role("link", name="Keep them").click()
    page.get_by_label("Choose all").check()
    page.get_by_role("button", name="Take out of the bin").click()
    page.goto(f"{studio.address}/recordings")
    expect(page.locator("#list-title")).to_have_text("3 recordings")
    page.get_by_role("link", name=files[1].name).click()
    expect(page.locator("audio")).to_be_visible()
    wait_for(lambda: page.evaluate("document.querySelector('audio').readyState") >= 1, "the sound")


def test_what_cannot_be_added_says_why_beside_its_name(studio, watched, tmp_path):
    (tmp_path / "notes.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    page = watched(studio.link, known="status of 422")
    page.goto(f"{studio.address}/recordings")
    page.set_input_files("#files", [tmp_path / "notes.pdf", tmp_path / "broken.mp4"])
    for words in ("notes.pdf is neither a recording nor a text", "broken.mp4"):
        expect(page.locator("#uploads")).to_contain_text(words)
    expect(page.locator("#uploads .fault")).to_have_count(2)


def test_train_see_the_curves_and_compare_with_a_run_of_the_command_line(studio, watched, tmp_path):
    data = synthetic_dataset("tiny", sizes=SIZES)
    train("mdf", data, seeds=1, settings=SMALL, out=tmp_path / "runs" / "by hand", device="cpu", quiet=True)
    page = watched(studio.link)
    page.get_by_role("link", name="Train", exact=True).click()
    expect(page.get_by_role("link", name="runs/by hand")).to_be_visible()
    page.get_by_label("Dataset").select_option("tiny")
    page.get_by_role("button", name="Next: settings").click()
    expect(page.locator("[data-changed]")).to_have_text("Nothing is changed.")
    page.locator("[name=seeds]").fill("2")
    fill_small(page)
    expect(page.locator("[data-changed]")).to_have_text("7 settings changed.")
    page.get_by_role("button", name="Start the training").click()
    expect(page.locator(".chart .line").first).to_be_attached()
    expect(page.locator(".pill")).to_have_text("done")
    expect(page.locator(".chart .line")).to_have_count(4)
    expect(page.locator(".seeds li")).to_have_count(2)
    page.get_by_role("link", name="Compare runs").click()
    page.get_by_label(re.compile("^Choose runs/")).nth(0).check()
    page.get_by_label(re.compile("^Choose runs/")).nth(1).check()
    page.get_by_label("Hold the others against runs/by hand").check()
    page.get_by_role("button", name="Compare").click()
    table = page.locator("table.comparison")
    expect(table).to_be_visible()
    expect(table.locator("thead")).to_contain_text("by hand")
    expect(table.locator("tbody tr").first).to_contain_text(re.compile(r"MAE.*\[\d.*Δ .*\]", re.DOTALL))
    expect(table.locator("tbody tr")).to_have_count(8)


def test_the_keyboard_is_enough_and_the_focus_is_seen(studio, watched):
    page = watched(studio.link)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Train":
            break
    expect(page.get_by_role("link", name="Train", exact=True)).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Train")
    page.locator("#model").focus()
    page.keyboard.type("lf")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Train lf_dnn on synthetic")
    page.keyboard.press("Tab")
    for _ in range(80):
        if page.evaluate("document.activeElement.textContent") == "Start the training":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Train lf_dnn on synthetic")
    expect(page.locator(".pill")).to_be_visible()
    page.get_by_role("button", name="Stop").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".pill")).to_have_text("stopped")


def test_a_double_click_starts_one_job_and_the_back_button_shows_the_form_again(studio, watched):
    synthetic_dataset("tiny", sizes=SIZES)
    page = watched(studio.link)
    page.goto(f"{studio.address}/train/new?model=mdf&dataset=tiny")
    fill_small(page)
    page.get_by_role("button", name="Start the training").dblclick()
    expect(page.locator(".pill")).to_be_visible()
    page.go_back()
    expect(page.locator("[name='optim.epochs']")).to_have_value("2")
    page.get_by_role("button", name="Start the training").click()
    expect(page.locator(".pill")).to_be_visible()
    page.goto(f"{studio.address}/jobs")
    expect(page.locator(".job")).to_have_count(1)


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (360, "light"), (1920, "light")])
def test_no_page_is_wider_than_the_screen(studio, watched, tmp_path, width, scheme):
    studio.upload("a very long name " * 11 + ".wav", sounds(tmp_path, 1)[0].read_bytes())
    page = watched(studio.link, viewport={"width": width, "height": 800}, color_scheme=scheme)
    for path in (
        "/",
        "/recordings",
        "/recordings/bin",
        "/data",
        "/data/import",
        "/features",
        "/train",
        "/train/new?model=mdf&dataset=synthetic",
        "/compare",
        "/jobs",
    ):
        page.goto(f"{studio.address}{path}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        expect(page.locator("nav a").last).to_be_in_viewport()
