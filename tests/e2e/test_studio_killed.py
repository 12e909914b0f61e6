"""The studio is killed in the middle of its work: what was confirmed is there, jobs run on or resume, nothing is left.

Each work is real, begun by the pages' own requests; SIGKILL ends the program's server, or, as when a machine loses its
power, the processes of its jobs too.
"""

import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from makers_cli import SIZES, SMALL
from makers_label import open_task, rows
from makers_media import make_media, sine
from makers_processes import needs_proc
from makers_program import Program, processes_of
from makers_studio import files_below, job_of, members, wait_for
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.report.files import read_report
from sentiprism.studio.jobs.process import read_process
from sentiprism.studio.labelling.rating import join_task
from sentiprism.studio.labelling.results import read_results
from sentiprism.studio.labelling.tasks import Tasks
from sentiprism.studio.store.database import Database

pytestmark = needs_proc


class Work(Protocol):
    """What the studio is in the middle of."""

    def begin(self, program: Program, home: Path) -> None:
        """Begin, and wait until something is confirmed and something is not."""

    def check(self) -> None:
        """What must be so when the studio is started again."""


class Uploads:
    """Files that were confirmed, and one of which a part has come."""

    def begin(self, program: Program, home: Path) -> None:
        self.program, self.folder = program, home / "studio"
        sound = make_media(home.parent / "voice.wav", samples=sine(0.2, 8_000)).read_bytes()
        self.sent = {f"voice {n}.wav": sound + bytes(2 * n) for n in range(3)}
        for name, content in self.sent.items():
            assert program.upload(name, content).status == 200
        lines = [f"{name}: {value}" for name, value in program.own().items()]
        head = ["POST /recordings/files HTTP/1.1", f"Host: 127.0.0.1:{program.port}", *lines, "X-File-Name: cut.wav"]
        self.cut = socket.create_connection(("127.0.0.1", program.port))
        self.cut.sendall("\r\n".join([*head, "Content-Length: 9000000", "", ""]).encode() + bytes(3_000_000))
        wait_for(lambda: self.parts() and self.parts()[0].stat().st_size >= 2**21, "some of the file")

    def parts(self) -> list[Path]:
        return list((self.folder / "uploads").iterdir())

    def check(self) -> None:
        self.cut.close()
        assert self.parts() == [], "the part is removed"
        page = self.program.get("/recordings").text
        assert f"{len(self.sent)} recordings<" in page
        found = re.findall(r'href="/recordings/([0-9a-f]{16})"><bdi>([^<]+)', page)
        got = {name: self.program.get(f"/recordings/{identifier}/media").body for identifier, name in found}
        assert got == self.sent
        assert len(files_below(self.folder / "recordings")) == len(self.sent)
        whole = next(iter(self.sent.values())) + bytes(9_000)
        assert self.program.upload("cut.wav", whole).status == 200, "the same can be sent again"


class Ratings:
    """Two people rate, as fast as they can."""

    def begin(self, program: Program, home: Path) -> None:
        self.database = Database(home / "studio")
        self.tasks = Tasks(self.database, home / "studio")
        self.made = open_task(self.tasks, rows(20), cuts=tuple((n / 2, n / 2 + 0.4, "so") for n in range(20)))
        self.confirmed: dict[tuple[str, str], float] = {}
        raters = [join_task(self.tasks, self.made.id, name) for name in ("Ann", "Ben")]

        def rate(rater: str, value: float) -> None:
            for segment in self.made.segments:
                form = {"segment": segment, "pass": "full", "last": "0", "value": f"{value:g}"}
                try:
                    sent = program.post(f"/label/{self.made.id}/rate/{rater}", {**form, "once": f"{rater} {segment}"})
                except OSError:
                    return
                if sent.status == 303:
                    self.confirmed[rater, segment] = value

        self.people = [threading.Thread(target=rate, args=given) for given in zip(raters, (1.0, -2.0), strict=True)]
        for one in self.people:
            one.start()
        wait_for(lambda: len(self.confirmed) > 30, "some ratings")

    def check(self) -> None:
        for one in self.people:
            one.join()
        assert 30 < len(self.confirmed) < 800
        found = read_results(self.tasks, self.tasks.get(self.made.id))
        stored = {(rater, key[1]): row.value for key, own in found.ratings.items() for rater, row in own.items()}
        assert self.confirmed.items() <= stored.items()
        assert len(stored) <= len(self.confirmed) + 2, "at most one of each was stored and not yet confirmed"
        self.database.close()


