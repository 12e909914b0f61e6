"""The studio in a real browser: recordings, training, comparison; live, by keyboard, after a crash of the server."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from makers_browser import Page, expect
from makers_cli import SIZES, SMALL
from makers_media import make_media, sine
from makers_processes import needs_proc
from makers_studio import Server, members, open_runner, pid_of, wait_for
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.report.files import read_report
from sentiprism.studio.jobs.process import kill, read_process
from sentiprism.training.train import train

pytestmark = needs_proc
LONG = 150_000
"""Milliseconds that a job may take on a busy machine."""


@pytest.fixture(autouse=True)
def _patience():
    """On a busy machine a page takes longer than the five seconds that are usual."""
    expect.set_options(timeout=LONG)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def studio(home, tmp_path, monkeypatch):
    """A studio whose workspace is this test's own folder, with its queue running."""
    monkeypatch.chdir(tmp_path)
    opened = Server(home, tmp_path)
    opened.studio.runner.start()
    yield opened
    opened.close()


@pytest.fixture
def watched(browser):
    """Opens a page; any message on its console, error, or request to elsewhere fails the test at its end."""
    faults, contexts = [], []

    def go(address: str, known: str = "nothing", **settings) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **settings})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(LONG)
        own = re.match(r"http://[^/]+/", address)[0]
        page.on("request", lambda one: one.url.startswith(own) or faults.append(f"asked for {one.url}"))
        page.on("console", lambda message: known in message.text or faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(address)
        return page

    yield go
    for context in contexts:
        context.close()
    assert faults == []


def sounds(folder: Path, count: int = 2) -> list[Path]:
    return [make_media(folder / f"voice {n} ü.wav", samples=sine(1.0 + n, 16_000)) for n in range(count)]


def test_upload_analyze_and_report_of_real_clips(watched, studio, minilm, whisper_base, face_landmarker, shared_data):
    clips = sorted((shared_data / "mosi_raw").glob("*.mp4"))[:2]
    page = watched(studio.link)
    page.get_by_role("link", name="Add recordings").click()
    page.set_input_files("#files", clips)
    expect(page.locator("#list-title")).to_have_text("2 recordings")
    page.get_by_label("Choose all on this page").check()
    page.get_by_role("button", name="Analyze", exact=True).click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.locator(".pill")).to_have_text("done")  # by itself: the page is not loaded again
    page.get_by_role("row", name=clips[0].name).get_by_role("link", name="Open the report").click()
    expect(page.locator("h1")).to_have_text(clips[0].name)
    expect(page.locator("#list > li").first).to_be_visible()
    wait_for(lambda: page.evaluate("document.querySelector('video').readyState") >= 1, "the video")
    made = read_report(studio.studio.workspace / "reports" / clips[0].stem)
    assert made.recording.name == clips[0].name, "as the user calls it, not as it is stored"
    page.get_by_role("link", name="Back to the studio").click()
    expect(page.locator("td .verdict")).to_have_count(2)


def test_what_is_dropped_again_is_not_added_twice_and_the_bin_gives_back(watched, studio, tmp_path):
    files = sounds(tmp_path)
    page = watched(studio.link)
    page.goto(f"{studio.address}/recordings")
    expect(page.get_by_text("No recordings yet")).to_be_visible()
    page.set_input_files("#files", files)
    expect(page.locator("#list-title")).to_have_text("2 recordings")
    (tmp_path / "another name.wav").write_bytes(files[0].read_bytes())
    page.set_input_files("#files", tmp_path / "another name.wav")
    expect(page.locator("#list-title")).to_have_text("2 recordings")
    page.get_by_label(f"Choose {files[0].name}").check()
    expect(page.locator("[data-count]")).to_have_text("1 chosen")
    page.get_by_role("button", name="Move to the bin").click()
    expect(page.locator("#list-title")).to_have_text("1 recording")
    page.get_by_role("link", name="The bin has 1 recording").click()
    page.get_by_role("button", name="Empty the bin").click()
    expect(page.get_by_text("This cannot be undone")).to_be_visible()
    page.get_by_role("link", name="Keep them").click()
    page.get_by_label("Choose all").check()
    page.get_by_role("button", name="Take out of the bin").click()
    page.goto(f"{studio.address}/recordings")
    expect(page.locator("#list-title")).to_have_text("2 recordings")
    page.get_by_role("link", name=files[1].name).click()
    expect(page.locator("audio")).to_be_visible()
    wait_for(lambda: page.evaluate("document.querySelector('audio').readyState") >= 1, "the sound")


