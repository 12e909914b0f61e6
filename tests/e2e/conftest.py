"""The command line as a user meets it, in process or as a process of its own; the report in a real browser."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from makers_analysis import features, saved_model
from makers_cli import Answer, files, train_tiny
from makers_media import make_media, sine
from makers_processes import COMMAND, Started
from makers_report import make_video, review
from sentiprism.analysis.options import Options
from sentiprism.cli.main import main
from sentiprism.report.files import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Page

READY = """() => {
  const video = document.querySelector("video");
  if (video && video.readyState < 1 && !video.error)
    return new Promise((done) => ["loadedmetadata", "error"].forEach((event) => video.addEventListener(event, done)));
}"""


@pytest.fixture(autouse=True, scope="package")
def _one_thread() -> Iterator[None]:
    """Two threads on a busy machine of two cores wait for each other: the same tests take five times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def cli(home, tmp_path, monkeypatch, capsys) -> Callable[..., Answer]:
    """Runs ``main()`` in this process, in an empty folder, on a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["sentiprism", *map(str, words)])
        capsys.readouterr()
        status = main()
        return Answer(status, *capsys.readouterr())

    return run


@pytest.fixture
def refused(cli, tmp_path) -> Callable[..., str]:
    """Runs a command that must be refused with one line and leave nothing behind; returns the line."""

    def run(*words: object) -> str:
        before = files(tmp_path)
        line = cli(*words).error
        assert files(tmp_path) == before
        return line

    return run


@pytest.fixture
def process(home, tmp_path) -> Callable[..., subprocess.Popen]:
    """Starts the command line as a process; ``limit`` is the largest file in bytes that it may write."""

    def start(*words: object, limit: int | None = None, **environment: str) -> subprocess.Popen:
        # a runner in the background of a shell ignores interrupts, and would hand that down
        lines = ["import sys, signal", "signal.signal(signal.SIGINT, signal.default_int_handler)"]
        lines.append("from sentiprism.cli.main import main")
        if limit is not None:
            lines[1:1] = ["import resource", f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"]
        code = "; ".join([*lines, "sys.exit(main())"])
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, words)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding=environment.get("PYTHONIOENCODING", "utf-8"),
            env={**os.environ, "SENTIPRISM_HOME": str(home), "COLUMNS": "80", "OMP_NUM_THREADS": "1", **environment},
        )

    return start


@pytest.fixture
def begin(home, tmp_path) -> Callable[..., Started]:
    """Starts a command in a session of its own, with a folder ``tmp`` for temporary files."""
    (tmp_path / "tmp").mkdir()

    def start(*words: object, **more: object) -> Started:
        environment = {"SENTIPRISM_HOME": str(home), "TMPDIR": str(tmp_path / "tmp")}
        return Started(COMMAND, *words, folder=tmp_path, **environment, **more)

    return start


@pytest.fixture(scope="session")
def _template(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    train_tiny(folder / "home", folder / "run", seeds=2)
    return folder


@pytest.fixture
def finished(home, tmp_path, _template) -> Path:
    """A finished run of two seeds on the stored dataset ``tiny``; both are this test's own."""
    shutil.copytree(_template / "home", home)
    return shutil.copytree(_template / "run", tmp_path / "run")


@pytest.fixture(scope="module")
def judge(tmp_path_factory) -> Path:
    """A saved model that recordings can be judged by, of no known language."""
    folder = tmp_path_factory.mktemp("judge")
    return saved_model(folder / "model", features(folder / "text"))


@pytest.fixture
def options(judge) -> Options:
    """Of an analysis by `judge`, without recognition."""
    return Options(model=str(judge), asr="none")


@pytest.fixture(scope="session")
def clips(shared_data, face_landmarker) -> Path:
    """Folder of real clips of several kinds."""
    return shared_data / "clips"


@pytest.fixture
def tone(tmp_path) -> Path:
    """A sound of two seconds, in a file whose name needs care."""
    return make_media(tmp_path / 'it\'s a "tone" ü.wav', samples=sine(2.0, 16_000))


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return make_video(tmp_path_factory.mktemp("media") / "clip.webm")


@pytest.fixture(scope="module")
def report(tmp_path_factory, video) -> Path:
    return write_report(review(), tmp_path_factory.mktemp("reports") / "it's a <report> #1", video)


@pytest.fixture
def visit(browser):
    """Opens a page; any message on the console, error or request from outside fails the test at its end."""
    faults, contexts = [], []

    def asked(request):
        if not request.url.startswith(("file:", "data:")):
            faults.append(f"asked for {request.url}")

    def go(path: Path, **settings) -> "Page":
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **settings})
        contexts.append(context)
        page = context.new_page()
        page.on("request", asked)
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(path.as_uri())
        if page.locator("video").count():
            page.evaluate(READY)  # waiting for a function would be eval, which the page's policy forbids
        return page

    yield go
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def patience():
    """On a busy machine a page takes longer than the five seconds that are usual."""
    from makers_browser import expect

    expect.set_options(timeout=150_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def watched(browser, patience):
    """Opens a page of the studio; a message on its console, error or request to elsewhere fails the test at last."""
    faults, contexts = [], []

    def go(address: str, known: str = "nothing", **settings) -> "Page":
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **settings})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(150_000)
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


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An empty database of a real PostgreSQL that ends with the tests."""
    from makers_postgresql import serve_postgresql

    with serve_postgresql() as address:
        yield address


@pytest.fixture
def studio(home, tmp_path, monkeypatch):
    """A studio whose workspace is this test's own folder, with its queue running."""
    from makers_studio import Server

    monkeypatch.chdir(tmp_path)
    opened = Server(home, tmp_path)
    opened.studio.runner.start()
    yield opened
    opened.close()
