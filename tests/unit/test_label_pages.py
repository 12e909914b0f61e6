"""Pages of labelling: what a rater sees, what is confirmed, what is downloaded."""

import re

import pytest

from makers_label import order_of, rate_all, serve_task
from makers_studio import needs_unix, serving
from makers_studio import row as row_of
from sentiprism.data.store import load_dataset
from sentiprism.studio.jobs.kinds import parse_job
from sentiprism.studio.jobs.work import do
from sentiprism.studio.labelling.cuts import version_of
from sentiprism.studio.labelling.rating import join_task
from sentiprism.studio.labelling.results import read_results
from sentiprism.studio.labelling.scales import Scale
from sentiprism.studio.store.tables import JobRow

pytestmark = needs_unix


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("studio")) as opened:
        yield opened


def hidden(page: str, name: str) -> str:
    return re.search(f'name="{name}" value="([^"]*)"', page)[1]


def rate(server, address: str, value: str, **more: str):
    page = server.get(address).text
    fields = {name: hidden(page, name) for name in ("segment", "pass", "last", "once")}
    return server.post(address.partition("?")[0], {**fields, "value": value, "comment": "", **more})


def test_a_task_is_made_of_what_is_ticked_and_cut_by_a_job(server, tmp_path):
    made = serve_task(server, tmp_path)
    assert "No tasks yet" not in server.get("/label").text
    form = server.post("/label/new", [("recording", one) for one in made.recordings]).text
    assert form.count("checked") >= 3, "two recordings and a pass"
    sent = [("scale", "1"), ("pass", "audio"), ("pass", "full"), ("how", "whole"), ("asr", "none"), ("once", "1")]
    sent += [("recording", one) for one in made.recordings] + [(f"speaker-{made.recordings[0]}", "Eva")]
    first, again = (server.post("/label/new", sent).headers["location"] for _ in range(2))
    assert first == again, "a double click makes one task"
    task = server.studio.tasks.get(first.rpartition("/")[2])
    assert (task.row.passes, task.scale.values, task.recordings[0].speaker) == (["audio", "full"], (-1, 0, 1), "Eva")
    job = row_of(server.studio.runner, task.row.job)
    assert (job.kind, job.parameters["how"], len(job.parameters["items"])) == ("cut", "whole", 2)
    assert "being cut" in server.get(first).text
    found = {"duration": 2.0, "sound": True, "picture": False, "segments": [[0.0, 2.0, None]]}
    result = {"recordings": {made.recordings[0]: found}, "failed": {made.recordings[1]: "it is damaged"}}
    with server.studio.database.write() as session:
        done = session.get_one(JobRow, job.id)
        done.state, done.result = "done", result
    page = server.get(first).text
    assert "Start rating" in page
    assert "it is damaged" in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"scale": "3", "pass": "full"}, "No videos or sounds are chosen"),
        ({"scale": "3", "recording": "own"}, "No pass is chosen"),
        ({"scale": "classes", "classes": "one", "pass": "full", "recording": "own"}, "give 2 to 12 names"),
        ({"scale": "9", "pass": "full", "recording": "own"}, "not one of those"),
        ([("scale", "3"), ("pass", "text"), ("pass", "audio"), ("recording", "own")], "shows everything"),
        ({"scale": "3", "pass": "full", "recording": "own", "longest": "-1"}, "longest"),
    ],
)
def test_what_is_wrong_in_the_form_is_said_beside_what_was_given(server, tmp_path, fields, said):
    own = serve_task(server, tmp_path, 1).recordings[0]
    given = fields if isinstance(fields, list) else [*fields.items()]
    pairs = [(name, own if value == "own" else value) for name, value in given]
    answer = server.post("/label/new", [*pairs, ("name", "My task")])
    assert answer.status == 422
    assert said in answer.text
    assert 'value="My task"' in answer.text


