"""What a page of another origin, a hostile file or a hostile link can send to the studio is refused."""

import socket
import threading

import pytest

from makers_studio import encoded, endless, files_below, needs_unix, open_runner
from sentiprism.studio.store.tables import JobRow
from sentiprism.studio.web.tokens import form_token

pytestmark = needs_unix

TRICKS = (
    "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "..%252f..%252fetc", "%00", "a%00.mp4",
    "%2fetc%2fpasswd", "....//....//etc", "..%5c..%5cwindows", "~root", "' OR 1=1 --", "%F0%9F%98%80", "0" * 3000,
)  # fmt: skip


def test_a_link_opens_once(server):
    path = server.link.removeprefix(server.address)
    opened = server.get(path, Cookie=None)
    assert opened.status == 303
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert server.get("/", Cookie=cookie.partition(";")[0]).status == 200
    assert server.get(path, Cookie=None).status == 401
    for guess in ("", "?token=", "?token=guessed", f"?token={server.session}", f"?token={'x' * 2000}"):
        assert server.get(f"/open{guess}", Cookie=None).status == 401


def test_a_link_that_two_ask_for_at_once_opens_once(server):
    path, found = server.link.removeprefix(server.address), []
    asked = [threading.Thread(target=lambda: found.append(server.get(path, Cookie=None).status)) for _ in range(6)]
    for one in asked:
        one.start()
    for one in asked:
        one.join()
    assert sorted(found) == [303] + [401] * 5


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example", "[::1]", "", None]
)
def test_a_name_that_is_bound_to_this_address_is_refused(server, host):
    assert server.get("/", Host=host).status in {400, 421}
    assert server.get("/static/studio.css", Host=host).status in {400, 421}


def test_two_names_at_once_are_refused(server):
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        own = f"127.0.0.1:{server.port}"
        raw.sendall(f"GET / HTTP/1.1\r\nHost: {own}\r\nHost: evil.example\r\n\r\n".encode())
        assert raw.recv(100).split()[1] in {b"400", b"421"}


def test_reading_from_another_origin_is_refused(server):
    assert server.get("/", Origin="http://evil.example").status == 403
    assert server.get("/events", Origin="null").status == 403
    for site in ("cross-site", "same-site"):
        assert server.get("/", Sec_Fetch_Site=site).status == 403
    assert "access-control-allow-origin" not in server.get("/", Origin=server.address).headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"])
def test_other_methods_are_refused(server, method):
    assert server.send(method, "/recordings", Origin=server.address).status in {400, 405}


@pytest.mark.parametrize("trick", TRICKS)
def test_identifiers_in_forms_are_never_paths(server, recording, trick):
    before = files_below(server.studio.database.folder)
    for path, fields in (
        ("/recordings/analyze", {"recording": trick}),
        ("/recordings/analyze", {"recording": recording, "model": trick}),
        ("/compare", [("run", trick), ("run", "x")]),
        ("/label/new", {"scale": "3", "pass": "full", "recording": trick}),
        ("/label/new", {"scale": trick, "pass": "full", "recording": recording}),
        ("/label/new", {"scale": "3", "pass": trick, "recording": recording}),
        ("/train/new", {"model": trick, "dataset": "synthetic"}),
        ("/train/new", {"model": "ridge", "dataset": "synthetic", "init": trick or "x"}),
        ("/train/new", {"model": "ridge", "dataset": "synthetic", "experiment": trick}),
        ("/data/import", {"kind": "mmsa", "name": "new", "low": "-3", "high": "3", "mmsa": trick}),
        ("/data/import", {"kind": "table", "name": trick or "..", "low": "-3", "high": "3", "labels": "x"}),
        ("/features", {"kind": "table", "name": "new", "low": "-3", "high": "3", "audio": "speech", "labels": trick}),
        ("/features", {"kind": "dataset", "name": "new", "audio": "speech", "source": trick}),
        ("/features", {"kind": "table", "name": "new", "audio": trick or "x"}),
        ("/data/import", {"kind": trick, "name": "new", "low": "-3", "high": "3"}),
    ):
        assert server.post(path, fields).status in {404, 422}, (path, fields)
    assert server.post("/compare/why", {"a": trick, "b": "x", "utterance": trick}).status == 404
    assert server.post("/collections/add", {"collection": trick or "x", "recording": recording}).status == 404
    for path in (f"/jobs/{encoded(trick)}/stop", f"/runs/{encoded(trick)}/resume", f"/data/{encoded(trick)}/evaluate",
                 f"/label/{encoded(trick)}/state"):  # fmt: skip
        answer = server.post(path)
        assert answer.status in {303, 400, 404}
        assert (answer.headers["location"] or "/").startswith("/")
        assert not (answer.headers["location"] or "/").startswith("//")
    with server.studio.database.read() as session:
        assert session.query(JobRow).count() == 0
    assert [name for name in files_below(server.studio.database.folder) if "sqlite" not in name] == [
        name for name in before if "sqlite" not in name
    ]