def test_what_cannot_be_added_says_why_beside_its_name(watched, studio, tmp_path):
    (tmp_path / "notes.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    page = watched(studio.link, known="status of 422")
    page.goto(f"{studio.address}/recordings")
    page.set_input_files("#files", [tmp_path / "notes.pdf", tmp_path / "broken.mp4"])
    for words in ("notes.pdf is neither a recording nor a text", "broken.mp4"):
        expect(page.locator("#uploads")).to_contain_text(words)
    expect(page.locator("#uploads .fault")).to_have_count(2)


def fill_small(page: Page) -> None:
    """Fill the form of a training with settings that take a second."""
    for part, values in SMALL.items():
        for key, value in values.items():
            field = page.locator(f"[name='{part}.{key}']")
            if not field.is_visible():
                field.locator("xpath=ancestor::details[1]/summary").click()
            field.fill(str(value))


def test_train_see_the_curves_and_compare_with_a_run_of_the_command_line(watched, studio, tmp_path):
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
    expect(page.locator(".chart .line").first).to_be_attached(timeout=LONG)
    expect(page.locator(".pill")).to_have_text("done")
    expect(page.locator(".chart .line")).to_have_count(4)
    expect(page.locator(".seeds li")).to_have_count(2)
    page.get_by_role("link", name="Compare runs").click()
    page.get_by_label(re.compile("^Choose runs/")).nth(0).check()
    page.get_by_label(re.compile("^Choose runs/")).nth(1).check()
    page.get_by_label("Hold the others against runs/by hand").check()
    page.get_by_role("button", name="Compare").click()
    table = page.locator("table.comparison")
    expect(table).to_be_visible(timeout=LONG)
    expect(table.locator("thead")).to_contain_text("by hand")
    expect(table.locator("tbody tr").first).to_contain_text(re.compile(r"MAE.*\[\d.*Δ .*p ", re.DOTALL))
    expect(table.locator("tbody tr")).to_have_count(8)


def test_the_keyboard_is_enough_and_the_focus_is_seen(watched, studio):
    page = watched(studio.link)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Tab")
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


def test_a_double_click_starts_one_job_and_the_back_button_shows_the_form_again(watched, studio):
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
def test_no_page_is_wider_than_the_screen(watched, studio, tmp_path, width, scheme):
    studio.upload("a very long name " * 11 + ".wav", sounds(tmp_path, 1)[0].read_bytes())
    page = watched(studio.link, viewport={"width": width, "height": 800}, color_scheme=scheme)
    for path in (
        "/",
        "/recordings",
        "/recordings/bin",
        "/train",
        "/train/new?model=mdf&dataset=synthetic",
        "/compare",
        "/jobs",
    ):
        page.goto(f"{studio.address}{path}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        expect(page.locator("nav a").last).to_be_in_viewport()


@pytest.fixture
def unused_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def start_studio(folder: Path, port: int) -> tuple[subprocess.Popen, str]:
    """Start the program's own server; the process and its link."""
    command = [sys.executable, "-m", "sentiprism", "studio", "--no-browser", "--port", str(port)]
    started = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, start_new_session=True)
    return started, re.search(r"http\S+", started.stdout.readline())[0]


def test_a_training_outlives_the_page_and_a_killed_server(watched, home, tmp_path, unused_port):
    synthetic_dataset("tiny", sizes=SIZES)
    server, link = start_studio(tmp_path, unused_port)
    page = watched(link)
    page.goto(f"{link.partition('/open')[0]}/train/new?model=mdf&dataset=tiny")
    fill_small(page)
    page.locator("[name='optim.epochs']").fill("20000")
    page.get_by_role("button", name="Start the training").click()
    expect(page.locator(".chart .line").first).to_be_attached()
    address = page.url
    page.goto("about:blank")
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    runner = open_runner(home)
    job = address.rpartition("/")[2]
    pid = pid_of(runner, job)
    assert members(pid), "it runs without a server"
    server, _ = start_studio(tmp_path, unused_port)
    page.goto(address)  # the session outlives the server too
    expect(page.locator(".pill")).to_have_text("running")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".pill")).to_have_text("stopped")
    assert members(pid) == []
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".pill")).to_have_text("running")
    expect(page.locator(".facts")).to_contain_text("attempt 2")
    page.goto("about:blank")
    os.killpg(server.pid, signal.SIGTERM)
    assert server.wait(10) == 143
    assert members(pid_of(runner, job)), "it runs on"
    kill(read_process(runner.job_folder(job)))
    runner.database.close()


def test_a_second_start_opens_the_studio_that_runs(home, tmp_path, unused_port, watched):
    server, _ = start_studio(tmp_path, unused_port)
    command = [sys.executable, "-m", "sentiprism", "studio", "--no-browser"]
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    link = re.search(r"http\S+", again.stdout)[0]
    assert link.startswith(f"http://127.0.0.1:{unused_port}/")
    page = watched(link)
    expect(page.locator("h1")).to_have_text("Home")
    page.goto("about:blank")
    server.terminate()
    server.wait(10)
