"""Collections of the studio: attributes, their pages, and what is downloaded."""

import csv
import io
import json
import re
import shutil

import pytest

from makers_media import make_media, sine
from makers_studio import Server, needs_unix
from makers_studio import row as row_of
from makers_study import served, shifted, summary_of
from sentiprism.errors import UserError
from sentiprism.report.files import write_report
from sentiprism.studio import studies
from sentiprism.studio.collections import MOST_ATTRIBUTES, Collections
from sentiprism.studio.store.tables import MemberRow, RecordingRow, SummaryRow
from sentiprism.studio.summaries import Summaries
from sentiprism.study.attribute_table import read_table

pytestmark = needs_unix
HOSTILE = '=cmd|"/c calc"!A1<script>alert(1)</script>'


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("studio")) as opened:
        yield opened


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> bytes:
    return make_media(tmp_path_factory.mktemp("media") / "voice.wav", samples=sine(1.0, 8_000)).read_bytes()


def add_rows(server: Server, names: list[str], first: int) -> list[RecordingRow]:
    rows = [
        RecordingRow(name=name, suffix=".mp4", content=f"{first + n:064x}", size=1, kind="video", duration=15.0)
        for n, name in enumerate(names)
    ]
    with server.studio.database.write() as session:
        session.add_all(rows)
    return rows


@pytest.fixture(scope="module")
def study(server):
    """Twelve persons before and after, and one recording that is not analysed: identifier and rows."""
    names = [f"p{n} {when}.mp4" for n in range(12) for when in ("before", "after")]
    rows = add_rows(server, names, 1_000)
    for n, row in enumerate(rows):
        made = shifted(0.04 * n + (0.5 + 0.02 * (n % 5)) * (n % 2), row.content, row.name)
        write_report(made, server.studio.workspace / "reports" / str(n))
    rows += add_rows(server, ["late.mp4"], 2_000)
    made = server.post("/collections/add", {"name": "Interviews", "q": ".mp4"}).headers["location"]
    table = "file;condition;person;mood\n" + "".join(f"{n};{n[-10:-4].split()[-1]};{n.split()[0]};\n" for n in names)
    assert "24 recordings found in the table" in server.post(f"{made}/table", {"table": table}).text
    server.studio.folders.forget()
    return made, rows


def values(server: Server, made: str) -> dict[str, dict[str, str]]:
    return {one.row.name: one.attributes for one in server.studio.collections.members(made.rpartition("/")[2])}


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_a_collection_compares_its_groups(server, study):
    made, _ = study
    page = server.get(made).text
    assert "25 recordings" in page
    assert "24 analyzed" in page
    assert "Sentiment by condition" in page, "the first attribute that has values"
    assert re.search(r"12 persons in both.*paired.*\+0\.58.*d_z.*&lt; 0\.001", page, re.DOTALL)
    assert page.count('class="series-line') >= 24 + 4
    assert "is not analyzed yet" in page
    assert "Analyze it" in page
    together = server.get(f"{made}?by=").text
    assert "Differences" not in together
    assert server.get(f"{made}?by=nothing&measure=nothing&page=999").status == 200
    assert "No recording has a value of group" in server.get(f"{made}?by=group").text
    assert 'aria-current="page">Collections' in page


def test_a_comparison_is_computed_once_and_again_when_anything_in_it_changes(server, monkeypatch):
    computed = []
    compare = studies.compare_groups
    monkeypatch.setattr(studies, "compare_groups", lambda *given: computed.append(given) or compare(*given))
    rows = add_rows(server, [f"each {n}.wav" for n in range(12)], 50_000)
    reports = server.studio.workspace / "each"
    for n, row in enumerate(rows):
        write_report(shifted(0.1 * n, row.content, row.name), reports / str(n))
    made = server.post("/collections/add", {"name": "Each", "q": "each "}).headers["location"]

    def mean(query: str = "") -> tuple[str, ...]:
        return tuple(re.findall(r'<b class="value">([^<]+)</b>', server.get(f"{made}{query}").text))

    def set_to(row: RecordingRow, attribute: str, value: str) -> None:
        server.post(f"{made}/attributes", {f"cell:{row.id}:{attribute}": value})

    whole = mean()
    assert mean() == whole
    assert mean("?by=&page=1") == whole
    set_to(rows[0], "session", "1")  # is used for nothing
    assert mean("?by=") == whole
    assert len(computed) == 1
    changes = (
        lambda: write_report(shifted(2.0, rows[0].content, rows[0].name), reports / "0", replace=True),
        lambda: server.post("/recordings/delete", {"recording": rows[1].id}),
        lambda: server.post(f"{made}/set", {"recording": rows[2].id, "action": "remove"}),
        lambda: [set_to(row, "person", "p") for row in rows[-2:]],
        lambda: shutil.rmtree(reports / "5"),
        lambda: server.post("/recordings/restore", {"recording": rows[1].id}),
    )
    seen = [whole]
    for change in changes:
        change()
        seen.append(mean("?by="))
        assert seen[-1] != seen[-2]
    assert len(computed) == 1 + len(changes)
    for row in rows[3:5]:
        set_to(row, "group", "few")
    assert len(mean("?by=group")) == 1
    set_to(rows[6], "group", "one")
    assert len(mean("?by=group")) == 2


