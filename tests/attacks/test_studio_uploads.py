"""Hostile names, bytes and speeds of files that are uploaded to the studio."""

import json
import re
import socket
from contextlib import ExitStack

import pytest

from makers_studio import encoded, files_below, needs_unix, wait_for
from sentiprism.studio.store.tables import RecordingRow
from sentiprism.studio.web.tokens import form_token

pytestmark = needs_unix

MARKUP = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>{{7*7}}"
WAV = "voice.wav"


def begin(server) -> bytes:
    """The head of an upload of 1000 bytes, which may or may not follow."""
    return (
        f"POST /recordings/files HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nOrigin: {server.address}\r\n"
        f"Cookie: studio={server.session}\r\nX-Form-Token: {form_token(server.session)}\r\nX-File-Name: slow.wav\r\n"
        "Content-Length: 1000\r\n\r\n"
    ).encode()


@pytest.mark.parametrize(
    "name",
    ["../../evil.wav", "/etc/cron.d/evil.wav", "..\\..\\evil.wav", "a\0b.wav", "\x1b[31m.wav", "\ud800.wav", ".wav",
             "x" * 5000 + ".wav", "nul.wav", "~/.ssh/x.wav", MARKUP + ".wav", "\u202egpj.wav", "", "%2e%2e%2fevil.wav"],
)  # fmt: skip
def test_a_file_is_stored_under_a_name_of_ours(server, sound, name, request):
    content = sound + bytes(2 * (1 + abs(hash(name)) % 1000))  # other bytes for each name
    answer = server.upload(name.encode("utf-8", "replace").decode(), content)
    stored = [path for path in files_below(server.studio.database.folder) if path.startswith(("recordings", "uploads"))]
    assert all(re.fullmatch(r"recordings/[0-9a-f]{16}\.wav", path) for path in stored), stored
    assert not list(server.studio.workspace.parent.rglob("evil*"))
    if answer.status == 200:
        shown = json.loads(answer.body)["name"]
        assert len(shown) <= 200
        assert shown.isprintable()
        assert "/" not in shown


@pytest.mark.parametrize(
    "name", ["../../evil.csv", "/etc/x.pkl", "a\0b.npz", MARKUP + ".csv", "\u202egpj.csv", "~/.x.csv"]
)
def test_a_file_to_import_is_stored_under_a_name_of_ours(server, name):
    content = f"label\n{abs(hash(name))}\n".encode()
    answer = server.upload(name, content, X_File_For="data")
    assert answer.status == 200
    stored = [path for path in files_below(server.studio.database.folder) if path.startswith(("files", "uploads"))]
    assert all(re.fullmatch(r"files/[0-9a-f]{16}/([A-Za-z0-9_-]+\.(csv|pkl|npz)|file\.json)", path) for path in stored)
    page = server.get("/data/import").text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert json.loads(server.upload("again" + name[-4:], content, X_File_For="data").body)["duplicate"] is True


@pytest.mark.parametrize("name", ["page.html", "x.py", "run.yaml", "csv", "x.csv.exe", "x.mp4"])
def test_what_no_import_reads_is_refused(server, name):
    assert server.upload(name, b"label\n1\n", X_File_For="data").status == 422


def test_a_file_that_is_too_large_is_refused_before_it_is_read(server):
    assert server.upload("big.wav", b"", Content_Length="99999999999").status == 422
    assert server.upload("big.wav", bytes(500_000)).status == 422
    assert server.upload("big.wav", b"x", Content_Length=None, Transfer_Encoding="chunked").status in {400, 422}
    assert server.upload("empty.wav", b"").status == 422
    for wrong in ("-1", "1e9", "²", "9" * 4000):
        assert server.upload("big.wav", b"", Content_Length=wrong).status in {400, 422}
    assert not list(server.studio.recordings.uploads.iterdir())


