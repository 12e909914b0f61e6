"""The studio as a program: killed at any moment, started again, started twice."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from makers_browser import expect
from makers_cli import SIZES
from makers_processes import needs_proc
from makers_program import Program
from makers_studio import fill_small, members, open_runner, pid_of, start_studio
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.studio.jobs.process import kill, read_process

pytestmark = needs_proc


@pytest.fixture
def unused_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


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


def test_an_open_stream_of_events_is_ended_properly(home, tmp_path):
    """The server ends when it has ended its answers, though the interrupt comes while it is waited for."""
    program = Program(tmp_path)
    connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=60)
    connection.request("GET", "/events", headers=program.headers())
    stream = connection.getresponse()
    assert stream.readline() == b"retry: 2000\n"
    program.process.terminate()
    stream.read()  # raises IncompleteRead where the connection is cut
    assert program.process.wait(20) == 143


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
