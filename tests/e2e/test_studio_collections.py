"""Collections in a real browser: recordings, attributes by keyboard and paste, comparison."""

import pytest

from makers_browser import expect
from makers_processes import needs_proc
from makers_studio import Server
from makers_study import shifted
from sentiprism.report.files import write_report
from sentiprism.studio.store.tables import RecordingRow

pytestmark = needs_proc


@pytest.fixture
def studio(home, tmp_path):
    """A studio with eleven persons, each before and after, all analysed."""
    (tmp_path / "work").mkdir()
    opened = Server(home, tmp_path / "work")
    names = [f"p{n} {when}.mp4" for n in range(11) for when in ("before", "after")]
    rows = [
        RecordingRow(name=name, suffix=".mp4", content=f"{n:064x}", size=1, kind="video", duration=15.0)
        for n, name in enumerate(names)
    ]
    with opened.studio.database.write() as session:
        session.add_all(rows)
    for n, row in enumerate(rows):
        write_report(shifted(0.03 * n + n % 2, row.content, row.name), tmp_path / "work" / "reports" / str(n))
    yield opened
    opened.close()


def test_from_recordings_to_a_comparison(studio, watched):
    page = watched(studio.link)
    page.get_by_role("link", name="Collections").click()
    page.get_by_label("New collection").fill("Interviews")
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("button", name="Add", exact=True).click()  # nothing typed: every recording
    expect(page.locator(".facts")).to_contain_text("22 recordings")
    here = page.url
    page.get_by_role("link", name="Edit attributes").click()
    first = page.locator(".cell[data-row='0'][data-column='1']")
    first.click()
    page.keyboard.type("after")
    page.keyboard.press("Enter")
    page.keyboard.type("before")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".cell[data-row='0'][data-column='2']")).to_be_focused()
    block = "\n".join(f"p{n // 2}\t{n}" for n in range(22))
    page.evaluate(
        "text => { const data = new DataTransfer(); data.setData('text', text);"
        " document.activeElement.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true,"
        " cancelable: true})); }",
        block,
    )
    expect(page.locator("[data-changed]")).to_have_text("46 cells changed, not saved yet.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".told")).to_have_text("22 recordings changed.")
    expect(page.locator(".cell[data-row='21'][data-column='2']")).to_have_value("p10")
    table = "file,condition\n" + "".join(f"p{n} {when},{when}\n" for n in range(11) for when in ("before", "after"))
    page.set_input_files("#csv-file", {"name": "t.csv", "mimeType": "text/csv", "buffer": f"{table}who,x\n".encode()})
    expect(page.locator("#csv")).to_have_value(f"{table}who,x\n")
    page.get_by_role("button", name="Take the values").click()
    expect(page.locator("#taken")).to_have_text("22 recordings found in the table, 1 row not matched")
    expect(page.get_by_text("no recording has this name")).to_be_visible()
    page.goto(f"{here}?by=condition")
    expect(page.locator("#differences + .sheet")).to_contain_text("11 persons in both")
    expect(page.locator(".chart .area-band")).to_have_count(4)
    expect(page.locator(".smalls li")).to_have_count(22)
    with page.expect_download() as kept:
        page.get_by_role("link", name="Page to share", exact=True).click()
    shared = studio.studio.workspace / "shared.html"
    kept.value.save_as(shared)
    assert "recording 22" in shared.read_text("utf-8")
    for path in (here, f"{here}/attributes"):
        page.set_viewport_size({"width": 360, "height": 800})
        page.emulate_media(color_scheme="dark")
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
