"""Labelling: identifiers of others, ratings outside the scale, hostile names and comments."""

import json
import re

import pytest

from makers_label import rate_all, serve_task
from makers_studio import encoded, needs_unix
from sentiprism.studio.labelling.cuts import version_of
from sentiprism.studio.labelling.rating import join_task
from sentiprism.studio.labelling.results import read_results

pytestmark = needs_unix

HOSTILE = (
    "<script>alert(1)</script>", '" onmouseover="alert(1)', "{{ 7 * 7 }}", "=cmd|' /C calc'!A0", "x" * 5000, "😀",
    "\x00\x1b[31m\u202eevil", "'; DROP TABLE label_ratings; --", "../../etc/passwd",
)  # fmt: skip
TRICKS = ("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", "a%00", "%2fetc%2fpasswd", "' OR 1=1 --", "0" * 3000)
RATINGS = (
    "4",
    "-4",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "1e0",
    "0x1",
    "1.5",
    "1,",
    "true",
    "null",
    "[1]",
    "1" * 4000,
    "١",
    " ",
)


@pytest.fixture
def made(server, tmp_path):
    return serve_task(server, tmp_path)


def stored(server, task: str) -> int:
    return len(read_results(server.studio.tasks, server.studio.tasks.get(task)).ratings)


def test_a_rating_outside_the_scale_is_never_stored(server, made):
    rater = join_task(server.studio.tasks, made.id, "Ann")
    form = {"segment": made.segments[0], "pass": "full", "last": "0"}
    for value in RATINGS:
        answer = server.post(f"/label/{made.id}/rate/{rater}", {**form, "value": value, "once": value})
        assert answer.status == 422, value
    wrong_fields = {"pass": ("text", "x"), "segment": ("0" * 16, "\x00"), "last": ("-1", "9" * 40)}
    for wrong in ({name: value} for name, values in wrong_fields.items() for value in values):
        answer = server.post(f"/label/{made.id}/rate/{rater}", {**form, "value": "1", "once": "1", **wrong})
        assert answer.status in {409, 422}, wrong
    assert stored(server, made.id) == 0


def test_identifiers_of_another_task_give_nothing(server, made, tmp_path):
    other = serve_task(server, tmp_path)
    rater, theirs = (join_task(server.studio.tasks, one.id, "Ann") for one in (made, other))
    form = {"segment": other.segments[0], "pass": "full", "last": "0", "value": "1", "once": "1"}
    assert server.get(f"/label/{made.id}/rate/{theirs}").status == 404
    assert server.post(f"/label/{made.id}/rate/{theirs}", form).status == 404
    assert server.post(f"/label/{made.id}/rate/{rater}", form).status == 409
    server.studio.tasks.close(made.id)
    assert server.get(f"/label/{made.id}/decide/full/{other.segments[0]}").status == 404
    fields = {"value": "1", "who": "x", "once": "2"}
    assert server.post(f"/label/{made.id}/decide/full/{other.segments[0]}", fields).status == 422
    assert server.get(f"/label/{made.id}/decide/text/{made.segments[0]}").status == 404
    alien = "0123456789abcdef"
    for path in (f"cuts/{alien}", f"peaks/{alien}", f"rate/{alien}"):
        assert server.get(f"/label/{made.id}/{path}").status == 404
    assert stored(server, other.id) == stored(server, made.id) == 0


@pytest.mark.parametrize("path", ["rate/{}", "cuts/{}", "peaks/{}", "decide/full/{}", "decide/{}/x", "files/{}"])
def test_a_part_of_an_address_is_never_a_path(server, made, path):
    server.studio.tasks.close(made.id)
    for trick in TRICKS:
        answer = server.get(f"/label/{made.id}/{path.format(encoded(trick))}")
        assert answer.status in {400, 404}, trick
        assert b"root:" not in answer.body


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_shown_as_texts_everywhere(server, tmp_path, text):
    made = serve_task(server, tmp_path, cuts=((0.0, 0.8, text), (1.0, 1.9, "x")), speakers={})
    tasks = server.studio.tasks
    joined = server.post(f"/label/{made.id}/raters", {"name": text}).headers["location"]
    form = {"segment": made.segments[0], "pass": "full", "last": "0", "value": "1", "comment": text, "once": "1"}
    assert server.post(joined, form).status == 303
    rate_all(tasks, made.id, "Ben", [3.0, 1.0])
    recording = made.recordings[0]
    server.post(f"/label/{made.id}/speakers", {f"speaker-{recording}": text})
    cuts = [{"id": None, "start": 1.0, "end": 1.5, "text": text}]
    own = version_of(tasks.get(made.id).segments_of(made.recordings[1]))
    sent = {"cuts": json.dumps(cuts), "version": own, "sure": "yes"}
    assert server.post(f"/label/{made.id}/cuts/{made.recordings[1]}", sent).status == 303
    pages = [f"/label/{made.id}", f"{joined}?at=0", f"/label/{made.id}/cuts/{recording}", "/label"]
    shown = [server.get(path) for path in pages]
    tasks.close(made.id)
    decide = f"/label/{made.id}/decide/full/{made.segments[0]}"
    assert server.post(decide, {"value": "1", "who": text, "comment": text, "once": "2"}).status == 303
    shown += [server.get(path) for path in (f"/label/{made.id}", f"/label/{made.id}/disagreements", decide)]
    for page in shown:
        assert page.status == 200
        assert "<script>alert" not in page.text
        assert ' onmouseover="alert' not in page.text
        assert "49" not in re.findall(r"\{\{|\b49\b", page.text)
        assert "\x1b" not in page.text
        assert "\x00" not in page.text
    for name in ("labels.csv", "ratings.csv", "history.csv"):
        table = server.get(f"/label/{made.id}/files/{name}?raters=named")
        assert table.status == 200
        assert table.headers["content-type"].startswith("text/csv")
        people = [line.partition("full,")[2] for line in table.text.splitlines()] if name != "labels.csv" else []
        assert not any(re.search(r"(^|,)=cmd", line) for line in people)


def test_a_task_is_bounded(server, made):
    recording = made.recordings[0]
    version = version_of(server.studio.tasks.get(made.id).segments_of(recording))
    many, long = [{"start": n, "end": n + 1} for n in range(3000)], [{"start": 0, "end": 1, "text": "x" * 50_000}]
    for cuts in (many, long):
        answer = server.post(f"/label/{made.id}/cuts/{recording}", {"cuts": json.dumps(cuts), "version": version})
        assert answer.status == (303 if cuts is long else 422)
    assert [len(one.text) for one in server.studio.tasks.get(made.id).segments_of(recording)] == [2000]
    for n in range(60):
        answer = server.post(f"/label/{made.id}/raters", {"name": f"R{n}"})
    assert answer.status == 422
    assert "50 raters" in answer.text
