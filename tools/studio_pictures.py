"""Make the pictures of the studio that its page in the documentation shows.

    python tools/studio_pictures.py [--out docs/studio] [--keep FOLDER]

A studio is started on an empty data folder and used in Chromium as a person does: the demo's recordings are fetched,
analysed and put together, utterances cut for labelling, two small models trained and compared. Then each page of
`PICTURES` is drawn. It takes some minutes. With ``--keep`` the folder stays, and the next start only draws.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sentiprism.assets.pinned import ASSETS
from sentiprism.assets.registry import fetch

if TYPE_CHECKING:
    from playwright.sync_api import Page

LENT = ("face-landmarker", "minilm", "whisper-base", "two-cities", "strong-expressions")
"""Assets from the user's own cache."""
VIEW = {"width": 1100, "height": 720}
COLOURS = 200
"""Of a picture: a page needs few, and the file is small."""
LARGEST = 120_000
"""Bytes of a picture."""
PATIENCE = 600_000
"""Milliseconds that a job may take."""
SMALL = ("config.width=16", "optim.epochs=12", "optim.batch_size=32")


def first(place: str, link: str) -> Callable[["Page", str], None]:
    """Open the first link of a page that a CSS selector finds."""

    def go(page: "Page", address: str) -> None:
        page.goto(address + place)
        page.locator(f"main {link}").first.click()

    return go


def show(place: str) -> Callable[["Page", str], None]:
    """Open an address."""
    return lambda page, address: page.goto(address + place) and None


def speak(page: "Page", address: str) -> None:
    """Let the browser's microphone play a reading into the page Live."""
    page.goto(f"{address}/live")
    page.get_by_label("Camera").uncheck()
    page.get_by_role("button", name="Everybody knows").click()
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator("#list > li").nth(2).wait_for(timeout=PATIENCE)
    page.locator("#session").scroll_into_view_if_needed()


PICTURES: dict[str, Callable[["Page", str], None]] = {
    "home": show("/"),
    "tutorial": show("/tutorial"),
    "recordings": show("/recordings"),
    "report": first("/recordings", "tr:has-text('two_cities') a[href^='/reports/']"),
    "collections": first("/collections", "a[href^='/collections/']"),
    "data": first("/data", "a[href^='/data/']:has-text('synthetic')"),
    "label": first("/label", "a[href^='/label/']:not([href*=new])"),
    "features": show("/features"),
    "train": first("/train", "a:has-text('runs/mdf')"),
    "compare": first("/compare", "a[href^='/jobs/']"),
    "live": speak,
    "jobs": show("/jobs"),
}
"""Pages by the name of their picture; one that is added here is drawn."""


def use(page: "Page", address: str) -> None:
    """Do in a fresh studio what the pictures show."""
    page.goto(f"{address}/recordings")
    page.get_by_role("button", name="Get the demo's recordings").click()
    _wait(page)
    page.goto(f"{address}/recordings")
    page.get_by_label("Choose all on this page").check()
    page.get_by_role("button", name="Analyze", exact=True).click()
    _wait(page)
    page.goto(f"{address}/recordings")
    page.get_by_label("Choose all on this page").check()
    page.get_by_label("Name of the new collection").fill("The demo")
    page.get_by_role("button", name="Put", exact=True).click()
    page.goto(f"{address}/label/new")
    page.get_by_label("Choose two_cities.wav").check()
    page.get_by_role("button", name="Make the task").click()
    page.wait_for_timeout(20_000)  # it is cut
    page.goto(f"{address}/compare")
    for box in page.get_by_label(re.compile("^Choose runs/")).all():
        box.check()
    page.get_by_role("button", name="Compare", exact=True).click()
    _wait(page)


def _wait(page: "Page") -> None:
    """Wait until the job of a page is done."""
    page.locator(".pill", has_text="done").first.wait_for(timeout=PATIENCE)


def draw(page: "Page", address: str, out: Path) -> None:
    """Write the pictures."""
    from PIL import Image

    out.mkdir(parents=True, exist_ok=True)
    for name, go in PICTURES.items():
        go(page, address)
        page.wait_for_timeout(1_500)  # videos and curves
        file = out / f"{name}.png"
        page.screenshot(path=file)
        Image.open(file).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
        size = file.stat().st_size
        print(f"{file}: {size / 1000:.0f} kB")
        if size > LARGEST:
            sys.exit(f"{file} is larger than {LARGEST / 1000:.0f} kB")


def main() -> None:
    """Parse arguments, start a studio, use it and draw."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs" / "studio")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    place = given.keep or Path(tempfile.mkdtemp(prefix="studio-"))
    fresh = not (place / "work").is_dir()
    lent = {ASSETS[name].variable: str(fetch(name)) for name in LENT}
    environment = {**os.environ, **lent, "SENTIPRISM_HOME": str(place / "home"), "OMP_NUM_THREADS": "1"}
    work = place / "work"
    work.mkdir(parents=True, exist_ok=True)

    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "sentiprism", *words]
        return subprocess.Popen(command, cwd=work, env=environment, text=True, stdout=subprocess.PIPE)  # noqa: S603

    if fresh:
        settings = [word for one in SMALL for word in ("--set", one)]
        for model, chosen in (("mdf", ["--seeds", "2", *settings]), ("ridge", [])):
            done = start("train", model, "--dataset", "synthetic", "--out", f"runs/{model}", *chosen)
            done.communicate()
            assert done.returncode == 0  # noqa: S101 - a tool's own check
    server = start("studio", "--no-browser")
    assert server.stdout is not None  # noqa: S101 - it is a pipe
    link = re.search(r"(http://[^/]+)/open\S+", server.stdout.readline())
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    try:
        assert link is not None  # noqa: S101 - the server says where it is
        with sync_playwright() as started:
            words = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
            words.append(f"--use-file-for-fake-audio-capture={fetch('two-cities') / 'two_cities.wav'}")
            browser = started.chromium.launch(executable_path=program, args=words)
            page = browser.new_page(viewport=VIEW, color_scheme="light")  # type: ignore[arg-type]
            page.set_default_timeout(120_000)
            page.goto(link[0])
            if fresh:
                use(page, link[1])
            draw(page, link[1], given.out)
            browser.close()
    finally:
        server.terminate()
        server.wait(60)
        if given.keep is None:
            shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
