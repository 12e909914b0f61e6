"""The tutorial ticks what the store shows, and the demo's recordings are added by the server."""

import re

import pytest

from makers_cli import SIZES, SMALL
from makers_media import make_media, sine
from makers_report import review
from makers_studio import Server, follow, needs_unix, serving
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.report.files import write_report
from sentiprism.studio.store.tables import JobRow
from sentiprism.training.train import train

pytestmark = needs_unix


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path) as opened:
        yield opened


def done(server: Server) -> list[str]:
    """Titles of the steps that are ticked."""
    page = server.get("/tutorial").text
    return re.findall(r"<h2>([^<]+)<span class=\"unseen\"> \(done\)", page)


def test_each_step_is_ticked_when_the_store_has_what_it_makes(server, tmp_path):
    page = server.get("/tutorial").text
    assert done(server) == []
    assert page.count('aria-current="step"') == 1
    assert "/recordings/demo" in page
    assert "/tutorial" in server.get("/").text
    server.upload("voice.wav", make_media(tmp_path / "voice.wav", samples=sine(1.0, 8_000)).read_bytes())
    assert done(server) == ["Add a recording"]
    assert "/recordings/demo" not in server.get("/tutorial").text, "there is a recording to try with"
    write_report(review(), server.studio.workspace / "reports" / "voice")
    data = synthetic_dataset("synthetic", sizes=SIZES)
    out = server.studio.workspace / "runs" / "first"
    train("mdf", data, seeds=1, settings=SMALL, out=out, device="cpu", quiet=True)
    server.studio.folders.forget()
    assert done(server) == ["Add a recording", "Analyze it", "Train on synthetic data"]
    assert f"/reports/{server.studio.folders.reports()[0].id}" in server.get("/tutorial").text
    job = JobRow(kind="compare", title="x", parameters={}, state="done", host="", workspace="")
    with server.studio.database.write() as session:
        session.add(job)
    assert done(server)[-1] == "Compare"


def test_the_demos_recordings_are_added_when_its_job_is_done(server, two_cities, strong_expressions):
    sent = {"once": "a"}
    job = server.post("/recordings/demo", sent).headers["location"].rpartition("/")[2]
    assert server.post("/recordings/demo", sent).headers["location"].endswith(job), "a double click"
    ended = follow(server.studio.runner, job, "done", "failed")
    assert (ended.state, ended.error) == ("done", None)
    rows, count = server.studio.recordings.page("", 0, 9)
    assert count == 2
    assert {(row.name, row.kind) for row in rows} == {
        ("two_cities.wav", "audio"),
        ("WolfgangLanger_Pexels.mp4", "video"),
    }
    assert all(server.get(f"/recordings/{row.id}/media", Range="bytes=0-3").status == 206 for row in rows)
    assert "Open the recordings" in server.get(f"/jobs/{job}").text
    assert list(server.studio.recordings.uploads.iterdir()) == []


def test_a_fetch_whose_files_cannot_be_added_has_failed(server, monkeypatch):
    monkeypatch.setenv("SENTIPRISM_OFFLINE", "1")
    monkeypatch.setenv("SENTIPRISM_ASSET_TWO_CITIES", str(server.studio.workspace))
    job = server.post("/recordings/demo").headers["location"].rpartition("/")[2]
    ended = follow(server.studio.runner, job, "done", "failed")
    assert ended.state == "failed"
    assert "two-cities" in ended.error
    assert server.studio.recordings.page("", 0, 1)[1] == 0