class Job:
    """What a job does; it is followed by its page alone."""

    def queue(self, program: Program, home: Path, path: str, fields: object) -> None:
        self.program, self.home = program, home
        self.id = job_of(program.post(path, fields))
        self.folder = home / "studio" / "jobs" / self.id
        wait_for(lambda: read_process(self.folder), "its process")
        self.pid = read_process(self.folder).pid

    def follow(self, state: str) -> None:
        def reached() -> bool:
            page = self.program.get(f"/jobs/{self.id}").text
            return f'class="pill {state}"' in page

        wait_for(reached, state)

    def resume(self) -> None:
        """Resume what the kill has ended; what runs on is not begun again."""
        if members(self.pid):
            self.follow("running")
            assert read_process(self.folder).pid == self.pid
            return
        self.follow("interrupted")
        self.program.post(f"/jobs/{self.id}/resume")
        wait_for(lambda: (found := read_process(self.folder)) is not None and found.pid != self.pid, "its process")
        self.pid = read_process(self.folder).pid


class Training(Job):
    """Some epochs of many."""

    def begin(self, program: Program, home: Path) -> None:
        synthetic_dataset("tiny", sizes=SIZES)
        settings = {f"{part}.{key}": value for part, values in SMALL.items() for key, value in values.items()}
        fields = {"model": "mdf", "dataset": "tiny", "seeds": "1", **settings, "optim.epochs": "20000"}
        self.queue(program, home, "/train/new", fields)
        wait_for(lambda: self.epochs() > 2, "some epochs")

    def epochs(self) -> int:
        files = self.program.workspace.glob("runs/*/seed-*/metrics.jsonl")
        return sum(len(path.read_text().splitlines()) for path in files)

    def check(self) -> None:
        before = self.epochs()
        self.resume()
        assert self.epochs() >= before > 2, "no epoch is computed again"
        wait_for(lambda: self.epochs() > before, "another epoch")
        self.program.post(f"/jobs/{self.id}/stop")
        self.follow("stopped")
        assert members(self.pid) == []


class Analysis(Job):
    """Some reports of many."""

    COUNT = 6

    def begin(self, program: Program, home: Path) -> None:
        texts = [
            f"It was the best of times, number {n}. It was the worst of times.".encode() for n in range(self.COUNT)
        ]
        for n, text in enumerate(texts):
            assert program.upload(f"text {n}.txt", text).status == 200
        chosen = re.findall(r'name="recording" value="([0-9a-f]{16})"', program.get("/recordings").text)
        assert len(chosen) == self.COUNT
        self.queue(program, home, "/recordings/analyze", [("recording", one) for one in chosen])
        wait_for(self.reports, "a report")

    def reports(self) -> dict[Path, int]:
        """When each was written."""
        found = self.program.workspace.glob("reports/*/analysis.json")
        return {path.parent: path.stat().st_mtime_ns for path in found}

    def check(self) -> None:
        before = self.reports()
        assert all(read_report(folder) for folder in before), "each is whole"
        assert 0 < len(before) < self.COUNT
        self.resume()
        self.follow("done")
        after = self.reports()
        assert len(after) == self.COUNT
        assert before.items() <= after.items(), "what is there is not made again"
        page = self.program.get(f"/jobs/{self.id}").text
        assert len(set(re.findall(r'href="/reports/([0-9a-f]{16})"', page))) == self.COUNT


@pytest.mark.parametrize(
    ("works", "jobs_too"), [((Training, Uploads, Ratings), False), ((Training, Analysis), True)], ids=["server", "all"]
)
def test_nothing_that_was_confirmed_is_lost(works: Sequence[Callable[[], Work]], jobs_too: bool, home, minilm):
    workspace = home.parent / "work"
    workspace.mkdir()
    program = Program(workspace)
    program.post("/jobs/settings", {"at_once": "2"})
    begun = [work() for work in works]
    for work in begun:
        work.begin(program, home)
    program.kill()
    if jobs_too:
        for pid in processes_of(home):
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not processes_of(home), "the end of every process")
    program.start()
    for work in begun:
        work.check()
    program.end()
    wait_for(lambda: not processes_of(home), "the end of every process")
    left = [path for path in files_below(workspace) if "/." in f"/{path}" and not path.endswith(".lock")]
    assert left == [], "no half-written file"
    assert list((home / "studio" / "uploads").iterdir()) == []
