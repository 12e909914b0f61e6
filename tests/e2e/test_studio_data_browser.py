"""The studio's area Data in a real browser, on a dataset of real clips."""

import csv
import zipfile

import pytest

from makers_browser import expect
from makers_media import make_media, sine
from makers_processes import needs_proc
from makers_studio import SHARED, wait_for
from sentiprism.analysis.extract import extract

pytestmark = needs_proc


@pytest.fixture
def folder(request, tmp_path):
    """Folder of recordings with a table of their labels: real clips of MOSI, else tones."""
    if SHARED.is_dir():
        with (SHARED / "mosi_raw" / "labels.csv").open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["clip_id"] in {"1", "2"}][:6]
        found = SHARED / "mosi_raw"
    else:
        found = tmp_path / "sounds"
        found.mkdir()
        rows = [{"file": f"v{n}_1.wav", "id": f"v{n}_1", "text": "so", "label": "1"} for n in range(6)]
        for n, row in enumerate(rows):
            make_media(found / row["file"], samples=sine(1.0 + n, 16_000))
    with (tmp_path / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        written = csv.DictWriter(file, ["file", "id", "video_id", "text", "label", "split"])
        written.writeheader()
        for n, row in enumerate(rows):
            split = ("train", "valid", "test")[n // 2]
            written.writerow({key: row.get(key, row["id"]) for key in written.fieldnames} | {"split": split})
    return found


def test_browse_filter_and_play_utterances_by_keyboard(folder, studio, watched, tmp_path):
    extract(folder, "talks", labels=tmp_path / "labels.csv", options={"vision": "none"}, low=-3, high=3)
    page = watched(studio.link)
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("link", name="talks").click()
    expect(page.locator(".histogram").first).to_be_visible()
    page.get_by_role("link", name="Browse the utterances").click()
    expect(page.locator("tbody tr")).to_have_count(6)
    page.get_by_label("Split").select_option("valid")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.locator("tbody a").first.click()
    first = page.locator("h1").inner_text()
    expect(page.locator(".curve.audio").first).to_be_attached()
    wait_for(lambda: page.evaluate("document.querySelector('video, audio').readyState") >= 1, "the recording")
    page.evaluate("document.querySelector('video, audio').currentTime = 0.5")
    wait_for(lambda: page.locator(".cursor[transform]:not([hidden])").count(), "the line that follows the recording")
    page.keyboard.press("ArrowRight")
    expect(page.locator("h1")).not_to_have_text(first)
    page.locator("html[data-ready]").wait_for()
    page.keyboard.press("ArrowRight")  # the last that fits the filter
    page.keyboard.press("ArrowLeft")
    expect(page.locator("h1")).to_have_text(first)


def test_import_a_table_and_export_it_again(studio, watched, tmp_path):
    rows = [f"{split}{n},{split}{n},so {n},{n},{split}" for split in ("train", "valid", "test") for n in range(2)]
    (tmp_path / "moods.csv").write_text("\n".join(["id,video_id,text,label,split", *rows, ""]))
    page = watched(studio.link)
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("link", name="Import a dataset").click()
    page.set_input_files("#files", tmp_path / "moods.csv")
    expect(page.locator("#files-title")).to_have_text("1 file")
    form = page.locator("details[open] form")
    form.get_by_label("Name", exact=True).fill("moods")
    form.get_by_label("Or classes").fill("bad,good")
    form.get_by_role("button", name="Import").click()
    expect(page.locator(".pill")).to_have_text("done")
    page.get_by_role("link", name="Open the dataset").click()
    expect(page.locator("h1")).to_have_text("moods")
    page.get_by_text("Export", exact=True).click()
    page.get_by_role("button", name="Table and features").click()
    expect(page.locator(".pill")).to_have_text("done")
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").click()
    with zipfile.ZipFile(started.value.path()) as packed:
        assert packed.read("moods_table/labels.csv").decode().splitlines()[1] == "train0,train0,so 0,bad,train"
