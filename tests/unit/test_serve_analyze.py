"""Analyses over HTTP: the report's document, jobs with progress, cancelling, nothing left behind."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from makers_media import make_media, sine
from makers_serve import BOUNDARY, Served, form, needs_unix, serving, small_model, wait_for
from sentiprism.analysis.batch import analyze_one
from sentiprism.analysis.inputs import AnalysisTask
from sentiprism.analysis.options import Options
from sentiprism.report.files import DOCUMENT

pytestmark = needs_unix
SUBTITLES = b"1\n00:00:00,100 --> 00:00:01,000\nw1 w2 w3.\n\n2\n00:00:01,200 --> 00:00:02,500\nw4 w5.\n"
REVIEW = b"w1 w2 w3. w4 w5 w6! w7 w8."


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return small_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def voice(tmp_path_factory) -> bytes:
    return make_media(tmp_path_factory.mktemp("voice") / "voice.wav", samples=sine(3.0, 8_000)).read_bytes()


@pytest.fixture(scope="module")
def server(model, tmp_path_factory):
    with serving(model, tmp_path_factory.mktemp("work"), asr="none") as opened:
        yield opened


def jobs_left(server: Served) -> list[str]:
    return sorted(path.name for path in server.folder.joinpath("jobs").iterdir())


def begun(server: Served, *files: tuple[str, str, bytes], query: str = "?wait=false") -> str:
    """Address of a new job."""
    reply = server.analyze(*files, query=query)
    assert reply.status == 202, reply.body
    assert reply.headers["location"] == f"/v1/jobs/{reply.json['id']}"
    return reply.headers["location"]


def hold(server: Served) -> None:
    """Stop the process of the worker, so that its job goes on until it is continued or killed."""
    wait_for(lambda: server.service.jobs.workers[0].ready, "the worker")
    os.kill(server.service.jobs.workers[0].pid, signal.SIGSTOP)


@pytest.mark.parametrize("kind", ["voice", "review"])
def test_the_result_is_the_document_of_the_report(server: Served, model, voice, tmp_path, home, kind):
    files = [("file", "my talk.wav", voice), ("transcript", "said.srt", SUBTITLES)]
    if kind == "review":
        files = [("file", "review.txt", REVIEW)]
    for _, name, content in files:
        (tmp_path / name).write_bytes(content)
    transcript = tmp_path / "said.srt" if kind == "voice" else None
    options = Options(model=str(model), asr="none", language="en", face="all")
    analyze_one(AnalysisTask(tmp_path / files[0][1], tmp_path / "report", transcript), options)
    reply = server.analyze(*files, query="?language=en&face=all")
    assert reply.status == 200, reply.body
    assert reply.body == (tmp_path / "report" / DOCUMENT).read_bytes()
    assert len(reply.json["utterances"]) >= 2
    assert jobs_left(server) == []
    assert not (server.folder / "analyze" / "cache").exists(), "nothing of the recording is cached"


def test_speakers_are_told_apart_as_by_the_command(server: Served, model, two_cities, voice_encoder, tmp_path, home):
    reading = make_media(tmp_path / "talk.wav", samples=two_cities[: 6 * 16_000]).read_bytes()
    (tmp_path / "talk.srt").write_bytes(SUBTITLES)
    options = Options(model=str(model), asr="none", language="en", speakers="auto")
    analyze_one(AnalysisTask(tmp_path / "talk.wav", tmp_path / "report", tmp_path / "talk.srt"), options)
    files = ("file", "talk.wav", reading), ("transcript", "talk.srt", SUBTITLES)
    reply = server.analyze(*files, query="?language=en&speakers=auto")
    assert reply.body == (tmp_path / "report" / DOCUMENT).read_bytes()
    assert {one["speaker"] for one in reply.json["utterances"]} == {"S1"}


def test_a_server_without_the_voice_encoder_fetches_nothing_for_a_client(server: Served, monkeypatch, tmp_path):
    monkeypatch.setenv("SENTIPRISM_ASSET_VOICE_ENCODER", str(tmp_path))
    reply = server.analyze(("file", "a.txt", REVIEW), query="?speakers=2")
    assert reply.status == 422
    assert "its voice encoder is not installed" in reply.json["detail"]
    assert "doctor --fetch voice-encoder" in reply.json["remedy"]
    assert server.analyze(("file", "a.txt", REVIEW), query="?speakers=1").status == 200
    for wrong in ("0", "21", "two", "-1"):
        assert server.analyze(("file", "a.txt", REVIEW), query=f"?speakers={wrong}").status == 422
    assert jobs_left(server) == []


def test_a_job_tells_its_progress_and_keeps_its_result_until_it_is_deleted(server: Served, voice):
    given = ("file", "a.wav", voice), ("transcript", "a.srt", SUBTITLES)
    whole = server.analyze(*given)
    address = begun(server, *given)
    stream = server.get(f"{address}/events")  # ends with the job
    assert stream.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line[6:]) for line in stream.body.decode().splitlines() if line.startswith("data: ")]
    assert events[-1]["state"] == "done"
    assert events[-1]["progress"]["predicting"] == 1
    assert events[-1] == server.get(address).json
    assert server.get(events[-1]["result"]).body == whole.body
    (job,) = jobs_left(server)
    assert [path.name for path in (server.folder / "jobs" / job).iterdir()] == ["analysis.json"], "no recording is kept"
    assert server.send("DELETE", address).status == 204
    assert server.get(address).status == 404
    assert jobs_left(server) == []


def test_a_cancelled_job_ends_its_process_and_leaves_nothing(server: Served):
    assert server.analyze(("file", "a.txt", REVIEW)).status == 200
    hold(server)
    pid = server.service.jobs.workers[0].pid
    running = begun(server, ("file", "a.txt", REVIEW))
    waiting = begun(server, ("file", "b.txt", REVIEW))
    wait_for(lambda: server.get(running).json["state"] == "running", "the job")
    assert server.get(waiting).json["state"] == "queued"
    assert server.get(f"{waiting}/result").status == 404
    assert server.send("DELETE", running).status == 204
    assert not Path(f"/proc/{pid}").exists()
    wait_for(lambda: server.get(waiting).json["state"] == "done", "the next job, in a new process")
    assert server.send("DELETE", waiting).status == 204
    assert jobs_left(server) == []


def test_a_client_that_goes_cancels_its_analysis(server: Served):
    assert server.analyze(("file", "a.txt", REVIEW)).status == 200
    hold(server)
    pid, body = server.service.jobs.workers[0].pid, form(("file", "a.txt", REVIEW))
    head = (
        f"POST /v1/analyze HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(head.encode() + body)
        wait_for(lambda: server.service.jobs.running, "the analysis")
    wait_for(lambda: jobs_left(server) == [], "its end")
    assert not Path(f"/proc/{pid}").exists()


def test_a_worker_that_dies_fails_its_job_alone(server: Served):
    assert server.analyze(("file", "a.txt", REVIEW)).status == 200
    hold(server)
    address = begun(server, ("file", "a.txt", REVIEW))
    wait_for(lambda: server.get(address).json["state"] == "running", "the job")
    os.kill(server.service.jobs.workers[0].pid, signal.SIGKILL)
    wait_for(lambda: server.get(address).json["state"] == "failed", "its end")
    assert "SIGKILL" in server.get(address).json["error"]["detail"]
    assert server.get(f"{address}/result").status == 500
    server.send("DELETE", address)


def test_errors_name_the_file_as_its_client_does(server: Served):
    reply = server.analyze(("file", "talk.mp4", b"not a film"))
    assert reply.status == 422
    assert "talk.mp4" in reply.problem
    assert str(server.folder) not in reply.body.decode()
    reply = server.analyze(("file", "a.txt", b"\xff\xfe\xff"))
    assert (reply.status, "a.txt" in reply.problem) == (422, True)
    reply = server.analyze(("file", "a.txt", REVIEW), ("transcript", "b.srt", b"nothing"))
    assert reply.status == 422
    assert str(server.folder) not in reply.body.decode()
    assert jobs_left(server) == []


def test_a_long_analysis_becomes_a_job(server: Served, monkeypatch):
    monkeypatch.setattr(server.service, "wait", 0.0)
    address = begun(server, ("file", "a.txt", REVIEW), query="")
    wait_for(lambda: server.get(address).json["state"] == "done", "the job")
    assert server.get(f"{address}/result").json["recording"]["name"] == "a.txt"
    server.send("DELETE", address)