def test_one_job_analyzes_what_is_not_analyzed_yet(server, study):
    made, rows = study
    job = server.post(f"{made}/analyze").headers["location"].rpartition("/")[2]
    items = row_of(server.studio.runner, job).parameters["items"]
    assert [item["id"] for item in items] == [rows[-1].id]


def test_downloads_are_tidy_and_the_shared_page_names_no_file(server, study):
    made, rows = study
    one = rows_of(server.get(f"{made}/recordings.csv").text)
    assert len(one) == 25
    first = next(line for line in one if line["recording"] == "p0 before.mp4")
    assert (first["condition"], first["person"], float(first["sentiment"])) == (
        "before", "p0", pytest.approx(summary_of(0.0).mean),
    )  # fmt: skip
    spoken = rows_of(server.get(f"{made}/utterances.csv").text)
    assert len(spoken) == 24 * 12
    assert {"recording", "condition", "number", "start", "value", "text"} <= set(spoken[0])
    seconds = server.get(f"{made}/seconds.csv")
    assert len(rows_of(seconds.text)) == 24 * 15
    assert seconds.headers["content-disposition"] == 'attachment; filename="Interviews-seconds.csv"'
    assert server.get(f"{made}/measurements.csv").text.count(",recording,,,,0.0,15.0,,sentiment,") == 24
    shared = server.get(f"{made}/page.html?by=condition")
    assert shared.headers["content-disposition"].startswith("attachment")
    assert "recording 24" in shared.text
    assert not any(row.name in shared.text for row in rows)
    assert not re.search(r'(src|href)=|url\((?!"#)', shared.text), "one file that loads nothing"
    assert "p0 before.mp4" in server.get(f"{made}/page.html?by=condition&names=yes").text


def test_cells_are_kept_and_several_can_be_set_at_once(server, sound):
    ids = [json.loads(server.upload(f"t{n}.wav", sound + bytes([n])).body)["id"] for n in range(3)]
    made = server.post("/collections/add", [("name", "Cells"), *(("recording", one) for one in ids)]).headers[
        "location"
    ]
    cells = {f"cell:{ids[0]}:group": " a  b ", f"cell:{ids[1]}:group": "c", f"cell:{ids[1]}:unknown": "x"}
    assert "2 recordings changed" in server.post(f"{made}/attributes", cells).text
    assert values(server, made) == {"t0.wav": {"group": "a b"}, "t1.wav": {"group": "c"}, "t2.wav": {}}
    several = [("recording", ids[0]), ("recording", ids[2]), ("attribute", "session"), ("value", "1")]
    server.post(f"{made}/set", [*several, (f"cell:{ids[1]}:group", "")])
    assert values(server, made) == {
        "t0.wav": {"group": "a b", "session": "1"},
        "t1.wav": {},
        "t2.wav": {"session": "1"},
    }
    server.post(f"{made}/settings", {"add": "age", "name": "Renamed"})
    server.post(f"{made}/settings", {"remove": "session"})
    assert values(server, made) == {"t0.wav": {"group": "a b"}, "t1.wav": {}, "t2.wav": {}}
    page = server.get(f"{made}/attributes").text
    assert "Renamed" in page
    assert ">age<" in page
    server.post(f"{made}/set", {"recording": ids[0], "action": "remove"})
    assert set(values(server, made)) == {"t1.wav", "t2.wav"}
    server.post("/recordings/delete", {"recording": ids[1]})
    assert set(values(server, made)) == {"t2.wav"}, "what is in the bin is not shown"
    server.post("/recordings/bin/empty", {"sure": "yes"})
    with server.studio.database.read() as session:
        assert session.query(MemberRow).filter_by(recording=ids[1]).count() == 0
    assert "Delete this collection?" in server.get(server.post(f"{made}/delete").headers["location"]).text
    server.post(f"{made}/delete", {"sure": "yes"})
    assert server.get(made).status == 404
    assert server.get(f"/recordings/{ids[2]}").status == 200, "its recordings stay"


def test_hostile_names_and_values_are_text(server, sound):
    name = "<img src=x onerror=alert(1)>\"'=1+1.wav"
    one = json.loads(server.upload(name, sound + b"h").body)["id"]
    made = server.post("/collections/add", {"name": HOSTILE, "recording": one}).headers["location"]
    server.post(f"{made}/settings", {"add": "=evil<b>:x"})
    server.post(f"{made}/attributes", {f"cell:{one}:=evil<b>:x": "+SUM(A1)", f"cell:{one}:group": HOSTILE})
    for path in (made, f"{made}/attributes", "/collections", f"{made}?by=group", "/recordings"):
        page = server.get(path).text
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "<b>:x" not in page
    saved = server.get(f"{made}/recordings.csv")
    (line,) = rows_of(saved.text)
    assert line["group"] == f"'{HOSTILE}", "a spreadsheet runs no formula of it"
    assert line["'=evil<b>:x"].startswith("'")
    assert '"' not in saved.headers["content-disposition"].removeprefix('attachment; filename="').removesuffix('"')
    assert server.get(f"{made}/page.html").status == 422, "nothing is analysed"


