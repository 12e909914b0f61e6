"""How soon the studio's pages are painted with a large store, and what two trainings beside it cost.

    python benchmarks/studio.py [--recordings 2000] [--utterances 20000] [--requests 40] [--only paint|beside]

A store is filled with recordings, a report of ten utterances each, one collection of them all, and a dataset of
``--utterances``; the program's own server is started on it. First, Chromium opens one page of each kind that links lead
to, and its own first paint is told. Then the same pages are asked for without a browser, in turns, while nothing else
of ours runs and while two trainings do: medians and their ratio, of one run. Of the assets MiniLM is needed.
"""

import argparse
import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from sentiprism.assets.pinned import ASSETS
from sentiprism.assets.registry import fetch
from sentiprism.machine import machine

SAID = "It was the best of times. It was the worst of times. " * 5
"""Ten utterances, analysed once for all reports."""
CONTENT = re.compile(r'("content": ?")[0-9a-f]{64}')
LINK = re.compile(r'<a\b[^>]*\bhref="(/[^"#]*)"')
VARIABLE = re.compile(r"[0-9a-f]{16}|\b\d+\b")
"""What differs between two pages of one kind."""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
TRAINING = ("train", "mdf", "--dataset", "synthetic", "--seeds", "1", "--device", "cpu", "--set", "optim.epochs=100000")
SLOW = 200
"""Milliseconds in which a page is to answer beside two trainings."""
AFTER = 20.0
"""Seconds after which a training has read its data and is in its epochs."""


