"""Hostile requests, clients and floods against the server of a model: refused with a clear status, and it serves on."""

import socket
from contextlib import ExitStack

import pytest

from attacks.cases_serve import ATTACKS, FORM, JSON, KEYS, RAW, Attack
from makers_serve import Reply, Served, form, needs_unix, serving, small_model, wait_for
from sentiprism.serving.guard import GUESSES
from sentiprism.serving.keys import KeyEntry, hash_of
from sentiprism.web.guard import Pace

pytestmark = needs_unix
KEY, OTHER, SMALL = (f"sp_{name}{'k' * 40}" for name in ("one", "two", "tri"))
UNLIMITED = {"requests_per_minute": 10**6, "bytes_per_day": 10**12, "jobs": 50}
PACE = Pace(silence=0.5, start=1.0, rate=20_000)


def entry(label: str, key: str, **limits: int) -> KeyEntry:
    return KeyEntry(label=label, sha256=hash_of(key), **{**UNLIMITED, **limits})


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    keys = [entry("alice", KEY), entry("bob", OTHER), entry("carol", SMALL, requests_per_minute=5)]
    with serving(small_model(folder), folder / "work", keys=keys, upload=200_000, asr="none", pace=PACE) as opened:
        wait_for(lambda: opened.get("/ready").status == 200, "the model")
        yield opened


def healthy(server: Served) -> None:
    """It serves as before, and nothing of an attack is left on the disk."""
    assert server.get("/health").status == 200
    assert list((server.folder / "jobs").iterdir()) == []


def allowed(key: str = KEY) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def refused(reply: Reply, statuses: set[int]) -> None:
    assert reply.status in statuses, reply
    if reply.headers["content-type"] == "application/problem+json":
        assert reply.problem
        assert reply.json["remedy"]
    else:
        assert reply.status in {200, 400, 431}, "only what is no HTTP is refused without a problem"


def test_there_are_more_than_a_hundred_attacks():
    assert len(ATTACKS) + len(KEYS) + len(RAW) > 150
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_hostile_request_is_refused_with_its_reason(server: Served, attack: Attack):
    reply = server.send(attack.method, attack.path, attack.body, **{**allowed(), **attack.headers})
    refused(reply, attack.statuses)
    assert str(server.folder) not in reply.body.decode(errors="replace")
    assert "passwd:" not in reply.body.decode(errors="replace")
    healthy(server)


@pytest.mark.parametrize("value", [value for _, value in KEYS], ids=[name for name, _ in KEYS])
def test_what_is_not_a_key_opens_nothing(server: Served, value):
    if value is not None:
        value = value.replace("KEY[:-1]", KEY[:-1]).replace("KEY.lower", KEY.upper()).replace("KEY", KEY)
        value = value.replace("HASH", hash_of(KEY))
    for path in ("/v1/model", f"/v1/model?key={KEY}&access_token={KEY}"):
        reply = server.get(path, Authorization=value)
        assert reply.status in {401, 429}, "many wrong keys are told to wait"
        assert reply.headers["www-authenticate" if reply.status == 401 else "retry-after"]
        assert reply.problem
    assert server.predict({"text": "w1"}, Authorization=value).status in {401, 429}
    assert server.get("/v1/model", **allowed()).status == 200


@pytest.mark.parametrize("name", RAW)
def test_bytes_that_are_no_request_end_the_connection(server: Served, name):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(RAW[name])
        client.shutdown(socket.SHUT_WR)
        reply = client.recv(4000)
    status = int(reply.split(b" ", 2)[1]) if reply else 400
    assert status in {400, 401, 404, 405, 414, 421, 426, 429, 431}, reply
    healthy(server)


def read_all(client: socket.socket) -> bytes:
    found = b""
    while part := client.recv(4000):
        found += part
    return found


