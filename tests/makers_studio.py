"""The studio's parts as tests use them."""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest

from makers_cli import SIZES, SMALL
from makers_http import Reply, exchange, wait_for
from makers_store import store_at
from sentiprism.config import merge
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.serving.stream_messages import MOST_BYTES
from sentiprism.studio.app import create_app
from sentiprism.studio.folders import Folders
from sentiprism.studio.health import Health
from sentiprism.studio.jobs.kinds import parse_job
from sentiprism.studio.jobs.process import kill, read_process
from sentiprism.studio.jobs.runner import Runner
from sentiprism.studio.jobs.work import do
from sentiprism.studio.recordings import Recordings
from sentiprism.studio.store.database import Database
from sentiprism.studio.store.tables import JobRow
from sentiprism.studio.web.state import Studio
from sentiprism.studio.web.tokens import Tokens, form_token
from sentiprism.training.config import RunConfig
from sentiprism.web.server import make_server
from sentiprism.web.sockets import SocketProtocol
from sentiprism.web.uploads import Limits

if TYPE_CHECKING:
    from playwright.sync_api import Page


SHARED = Path(__file__).parents[2] / "shared" / "data"
"""Real recordings beside the project; where they are absent, tests use others."""
needs_unix = pytest.mark.skipif(sys.platform == "win32", reason="the studio needs Linux or macOS")


def open_runner(home: Path, url: str | None = None) -> Runner:
    return Runner(Database(home / "studio", url), home / "studio" / "jobs")


def row(runner: Runner, job: str) -> JobRow:
    with runner.database.read() as session:
        return session.get_one(JobRow, job)


def follow(runner: Runner, job: str, *states: str) -> JobRow:
    """Look until a job is in one of these states."""

    def reached() -> bool:
        runner.look()
        return row(runner, job).state in states

    wait_for(reached, f"{states} of {job}: {row(runner, job).state}")
    return row(runner, job)


def training(out: str = "runs/tiny", **more: object) -> dict[str, object]:
    """Parameters of a training that takes a second on the dataset tiny, which is made where it is not there."""
    if not (Path(os.environ["SENTIPRISM_HOME"]) / "datasets" / "tiny").is_dir():
        synthetic_dataset("tiny", sizes=SIZES)
    config = RunConfig.parse(merge({"model": "mdf", "dataset": "tiny", "seeds": 1, **SMALL}, more))
    return {"run": config.model_dump(mode="json"), "out": out, "device": "cpu"}


def endless(out: str = "runs/tiny") -> dict[str, object]:
    """Parameters of a training that ends after a minute at the earliest."""
    return training(out, optim={"epochs": 20_000})


def epochs(folder: Path) -> int:
    """How many epochs of the first seed are written."""
    path = folder / "seed-1111" / "metrics.jsonl"
    return len(path.read_text().splitlines()) if path.is_file() else 0