@pytest.mark.parametrize(
    "path", ["/", "/recordings", "/train", "/compare", "/jobs", "/static/live.js", "/nowhere", "/data"]
)
def test_every_answer_has_the_headers(server, path):
    headers = server.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers


def test_forms_are_bounded(server):
    kind = "application/x-www-form-urlencoded"
    own = f"form_token={form_token(server.session)}&".encode()
    assert server.send("POST", "/compare", own + b"a" * 300_000, Content_Type=kind).status == 413
    many = own + b"&".join(b"run=x" for _ in range(5_000))
    assert server.send("POST", "/compare", many, Content_Type=kind).status == 400
    files = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nhi\r\n--x--\r\n'
    assert server.send("POST", "/compare", files, Content_Type="multipart/form-data; boundary=x").status == 400
    assert server.get("/recordings?q=" + "x" * 10_000).status in {400, 414}


@pytest.mark.parametrize("page", ["-1", "99999999999999999999", "x", "1e3"])
def test_numbers_in_addresses_are_bounded(server, page):
    assert server.get(f"/recordings?page={page}").status in {200, 400}


PATHS = ("/etc/passwd", "../models", "./minilm", "a/b/c", "~/x", "C:\\x", "..", "tests")


@pytest.mark.parametrize("path", PATHS)
def test_no_path_comes_from_a_form_that_names_a_model(server, recording, path, monkeypatch, tmp_path):
    (tmp_path / "tests").mkdir()
    monkeypatch.chdir(tmp_path)
    base = {"model": "lf_dnn", "dataset": "synthetic"}
    assert server.post("/train/new", {**base, "data.text.encoder": path}).status == 422
    assert server.post("/train/new", {"model": "lf_dnn", "dataset": path}).status == 422
    assert server.get(f"/train/new?model=lf_dnn&dataset={encoded(path)}").status == 422
    assert server.post("/recordings/analyze", {"recording": recording, "asr": path}).status == 422
    for field in ({"audio": "hf-audio", "audio_network": path}, {"audio": "speech", "asr": path}):
        refused = server.post("/features", {"kind": "table", "name": "new", **field})
        assert refused.status == 422
        assert "is not a name" in refused.text


@pytest.mark.parametrize("trick", TRICKS)
def test_files_to_import_are_removed_by_identifiers_alone(server, trick):
    before = files_below(server.studio.workspace.parent)
    assert server.post("/data/files/delete", [("file", trick), ("file", ".."), ("file", "/")]).status == 303
    assert files_below(server.studio.workspace.parent) == before


def test_values_of_a_form_are_refused_as_on_the_command_line(server):
    base = {"model": "ridge", "dataset": "synthetic"}
    for name, value in (("seeds", "99999999"), ("data.text.encoder", "!!python/object:os.system"), ("seeds", "[1,"),
                        ("device", "cuda; rm -rf"), ("precision", "fp4")):  # fmt: skip
        answer = server.post("/train/new", {**base, name: value})
        assert answer.status in {303, 422}
        if name in {"seeds", "precision"}:
            assert answer.status == 422


def test_a_form_that_is_sent_many_times_at_once_is_one_job(server, recording):
    fields, found = {"recording": recording, "once": "the form of one page"}, []
    server.studio.runner.set_at_once(1)
    sent = [
        threading.Thread(target=lambda: found.append(server.post("/recordings/analyze", fields).headers["location"]))
        for _ in range(6)
    ]
    for one in sent:
        one.start()
    for one in sent:
        one.join()
    assert len(found) == 6
    assert len(set(found)) == 1
    other = server.post("/recordings/analyze", {**fields, "longest": "9"}).headers["location"]
    assert other not in found, "the same page with other settings is another job"
    for job in {*found, other}:
        server.post(f"{job}/stop")
        server.post(f"{job}/stop")
        assert "stopped" in server.get(job).text


def test_the_same_form_twice_is_one_job(tmp_path, home):
    runner = open_runner(home)
    first = runner.add("train", "x", endless(), tmp_path, once="form 1")
    again = runner.add("train", "x", endless(), tmp_path, once="form 1")
    other = runner.add("train", "x", endless(), tmp_path, once="form 2")
    assert first == again != other
    runner.database.close()