def fill(home: Path, workspace: Path, recordings: int, utterances: int) -> None:
    """Make rows, reports, a collection and a dataset."""
    import sentiprism as sp
    from sentiprism.report.files import write_report
    from sentiprism.studio.collections import Collections
    from sentiprism.studio.store.database import Database
    from sentiprism.studio.store.tables import RecordingRow

    (workspace / "said.txt").write_text(SAID)
    first = write_report(sp.analyze(workspace / "said.txt"), workspace / "reports" / "of a text").parent
    document = (first / "analysis.json").read_text()
    for n in range(recordings):
        folder = first.with_name(f"{n:05}")
        folder.mkdir()
        (folder / "analysis.json").write_text(CONTENT.sub(rf"\g<1>{n:064x}", document))
        os.link(first / "report.html", folder / "report.html")
    database = Database(home / "studio")
    rows = [
        RecordingRow(name=f"talk {n}.mp4", suffix=".mp4", content=f"{n:064x}", size=1, kind="video", duration=60.0)
        for n in range(recordings)
    ]
    with database.write() as session:
        session.add_all(rows)
    collections = Collections(database)
    collections.add_matching(collections.create("All"), "talk")
    database.close()
    sp.synthetic_dataset("large", sizes=(utterances * 8 // 10, utterances // 10, utterances // 10))
    sp.synthetic_dataset()


class Served:
    """The program's own server, and a session of it."""

    def __init__(self, workspace: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "sentiprism", "studio", "--no-browser", "--port", str(self.port)]
        self.process = subprocess.Popen(command, cwd=workspace, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        link = re.search(r"http\S+", self.process.stdout.readline())
        assert link is not None
        self.cookie = ""
        found = self._ask(link[0].partition(str(self.port))[2])
        self.cookie = str(found.headers["set-cookie"]).partition(";")[0]
        for _ in range(300):  # the numbers of all reports are read once, and kept
            if "for the first time" not in self.get(self.collection())[1]:
                break
            time.sleep(1)

    def collection(self) -> str:
        """Address of the collection of all recordings."""
        found = re.search(r"/collections/[0-9a-f]{16}", self.get("/collections")[1])
        assert found is not None
        return found[0]

    def _ask(self, path: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("GET", path, headers={"Cookie": self.cookie})
        return connection.getresponse()

    def get(self, path: str) -> tuple[float, str]:
        """Milliseconds of a page, and its text; "" where it is none."""
        start = time.perf_counter()
        found = self._ask(path)
        text = found.read()
        took = 1000 * (time.perf_counter() - start)
        page = found.status == 200 and str(found.headers["content-type"]).startswith("text/html")
        return took, text.decode() if page and "content-disposition" not in found.headers else ""

    def pages(self) -> list[str]:
        """One address of each kind that links lead to, the page of the collection among them."""
        waiting, kinds, found = ["/", self.collection(), "/train/new?model=mdf&dataset=large"], set(), []
        while waiting:
            address = waiting.pop(0).replace("&amp;", "&")
            kind = VARIABLE.sub("…", address.partition("?")[0])
            if kind not in kinds and (text := self.get(address)[1]):
                found.append(address)
                waiting.extend(LINK.findall(text))
            kinds.add(kind)
        return found

    def medians(self, pages: list[str], requests: int) -> dict[str, float]:
        """Milliseconds of each page."""
        taken: dict[str, list[float]] = {page: [] for page in pages}
        for _ in range(requests):
            for page in pages:
                taken[page].append(self.get(page)[0])
        return {page: median(times) for page, times in taken.items()}


def first_paints(served: Served, pages: list[str]) -> dict[str, float]:
    """Milliseconds from asking for a page to its first paint, the median of three visits."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        name, _, value = served.cookie.partition("=")
        page.context.add_cookies([{"name": name, "value": value, "url": f"http://127.0.0.1:{served.port}"}])
        found = {}
        for address in pages:
            times = []
            for _ in range(3):
                page.goto(f"http://127.0.0.1:{served.port}{address}")
                page.wait_for_timeout(200)  # what is painted is told a moment later
                times.append(page.evaluate(PAINT))
            found[address] = median(times)
        browser.close()
    return found


def tell(title: str, found: dict[str, float]) -> None:
    """Print milliseconds by page, the slowest first."""
    print(title)
    for page, took in sorted(found.items(), key=lambda one: -one[1]):
        print(f"  {took:7.0f} ms  {VARIABLE.sub('…', page)}")


def main() -> None:
    """Parse arguments, fill a store, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=2_000)
    parser.add_argument("--utterances", type=int, default=20_000)
    parser.add_argument("--requests", type=int, default=40, help="of each page, idle and beside trainings")
    parser.add_argument("--only", choices=("paint", "beside"))
    given = parser.parse_args()
    print(machine())
    os.environ[ASSETS["minilm"].variable] = str(fetch("minilm"))
    with tempfile.TemporaryDirectory(prefix="studio-") as folder:
        home, workspace = Path(folder) / "home", Path(folder) / "work"
        workspace.mkdir()
        os.environ["SENTIPRISM_HOME"] = str(home)
        fill(home, workspace, given.recordings, given.utterances)
        served, trainings = Served(workspace), []
        try:
            pages = served.pages()
            if given.only != "beside":
                tell("first paint", first_paints(served, pages))
            if given.only != "paint":
                idle = served.medians(pages, given.requests)
                command = [sys.executable, "-m", "sentiprism", *TRAINING]
                trainings = [
                    subprocess.Popen([*command, "--out", f"runs/{n}"], cwd=workspace, stderr=subprocess.DEVNULL)
                    for n in range(2)
                ]
                time.sleep(AFTER)
                assert all(one.poll() is None for one in trainings)
                beside = served.medians(pages, given.requests)
                tell("median of a page, idle", idle)
                tell("median of a page beside two trainings", beside)
                one, other = median(idle.values()), median(beside.values())
                slow = sum(took >= SLOW for took in beside.values())
                print(
                    f"over {len(pages)} pages: {one:.0f} ms idle, {other:.0f} ms beside two trainings, "
                    f"{other / one:.1f} times; {slow} pages take {SLOW} ms or more"
                )
        finally:
            for process in (*trainings, served.process):
                process.terminate()
                process.wait(60)
        print(machine())


if __name__ == "__main__":
    main()
