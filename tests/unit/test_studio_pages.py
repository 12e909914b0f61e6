"""What the studio shows of folders, charts and comparisons, whoever made them."""

import json
import re
from datetime import timedelta
from math import nan
from pathlib import Path

import pytest

from makers_media import make_media, sine
from makers_report import make_video, review
from makers_studio import Server, needs_unix
from makers_studio import row as row_of
from sentiprism.report.files import write_report
from sentiprism.studio.app import create_app
from sentiprism.studio.charts import Line, draw_chart, draw_whiskers
from sentiprism.studio.comparisons import read_comparison
from sentiprism.studio.folders import Folders
from sentiprism.studio.jobs.training import SeedHistory, training_progress
from sentiprism.studio.store.tables import now
from sentiprism.studio.web import static_files
from sentiprism.studio.web.pages import ago, metric
from sentiprism.tables import p_value
from sentiprism.web.uploads import clean_name

pytestmark = needs_unix


@pytest.fixture
def server(home, tmp_path):
    (tmp_path / "work").mkdir()
    opened = Server(home, tmp_path / "work")
    yield opened
    opened.close()


def test_a_chart_has_a_line_a_seed_and_says_what_it_shows():
    lines = [Line("seed 1", [0, 1, 2], [3.0, 2.0, 1.0], 2), Line("seed 2", [0, 1], [2.5, nan])]
    chart = draw_chart(lines, "loss")
    assert [path.label for path in chart.paths] == ["seed 1", "seed 2"]
    assert chart.paths[0].d.count("L") == 2
    assert chart.paths[1].d.count("L") == 0, "what is undefined is left out"
    assert chart.paths[0].dot is not None
    assert chart.summary == "loss, last value of each line: seed 1: 1.000; seed 2: 2.500"
    assert draw_chart([Line("x", [], [])], "loss") is None
    flat = draw_chart([Line("x", [0], [2.0])], "loss")
    assert len(flat.y_ticks) > 1
    long = draw_chart([Line("x", range(20_000), [float(n) for n in range(20_000)])], "loss")
    assert long.paths[0].d.count("L") < 500


def test_whiskers_share_an_axis():
    low, none, high = draw_whiskers([(0.0, 1.0, 2.0), None, (1.0, 3.0, 4.0)])
    assert none is None
    assert low.low < low.mean < low.high < high.high
    assert low.mean == high.low
    assert draw_whiskers([None]) == [None]


def test_progress_of_a_training_counts_a_finished_seed_whole():
    done = SeedHistory(1, True, (0, 1), (1.0, 1.0), (1.0, 1.0), 1)
    half = SeedHistory(2, False, (0, 1, 2, 3, 4), (1.0,) * 5, (1.0,) * 5, 1)
    told = training_progress([done, half], 10)
    assert told.share == pytest.approx(0.98 * 0.75)
    assert told.text == "seed 2 of 2, epoch 6 of 10"
    assert training_progress([done, done], 10).text == "measuring on valid and test"


def test_numbers_and_times_are_said_as_people_do():
    assert [metric(None), metric(-0.12345), metric(0.4567, 100)] == ["–", "−0.123", "45.7"]
    assert [p_value(0.0002), p_value(0.0301), p_value(None)] == ["< 0.001", "0.030", "–"]
    assert [ago(now()), ago(now() - timedelta(hours=3)), ago(now() - timedelta(days=1))] == [
        "just now", "3 hours ago", "1 day ago",
    ]  # fmt: skip


def test_a_damaged_comparison_is_not_shown():
    assert read_comparison({}) is None
    assert read_comparison({"comparison": {"runs": []}, "names": [], "metrics": {}, "notes": []}) is None


def test_reports_of_the_command_line_are_found_with_their_recording(server, tmp_path):
    video = make_video(tmp_path / "clip.webm")
    write_report(review(), server.studio.workspace / "report", video)
    write_report(review(), server.studio.workspace / "reports" / "other", video, limit=0)
    found = {one.name: one for one in server.studio.folders.reports()}
    assert set(found) == {"report", "reports/other"}
    for report in found.values():
        page = server.get(f"/reports/{report.id}")
        assert page.status == 200
        assert f"/reports/{report.id}/media" in page.text
        part = server.get(f"/reports/{report.id}/media", Range="bytes=0-3")
        assert (part.status, part.body) == (206, video.read_bytes()[:4])
        assert part.headers["content-type"] == "video/webm"


def test_a_report_is_rendered_anew_and_a_foreign_page_never_runs(server, tmp_path):
    folder = server.studio.workspace / "report"
    write_report(review(), folder)
    (folder / "report.html").write_text("<script>alert(1)</script>")
    report = server.studio.folders.reports()[0]
    page = server.get(f"/reports/{report.id}")
    assert "alert(1)" not in page.text
    policy = page.headers["content-security-policy"]
    assert "script-src 'sha256-" in policy
    assert "frame-ancestors 'none'" in policy
    (folder / "analysis.json").write_text(json.dumps({"recording": {"content": "0" * 64}}))
    server.studio.folders.forget()
    assert server.get(f"/reports/{report.id}").status == 404, "its document is damaged"


def test_a_folder_outside_or_linked_or_hidden_is_not_listed(tmp_path):
    work = tmp_path / "work"
    outside = tmp_path / "outside" / "report"
    write_report(review(), outside)
    for place in (work / ".hidden" / "report", work / "a" / "b" / "c" / "too deep"):
        write_report(review(), place)
    (work / "linked").symlink_to(outside.parent)
    assert not Folders(work).reports()
    write_report(review(), work / "a" / "b" / "here")
    assert [one.name for one in Folders(work).reports()] == ["a/b/here"]