def head(server: Served, path: str, length: int | None, kind: str = JSON) -> bytes:
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: {kind}\r\n{size}\r\n\r\n"
    ).encode()


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/analyze"])
def test_a_body_that_stops_is_cut(server: Served, path):
    kind, body = (JSON, b'{"samples":[') if path == "/v1/predict" else (FORM, form(("file", "a.txt", b"w1"))[:60])
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(head(server, path, 1000, kind) + body)
        reply = read_all(client)
    assert reply.startswith(b"HTTP/1.1 408 "), reply
    assert b"too slowly" in reply
    healthy(server)


def test_a_body_that_drips_is_cut(server: Served):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(head(server, "/v1/predict", 1000))
        client.settimeout(0.1)
        reply = b""
        for _ in range(100):  # ten bytes a second, each in time
            client.sendall(b" ")
            try:
                reply = client.recv(4000)
                break
            except TimeoutError:
                continue
    assert reply.startswith(b"HTTP/1.1 408 "), reply


def test_chunks_without_end_are_cut(server: Served):
    for path, kind in (("/v1/predict", JSON), ("/v1/analyze", FORM)):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
            client.sendall(head(server, path, None, kind))
            if path == "/v1/analyze":
                start = form(("file", "a.wav", b"@")).partition(b"@")[0]
                client.sendall(f"{len(start):x}\r\n".encode() + start + b"\r\n")
            reply = b""
            for _ in range(200):
                try:
                    client.sendall(f"{2**18:x}\r\n".encode() + b" " * 2**18 + b"\r\n")
                except OSError:
                    break
            try:
                reply = client.recv(100)
            except OSError:
                reply = b"HTTP/1.1 413 "  # the connection was reset, as the rest would not be read
        assert reply.startswith(b"HTTP/1.1 413 "), reply
        healthy(server)


def test_a_head_that_never_ends_is_cut(server: Served, monkeypatch):
    monkeypatch.setattr("sentiprism.web.server._Protocol.patience", 0.5)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as silent:
        assert silent.recv(100) == b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\n")
        assert slow.recv(100) == b""


def test_many_connections_that_wait_do_not_stop_others(server: Served):
    with ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port))).sendall(b"GET /health")
        assert server.predict({"text": "w1"}, **allowed()).status == 200


def test_jobs_of_another_key_do_not_exist(server: Served):
    made = server.analyze(("file", "a.txt", b"w1 w2."), query="?wait=false", **allowed())
    address = made.headers["location"]
    for path in (address, f"{address}/events", f"{address}/result"):
        assert server.get(path, **allowed(OTHER)).status == 404
    assert server.send("DELETE", address, **allowed(OTHER)).status == 404
    assert server.get(address).status in {401, 429}
    wait_for(lambda: server.get(address, **allowed()).json["state"] == "done", "the job")
    assert server.send("DELETE", address, **allowed()).status == 204
    healthy(server)


def test_guesses_are_slowed_and_keys_still_work(server: Served):
    replies = [server.get("/v1/model", Authorization=f"Bearer sp_{n:043}") for n in range(GUESSES + 20)]
    assert {reply.status for reply in replies} <= {401, 429}
    assert replies[-1].status == 429
    assert int(replies[-1].headers["retry-after"]) >= 1
    assert server.get("/v1/model", **allowed()).status == 200


def test_a_key_has_its_requests_per_minute(server: Served):
    replies = [server.get("/v1/model", **allowed(SMALL)) for _ in range(7)]
    assert [reply.status for reply in replies] == [200] * 5 + [429] * 2
    assert 1 <= int(replies[-1].headers["retry-after"]) <= 61
    assert "5 requests" in replies[-1].problem
    assert server.get("/v1/model", **allowed(OTHER)).status == 200, "other keys are not affected"


def test_names_of_files_are_no_paths(server: Served):
    for name in ("../../evil.txt", "/etc/evil.txt", "..\\evil.txt", "evil.txt/../../evil.txt"):
        reply = server.analyze(("file", name, b"w1 w2. w3."), **allowed())
        assert reply.status == 200
        assert reply.json["recording"]["name"] == "evil.txt"
    assert not list(server.folder.parent.rglob("*evil*"))
    healthy(server)