def members(session: int) -> list[int]:
    """Processes of a session that have not ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            state, _, _, own = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(own) == session and state not in "ZX":
                found.append(int(folder.name))
    return found


def pid_of(runner: Runner, job: str) -> int:
    wait_for(lambda: read_process(runner.job_folder(job)), "its process")
    return read_process(runner.job_folder(job)).pid


def python(code: str, folder: Path, **environment: str) -> subprocess.Popen:
    """Start Python code that a test may kill."""
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, env={**os.environ, **environment}, start_new_session=True
    )


class Server:
    """A studio that is served by a thread of this process; what a browser sends can be forged.

    Args:
        home: data folder.
        workspace: folder of runs and reports.
        limits: of uploads.
        url: of the database; None = SQLite in the data folder.
    """

    def __init__(self, home: Path, workspace: Path, limits: Limits | None = None, url: str | None = None) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        runner = open_runner(home, url)
        self.studio = Studio(
            database=runner.database,
            runner=runner,
            recordings=Recordings(runner.database, home / "studio"),
            folders=Folders(workspace),
            health=Health(),
            tokens=Tokens(runner.database, f"test {self.port}"),
            cookie="studio",
        )
        app = create_app(self.studio, self.port, limits)
        self._server = make_server(app, 1.0, message=MOST_BYTES)
        self._thread = threading.Thread(target=self._server.run, args=([self.socket],), daemon=True)
        self._thread.start()
        wait_for(lambda: self._server.started, "the server")
        self.address = f"http://127.0.0.1:{self.port}"
        self.session = self.studio.tokens.redeem(self.studio.tokens.make_link())

    @property
    def link(self) -> str:
        return f"{self.address}/open?token={self.studio.tokens.make_link()}"

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str | None) -> Reply:
        """Send a request with the session's cookie; a header that is None is left out."""
        own = {"Cookie": f"studio={self.session}"} | ({"Origin": self.address} if method == "POST" else {})
        return exchange(self.port, method, path, body, {**own, **headers})

    def get(self, path: str, **headers: str | None) -> Reply:
        return self.send("GET", path, **headers)

    def post(self, path: str, fields: object = (), **headers: str | None) -> Reply:
        """Send a form of this session."""
        given = [*(fields.items() if isinstance(fields, dict) else fields)]
        body = urlencode([("form_token", form_token(self.session)), *given]).encode()
        return self.send("POST", path, body, Content_Type="application/x-www-form-urlencoded", **headers)

    def upload(self, name: str, content: bytes, **headers: str | None) -> Reply:
        """Send a file as the page does."""
        given = {"X_Form_Token": form_token(self.session), "X_File_Name": quote(name, safe=""), **headers}
        return self.send("POST", "/recordings/files", content, **given)

    def cut_sockets(self) -> None:
        """Lose the connections of all web sockets, as a broken network does."""
        for one in list(self._server.server_state.connections):
            if isinstance(one, SocketProtocol):
                one.loop.call_soon_threadsafe(one.transport.abort)

    def close(self) -> None:
        self.studio.closing = True
        self._server.should_exit = True
        self._thread.join(10)
        self.studio.runner.close()
        for folder in self.studio.runner.folder.glob("*"):
            if (process := read_process(folder)) is not None:
                kill(process)
        self.studio.database.close()


@contextmanager
def serving(folder: Path, limits: Limits | None = None) -> Iterator[Server]:
    """A studio whose data and workspace are below a folder."""
    with store_at(folder / "home"):
        (folder / "work").mkdir()
        opened = Server(folder / "home", folder / "work", limits)
        yield opened
        opened.close()


def job_of(sent: Reply) -> str:
    """Identifier of the job that a form has queued."""
    return sent.headers["location"].rpartition("/")[2]


def work(server: Server, sent: Reply) -> str:
    """Do the job that a form has queued in this process, and mark it as done; its identifier."""
    runner = server.studio.runner
    job = row(runner, job_of(sent))
    runner.job_folder(job.id).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(server.studio.workspace)
        result = do(parse_job(job.kind, job.parameters), runner.job_folder(job.id))
    with server.studio.database.write() as session:
        found = session.get_one(JobRow, job.id)
        found.state, found.result = "done", result
    return job.id


def files_below(folder: Path) -> list[str]:
    """Every file, by its path."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def encoded(text: str) -> str:
    """A text for an address as an attacker writes it: all that HTTP can carry stays as it is."""
    return text.replace(" ", "%20").replace("'", "%27")


def fill_small(page: "Page") -> None:
    """Fill the form of a training with settings that take a second."""
    for part, values in SMALL.items():
        for key, value in values.items():
            field = page.locator(f"[name='{part}.{key}']")
            if not field.is_visible():
                field.locator("xpath=ancestor::details[1]/summary").click()
            field.fill(str(value))


def start_studio(folder: Path, port: int) -> tuple[subprocess.Popen, str]:
    """Start the program's own server; the process and its link."""
    command = [sys.executable, "-m", "sentiprism", "studio", "--no-browser", "--port", str(port)]
    started = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, start_new_session=True)
    return started, re.search(r"http\S+", started.stdout.readline())[0]
