"""The server as a program: real model, many clients, killed and stopped at any moment."""

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from makers_processes import Started, needs_proc
from makers_serve import BOUNDARY, Client, form, small_model, wait_for
from sentiprism.report.files import DOCUMENT
from sentiprism.serving.keys import Keys, read_keys

pytestmark = needs_proc
REVIEW = "I really liked the ending. It made me cry! The music was awful."


class Program(Client):
    """A server that was started by the command line."""

    def __init__(self, started: Started, port: int) -> None:
        self.started, self.port = started, port
        started.reach(lambda: f":{port}" in started.shown)
        started.reach(lambda: self.get("/ready").status == 200)

    def memory(self) -> float:
        """Resident megabytes of the server and its workers."""
        sizes = [Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in self.started.members()]
        return sum(map(int, sizes)) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.fixture
def start(begin):
    def make(*words: object) -> Program:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        return Program(begin("serve", "--port", port, "--asr", "none", *words), port)

    return make


def test_the_starter_is_served_to_many_clients(start, cli, minilm, tmp_path):
    (tmp_path / "review.txt").write_text(REVIEW)
    assert cli("analyze", "review.txt", "--out", "report", "--asr", "none").status == 0
    server = start()
    reply = server.analyze(("file", "review.txt", REVIEW.encode()))
    assert reply.body == (tmp_path / "report" / DOCUMENT).read_bytes()
    values = {one["text"]: one["estimate"]["value"] for one in reply.json["utterances"]}

    def ask(number: int) -> None:
        text = [*values][number % len(values)]
        reply = server.predict({"text": text})
        assert reply.status == 200
        assert reply.json["predictions"][0]["estimate"]["value"] == pytest.approx(values[text], abs=1e-4)

    with ThreadPoolExecutor(200) as pool:
        list(pool.map(ask, range(200)))
        before = server.memory()
        for _ in range(3):
            list(pool.map(ask, range(200)))
    assert server.memory() < before + 40, "nothing is kept of requests"
    server.started.process.send_signal(signal.SIGTERM)
    assert server.started.all_end() == 128 + signal.SIGTERM


def test_a_server_that_is_killed_or_stopped_leaves_nothing(start, tmp_path):
    model = small_model(tmp_path)
    server = start("--model", model)
    with socket.create_connection(("127.0.0.1", server.port)) as cut:
        head = f"POST /v1/analyze HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 9000000\r\n"
        kind = f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
        cut.sendall((head + kind).encode() + form(("file", "a.wav", bytes(3_000_000))))
        wait_for(lambda: list((tmp_path / "tmp").rglob("file.wav")), "the upload")
        server.started.process.kill()
        server.started.all_end()
    assert list((tmp_path / "tmp").rglob("file.wav")), "a killed process cannot remove its files"
    server = start("--model", model)
    assert not list((tmp_path / "tmp").rglob("file.wav")), "the next start does"
    (worker,) = [pid for pid, line in server.started.members().items() if "analyze-0" in os.fsdecode(cwd_of(pid, line))]
    os.kill(worker, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(server.analyze, ("file", "a.txt", b"w1 w2. w3 w4."))
        wait_for(lambda: list((tmp_path / "tmp").rglob("file.txt")), "the analysis")
        server.started.process.send_signal(signal.SIGTERM)
        wait_for(lambda: not answers(server.port), "the end of listening")
        os.kill(worker, signal.SIGCONT)
        assert running.result().status == 200, "what was begun is finished"
    assert server.started.all_end() == 128 + signal.SIGTERM
    assert not list((tmp_path / "tmp").rglob("*.txt"))


def cwd_of(pid: int, line: str) -> bytes:
    """Environment of a worker, which names its folder."""
    return Path(f"/proc/{pid}/environ").read_bytes() if "serving.worker" in line else b""


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_keys_are_made_and_asked_for_by_the_command_line(cli, refused, tmp_path):
    made = cli("serve", "--keys", "keys.yaml", "--add-key", "alice")
    key = made.out.splitlines()[0]
    assert Keys(read_keys(tmp_path / "keys.yaml").keys).find(key).label == "alice"
    assert "--keys" in refused("serve", "--add-key", "alice")
    assert "without keys" in refused("serve", "--host", "0.0.0.0")  # noqa: S104
    assert "is not a saved model" in refused("serve", "--model", "nothing")
    assert "no file missing.yaml" in refused("serve", "--keys", "missing.yaml")