def test_a_rater_sees_what_the_pass_shows_and_nobody_elses_ratings(server, tmp_path):
    made = serve_task(server, tmp_path, passes=("text", "audio", "full"))
    rate_all(server.studio.tasks, made.id, "Ben", [3.0] * 4)
    location = server.post(f"/label/{made.id}/raters", {"name": "Ann"}).headers["location"]
    pages = [server.get(f"{location}?at={n}").text for n in range(12)]
    for n, page in enumerate(pages):
        assert ("<audio" in page) == (n >= 4), "no sound with the text alone"
        assert ("I liked it." in page or "The end was poor." in page) == (n < 4 or n >= 8), "no words with the voice"
        assert "<video" not in page
        assert "+3" in page
        assert "checked>" not in page.split("data-autoplay")[0]
        assert "Ben" not in page
    task = server.get(f"/label/{made.id}").text
    assert "Agreement" in task
    for path in ("disagreements", "files/ratings.csv", "files/labels.csv", f"decide/full/{made.segments[0]}"):
        refused = server.get(f"/label/{made.id}/{path}")
        assert refused.status == 422
        assert "blind" in refused.text


def test_a_rating_is_confirmed_and_leads_to_the_next_in_the_raters_order(server, tmp_path):
    made = serve_task(server, tmp_path)
    rater = join_task(server.studio.tasks, made.id, "Ann")
    address = f"/label/{made.id}/rate/{rater}"
    order = order_of(server.studio.tasks, made.id, rater)
    for n in range(4):
        assert hidden(server.get(address).text, "segment") == order[n][1]
        assert rate(server, address, "none" if n == 3 else "-1", comment="<b>hm</b>").status == 303
    assert "All 4 rated" in server.get(address).text
    again = server.get(f"{address}?at=0").text
    assert 'value="-1" checked' in again
    assert "&lt;b&gt;hm&lt;/b&gt;" in again
    assert rate(server, f"{address}?at=0", "2").status == 303
    assert server.studio.tasks.get(made.id) is not None
    found = read_results(server.studio.tasks, server.studio.tasks.get(made.id))
    assert sorted(map(str, (found.values(key) for key in order))) == ["[-1.0]", "[-1.0]", "[2.0]", "[]"]


def test_a_stale_form_shows_how_it_is_now(server, tmp_path):
    made = serve_task(server, tmp_path)
    rater = join_task(server.studio.tasks, made.id, "Ann")
    address = f"/label/{made.id}/rate/{rater}"
    old = server.get(f"{address}?at=0").text
    assert rate(server, f"{address}?at=0", "1").status == 303
    fields = {name: hidden(old, name) for name in ("segment", "pass", "last")}
    stale = server.post(address, {**fields, "value": "3", "once": "another window"})
    assert stale.status == 409
    assert "rated in another window" in stale.text
    assert 'value="1" checked' in stale.text


def test_boundaries_of_rated_utterances_ask_twice(server, tmp_path):
    made = serve_task(server, tmp_path, 1)
    tasks, address = server.studio.tasks, f"/label/{made.id}/cuts/{made.recordings[0]}"
    assert server.get(f"/label/{made.id}/peaks/{made.recordings[0]}").text == '{"duration":10.0,"peaks":[]}'
    rate_all(tasks, made.id, "Ann", [1.0, 2.0])
    merged = '[{"id": null, "start": 0, "end": 1.9, "text": "all"}]'
    sent = {"cuts": merged, "version": version_of(tasks.get(made.id).segments)}
    asked = server.post(address, sent)
    assert asked.status == 409
    assert "2 ratings of 2 utterances" in asked.text
    assert len(tasks.get(made.id).segments) == 2
    assert server.post(address, {**sent, "sure": "yes"}).status == 303
    assert [one.end for one in tasks.get(made.id).segments] == [1.9]
    assert "set aside" in server.get(f"/label/{made.id}").text
    assert server.post(address, sent).status == 422, "the form is older than the boundaries"