def test_a_slow_upload_and_one_that_is_cut_off_leave_nothing(server):
    head = begin(server)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow:
        slow.sendall(head + b"RIFF")
        answer = b""
        while b"took too long" not in answer:  # nothing came for a second; the connection itself may stay open
            answer += (part := slow.recv(4000))
            assert part, answer
    with socket.create_connection(("127.0.0.1", server.port)) as cut:
        cut.sendall(head + b"RIFF")
    wait_for(lambda: not list(server.studio.recordings.uploads.iterdir()), "the end of the upload")


@pytest.mark.parametrize("name", ["page.html", "x.svg", "run.yaml", "model.pkl", "x.js", "x.mp4.exe", "wav", "x.csv"])
def test_what_is_neither_a_recording_nor_a_text_is_refused(server, sound, name):
    assert server.upload(name, sound).status == 422


@pytest.mark.parametrize("content", [b"<script>alert(1)</script>", b"#!/bin/sh\n", b"\x80\x04.", b"PK\x03\x04" * 99])
def test_what_only_has_the_name_of_a_recording_is_refused(server, content):
    refused = server.upload("talk.mp4", content)
    assert refused.status == 422
    assert str(server.studio.database.folder) not in refused.text, "no path of ours is told"


def test_a_text_is_never_served_as_a_page(server):
    page = b"<html><script>alert(document.cookie)</script></html>"
    identifier = json.loads(server.upload("page.txt", page).body)["id"]
    answer = server.get(f"/recordings/{identifier}/media")
    assert answer.status == 415
    assert b"alert" not in answer.body
    assert b"alert(document" not in server.get(f"/recordings/{identifier}").body


def test_media_comes_in_parts_and_as_what_it_is(server, recording, sound):
    part = server.get(f"/recordings/{recording}/media", Range="bytes=0-3")
    assert (part.status, part.body) == (206, b"RIFF")
    assert part.headers["content-type"] == "audio/wav"
    assert part.headers["x-content-type-options"] == "nosniff"
    assert server.get(f"/recordings/{recording}/media", Range="bytes=999999999-").status == 416
    many = ",".join(f"{n}-{n}" for n in range(0, 2000, 2))
    assert len(server.get(f"/recordings/{recording}/media", Range=f"bytes={many}").body) < 2 * len(sound) + 200_000


def test_markup_in_a_name_is_text(server, sound):
    content = sound + bytes(4444)
    answer = server.upload(MARKUP.replace("/", "") + ".wav", content)
    identifier = json.loads(answer.body)["id"]
    for path in ("/recordings", f"/recordings/{identifier}", f"/recordings?q={encoded('<script>alert(3)</script>')}"):
        page = server.get(path).text
        assert "<img src=x" not in page
        assert "<script>alert" not in page
        assert "49}" not in page


def test_emptying_the_bin_is_asked_twice(server, recording):
    server.post("/recordings/delete", {"recording": recording})
    asked = server.post("/recordings/bin/empty")
    assert asked.status == 200
    assert "for good?" in asked.text
    assert server.studio.recordings.get(recording) is not None
    assert server.post("/recordings/bin/empty", {"sure": "yes"}).status == 303
    assert server.studio.recordings.get(recording) is None
    with server.studio.database.read() as session:
        assert session.query(RecordingRow).filter_by(deleted=None).count() > 0, "the others are there"


def test_many_uploads_at_once_are_told_to_wait(server, sound):
    with ExitStack() as stack:
        for _ in range(4):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            one.sendall(begin(server) + b"RIFF")
        wait_for(lambda: len(list(server.studio.recordings.uploads.iterdir())) == 4, "four uploads")
        assert server.upload("fifth.wav", sound).status == 503
    wait_for(lambda: not list(server.studio.recordings.uploads.iterdir()), "their end")
    assert server.upload("fifth.wav", sound).status == 200


def test_a_file_without_the_header_is_not_read_as_a_form(server):
    kind = "application/x-www-form-urlencoded"
    body = f"form_token={form_token(server.session)}".encode()
    assert server.send("POST", "/recordings/files", body, Content_Type=kind).status == 403