def test_names_are_for_people_alone():
    assert clean_name("C:\\videos\\my talk.mp4") == "my talk.mp4"
    assert clean_name("../../x.mp4") == "x.mp4"
    assert clean_name("") == "recording"
    assert clean_name("a\x1b[31mb.mp4") == "a\\x1b[31mb.mp4"
    long = clean_name("x" * 900 + ".mp4")
    assert len(long) <= 200
    assert long.endswith(".mp4")


def test_a_list_of_two_thousand_recordings_is_a_page_of_fifty(server):
    from sentiprism.studio.store.tables import RecordingRow

    with server.studio.database.write() as session:
        session.add_all(
            RecordingRow(name=f"talk {n}.wav", suffix=".wav", content=f"{n:064}", size=1, kind="audio", duration=1.0)
            for n in range(2_000)
        )
    page = server.get("/recordings")
    assert "2,000 recordings" in page.text
    assert page.text.count('name="recording"') == 50
    assert "page 1 of 40" in page.text
    assert server.get("/recordings?page=39").text.count('name="recording"') == 50
    assert "1 recording<" in server.get("/recordings?q=talk%201999").text
    assert "No name has" in server.get("/recordings?q=%25%25").text, "a per cent sign is no wildcard"


def test_empty_pages_say_the_next_step(server):
    for path, words in (
        ("/", "Start here"),
        ("/recordings", "No recordings yet"),
        ("/train", "Train MDF on the synthetic dataset"),
        ("/compare", "Train a model"),
        ("/jobs", "Analyze a recording"),
    ):
        assert words in server.get(path).text
    assert server.get("/nowhere").status == 404
    assert "no such page" in server.get("/nowhere").text


def test_a_text_with_the_name_of_a_recording_is_its_transcript(server, tmp_path):
    sound = make_media(tmp_path / "talk.wav", samples=sine(1.0, 8_000)).read_bytes()
    for name, content in (("talk.wav", sound), ("talk.txt", b"We know."), ("talk.srt", b"1\n"), ("other.txt", b"No.")):
        server.upload(name, content)
    rows, _ = server.studio.recordings.page("", 0, 9)
    by_name = {row.name: row for row in rows}
    sent = [("recording", row.id) for row in rows]
    job = server.post("/recordings/analyze", sent).headers["location"].rpartition("/")[2]
    items = row_of(server.studio.runner, job).parameters["items"]
    found = {item["name"]: item["transcript"] and Path(item["transcript"]).name for item in items}
    assert found == {"talk.wav": by_name["talk.srt"].file, "talk.txt": None, "other.txt": None}, "times before none"
    assert "talk.srt" in server.get(f"/recordings/{by_name['talk.wav'].id}").text
    listed = server.get("/recordings").text
    link = f'transcript of <a href="/recordings/{by_name["talk.wav"].id}"><bdi>talk.wav</bdi></a>'
    states = {
        name: "transcript" if link in cell else "not yet" if "not yet" in cell else cell
        for name, cell in re.findall(
            r'<th scope="row".*?<bdi>([^<]+)</bdi>.*?<td class="report-cell">(.*?)</td>', listed, re.S
        )
    }
    assert states == {name: "transcript" if name == "talk.srt" else "not yet" for name in by_name}
    server.studio.recordings.delete([by_name["talk.wav"].id])
    assert "transcript of" not in server.get("/recordings").text


def test_a_fault_of_the_program_is_a_page_and_tells_no_more_than_its_kind(server, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("/a/path of ours")

    monkeypatch.setattr(server.studio.folders, "runs", fail)
    answer = server.get("/compare")
    assert answer.status == 500
    assert "unexpected error (RuntimeError)" in answer.text
    assert "/a/path" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_nothing_is_told_of_requests_whatever_the_environment_asks_for(server, monkeypatch):
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    config = create_app(server.studio, server.port)._app._telemetry  # not public: where it is gone, look again
    assert not any(config[part] for part in ("auto_configure", "tracing", "metrics", "logs", "operation_spans"))


def test_static_files_are_those_that_pages_name(server):
    package = Path(__file__).parents[2] / "src" / "sentiprism" / "studio" / "static"
    for path in package.glob("*.[cj]s*"):
        sent = server.get(f"/static/{path.name}")
        assert re.sub(rb"\?v=[0-9a-f]{12}", b"", sent.body) == path.read_bytes()
        assert sent.headers["cache-control"] == "no-cache"
    assert server.get("/static/base.css").headers["content-type"].startswith("text/css")


def test_browsers_keep_a_static_file_until_its_content_changes(server, monkeypatch):
    page = server.get("/label").text + server.get("/static/label_rate.js").text
    addresses = re.findall(r'"(/static/[^"]+)"', page)
    assert len(addresses) >= 5
    for address in addresses:
        assert "immutable" in server.get(address).headers["cache-control"], address
    assert server.get("/static/live.js?v=000000000000").headers["cache-control"] == "no-cache"
    earlier = static_files.static_address("label_rate.js")
    monkeypatch.setattr(static_files, "_content", {"label_rate.js": b"other"}.__getitem__)
    static_files._version.cache_clear()
    assert static_files.static_address("label_rate.js") != earlier
    static_files._version.cache_clear()