def test_a_closed_task_shows_decides_and_hands_out(server, tmp_path):
    made = serve_task(server, tmp_path, 3)
    tasks = server.studio.tasks
    rate_all(tasks, made.id, "Ann", [1.0, 2.0, 0.0, 1.0, -2.0, 3.0])
    rate_all(tasks, made.id, "Ben", [1.0, -1.0, 0.0, 2.0, -1.0, 3.0])
    open_page = server.get(f"/label/{made.id}").text
    assert "Bland" not in open_page
    assert 'class="level bias"' in open_page
    assert 'class="difference"' not in open_page, "single differences would tell ratings"
    assert server.post(f"/label/{made.id}/state", {"to": "closed"}).status == 303
    page = server.get(f"/label/{made.id}").text
    assert 'class="difference"' in page
    assert "3 utterances with different ratings" in page
    listed = re.findall(r"/decide/full/([0-9a-f]{16})", server.get(f"/label/{made.id}/disagreements").text)
    assert listed[0] == made.segments[1]
    decision = f"/label/{made.id}/decide/full/{listed[0]}"
    shown = server.get(decision).text
    assert "Ann" in shown
    assert "−1" in shown
    for wrong in ("nan", "4", "", "x"):
        assert server.post(decision, {"value": wrong, "who": "Judge"}).status == 422
    sent = {"value": "0.25", "who": "Judge", "comment": "irony", "following": f"full/{listed[1]}"}
    assert server.post(decision, sent).headers["location"] == f"/label/{made.id}/decide/full/{listed[1]}"
    assert server.post(f"/label/{made.id}/rest", {"rule": "median", "who": "Judge"}).status == 303
    table = server.get(f"/label/{made.id}/files/labels.csv")
    assert table.headers["content-disposition"].startswith("attachment")
    lines = table.text.splitlines()
    assert lines[0] == "id,file,video_id,start,end,text,label,how,raters,decided_by,decision,split"
    assert ",0.25,person,2,Judge,irony," in lines[2]
    assert ",1.5,median,2,Judge,," in lines[4]
    assert ",R1,1," in server.get(f"/label/{made.id}/files/ratings.csv").text
    assert ",Ann,1," in server.get(f"/label/{made.id}/files/ratings.csv?raters=named").text
    assert server.get(f"/label/{made.id}/files/other.csv").status == 404


def test_labels_become_jobs_of_extract_and_adapt(server, tmp_path):
    made, moods = serve_task(server, tmp_path, 3), serve_task(server, tmp_path, 1, scale=Scale.of_classes("sad,glad"))
    tasks = server.studio.tasks
    for one in (made, moods):
        rate_all(tasks, one.id, "Ann", [1.0] * 6)
        tasks.close(one.id)
    server.studio.runner.set_at_once(1)
    wrong = {"what": "dataset", "dataset": "x", "audio": "/x"}
    assert "audio extractor is called" in server.post(f"/label/{made.id}/use", wrong).text
    for what, kind in (("adapt", "adapt"), ("dataset", "extract-labels")):
        sent = {"what": what, "dataset": "mine", "vision": "none", "once": "1"}
        job = server.post(f"/label/{made.id}/use", sent).headers["location"].rpartition("/")[2]
        assert server.post(f"/label/{made.id}/use", sent).headers["location"].endswith(job)
        row = row_of(server.studio.runner, job)
        assert (row.kind, row.parameters["low"], row.parameters["high"]) == (kind, -3.0, 3.0)
        assert server.get(f"/jobs/{job}").status == 200
    result = do(parse_job(row.kind, row.parameters), tmp_path)
    with server.studio.database.write() as session:
        ended = session.get_one(JobRow, row.id)
        ended.state, ended.result = "done", result
    assert "/train/new?model=mdf&amp;dataset=mine" in server.get(f"/jobs/{row.id}").text
    dataset = load_dataset("mine")
    splits = (dataset.train, dataset.valid, dataset.test)
    assert [len(split) for split in splits] == [2, 2, 2], "a video is in one split"
    assert {float(value) for split in splits for value in split.labels["M"]} == {1.0}
    assert "audio" in dataset.card.widths
    assert "predicts intensities" in server.post(f"/label/{moods.id}/use", {"what": "adapt"}).text
    assert server.post(f"/label/{moods.id}/use", {"what": "dataset", "dataset": "../x"}).status == 422


def test_a_deleted_task_can_be_restored(server, tmp_path):
    made = serve_task(server, tmp_path, 1)
    assert "Delete the task?" in server.post(f"/label/{made.id}/state", {"to": "deleted"}).text
    assert server.get(f"/label/{made.id}").status == 200
    server.post(f"/label/{made.id}/state", {"to": "deleted", "sure": "yes"})
    assert server.get(f"/label/{made.id}").status == 404
    assert "Deleted tasks" in server.get("/label").text
    server.post(f"/label/{made.id}/state", {"to": "restore"})
    assert server.get(f"/label/{made.id}").status == 200