def test_a_table_is_matched_by_file_name_and_the_rest_is_told(server):
    rows = add_rows(server, ["Talk One.mp4", "talk two.mp4", "same.mp4", "same.mp4", "a.b.mp4"], 3_000)
    made = server.post("/collections/add", [("name", "T"), *(("recording", r.id) for r in rows)]).headers["location"]
    members = [(one.row.id, one.row.name) for one in server.studio.collections.members(made.rpartition("/")[2])]
    found = read_table(
        '\ufeffage\tFile\n41\ttalk one\n\n\ttalk two.mp4\n3\t"no\nsuch"\n4\tsame.mp4\n5\tTALK ONE.MP4\n6\n', members
    )
    by_name = {row.id: row.name for row in rows}
    assert {by_name[one]: own for one, own in found.values.items()} == {
        "Talk One.mp4": {"age": "41"},
        "talk two.mp4": {},
    }
    assert [(one.line, one.file, one.reason) for one in found.unmatched] == [
        (6, "no\nsuch", "no recording has this name"),
        (7, "same.mp4", "several recordings have this name"),
        (8, "TALK ONE.MP4", "an earlier row has this file"),
        (9, "", "no recording has this name"),
    ]
    endless = "f,a\n" + '"' + "x" * 300_000
    for wrong, words in (
        ("", "no heading"),
        ("file\nx", "no heading"),
        ("f,a,a\nx,1,2", "two columns are called 'a'"),
        (endless, "cannot be read"),
    ):
        with pytest.raises(UserError, match=words):
            read_table(wrong, members)
    many = "file," + ",".join(f"c{n}" for n in range(MOST_ATTRIBUTES)) + "\na.b,1\n"
    assert f"has {MOST_ATTRIBUTES} attributes" in server.post(f"{made}/table", {"table": many}).text
    assert "line 2: <bdi>&lt;x&gt;</bdi>" in server.post(f"{made}/table", {"table": "file,group\n<x>,1"}).text
    long = "file,group\n" + "".join(f"{'x' * 40}{n},g\n" for n in range(2_000))
    assert "2000 rows not matched" in server.post(f"{made}/table", {"table": long}).text


def test_two_thousand_recordings_read_no_report_again(server):
    """Their documents can't be read at all: what the page shows is what was kept."""
    count, numbers = 2_000, summary_of(0.2).model_dump(mode="json")
    rows = add_rows(server, [f"many {n}.mp4" for n in range(count)], 100_000)
    for n, row in enumerate(rows):
        folder = server.studio.workspace / "many" / str(n)
        folder.mkdir(parents=True)
        (folder / "report.html").touch()
        (folder / "analysis.json").write_text(f'{{"recording":{{"content":"{row.content}"}}}}')
    server.studio.folders.forget()
    reports = [one for one in server.studio.folders.reports() if one.name.startswith("many/")]
    with server.studio.database.write() as session:
        session.add_all(
            SummaryRow(report=one.id, changed=round(one.changed.timestamp() * 1e6), numbers=numbers) for one in reports
        )
    made = server.post("/collections/add", {"name": "Many", "q": "many "}).headers["location"]
    page = server.get(made).text
    assert "2,000 analyzed" in page
    assert "for the first time" not in page
    assert page.count("many 1") < 60, "a page of small curves"
    assert "page 1 of 42" in page
    assert f"+{summary_of(0.2).mean:.2f}" in page


def test_numbers_are_computed_again_when_a_report_changes(server, tmp_path):
    (row,) = add_rows(server, ["changing.mp4"], 5_000)
    folder, studio = server.studio.workspace / "changing", server.studio
    found = []
    for by in (0.0, 1.0):
        write_report(shifted(by, row.content), folder, replace=True)
        studio.folders.forget()
        report = studio.folders.newest_reports()[row.content]
        found.append(Summaries(studio.database).find([report]).summaries[report.id].mean)
        with studio.database.read() as session:
            assert session.get(SummaryRow, report.id).numbers["mean"] == pytest.approx(found[-1])
    assert found[1] - found[0] == pytest.approx(1.0)
    (folder / "analysis.json").write_text(f'{{"recording":{{"content":"{row.content}"}}}}')
    studio.folders.forget()
    damaged = Summaries(studio.database).find([studio.folders.newest_reports()[row.content]])
    assert (damaged.summaries, damaged.damaged) == ({}, 1)


def test_a_name_is_needed_and_limits_are_said(server):
    assert "the collection&#39;s name is empty" in server.post("/collections/add", {"name": "  "}).text.replace(
        "The", "the"
    )
    made = Collections(server.studio.database)
    one = made.create("x" * 900)
    assert len(made.get(one).name) == 200
    assert made.add("0" * 16, ["x"]) == 0
    made.rename("0" * 16, "nobody")
    assert made.set_values("0" * 16, {"x": {"group": "a"}}) == 0
