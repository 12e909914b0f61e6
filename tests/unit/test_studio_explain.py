"""Measurements, figures and explanations of runs, as the studio shows them."""

from pathlib import Path

import pytest

from makers_cli import SIZES, SMALL
from makers_studio import Server, needs_unix
from makers_studio import row as row_of
from makers_study import served
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.calibration import calibrate
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.evaluation.robustness import robustness
from sentiprism.studio.datasets import identify_dataset, open_stored
from sentiprism.studio.differences import find_differing
from sentiprism.studio.jobs.kinds import parse_job
from sentiprism.studio.jobs.run_kinds import FigureJob
from sentiprism.studio.jobs.work import do
from sentiprism.studio.run_results import find_picture, list_pictures
from sentiprism.studio.store.tables import JobRow
from sentiprism.training.train import train

pytestmark = needs_unix


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A studio with two finished runs, of which the first is measured; the second has predicted valid alone."""
    with served(tmp_path_factory.mktemp("studio")) as opened:
        data = synthetic_dataset("tiny", sizes=SIZES)
        for name in ("a", "b"):
            settings = {**SMALL, "optim": {**SMALL["optim"], "lr": 0.01 if name == "a" else 0.0001}}
            run = train("mdf", data, seeds=1, settings=settings, out=Path(name), device="cpu", quiet=True)
            evaluate(run, "valid", device="cpu")
        calibrate("a", level=0.5, device="cpu")
        robustness("a", kinds=["missing"], modalities=["text"], points=2, device="cpu")
        yield opened


@pytest.fixture(scope="module")
def runs(server):
    return {run.name: run for run in server.studio.folders.runs()}


def finish(server: Server, address: str) -> str:
    """Do a queued job in this process, as its own process would; the address of its page."""
    job = address.rpartition("/")[2]
    row = row_of(server.studio.runner, job)
    folder = server.studio.runner.job_folder(job)
    folder.mkdir(exist_ok=True)
    value = do(parse_job(row.kind, row.parameters), folder)
    with server.studio.database.write() as session:
        found = session.get_one(JobRow, job)
        found.state, found.result = "done", value
    return address


def test_a_run_shows_what_the_command_line_has_measured(server, runs):
    page = server.get(f"/runs/{runs['a'].id}").text
    assert "Intervals of 50 %" in page
    assert "Their coverage on test is not measured here yet" in page
    assert page.count('<th scope="row">missing') == 1
    assert "Draw the figures" in page
    other = server.get(f"/runs/{runs['b'].id}").text
    assert "Not calibrated" in other
    assert "Measure robustness" in other


def test_jobs_measure_draw_and_attribute(server, runs):
    one = runs["a"]
    here = f"/runs/{one.id}"
    done = finish(server, server.post(f"{here}/measure", {"kind": "calibrate", "level": "0.5"}).headers["location"])
    assert "Open the run" in server.get(done).text
    finish(server, server.post(f"{here}/measure", {"kind": "explain"}).headers["location"])
    drawn = {"kind": "figure", "split": "valid"}
    job = server.post(f"{here}/measure", drawn).headers["location"]
    assert row_of(server.studio.runner, job.rpartition("/")[2]).parameters["split"] == "valid"
    some = FigureJob(run=Path("a"), split="valid", figures=("confusion", "attention"))
    assert do(some, server.studio.runner.folder)["failed"] == {"attention": "mdf has no attention layers"}
    with pytest.raises(UserError, match="no figure could be drawn: mdf has no attention layers"):
        do(some.model_copy(update={"figures": ("attention",)}), server.studio.runner.folder)
    page = server.get(here).text
    assert f"Confusion of classes of {one.name} on valid" in page
    assert "all <span" in page, "coverage of all utterances"
    assert page.count(" %</td>") >= 3, "a share for each modality"
    assert 'src="/runs/' in page, "calibrating draws its figure"
    picture = server.get(f"{here}/figures/reliability-test.png")
    assert (picture.headers["content-type"], picture.body[:4]) == ("image/png", b"\x89PNG")
    saved = server.get(f"{here}/figures/reliability-test.pdf")
    assert saved.headers["content-disposition"].startswith("attachment")
    assert saved.body[:4] == b"%PDF"


def test_only_figures_by_their_names_are_files(server, runs):
    folder = runs["b"].folder / "figures"
    folder.mkdir()
    (folder / "notes.png").write_bytes(b"x")
    (folder / "weights-test.html").write_text("<script>alert(1)</script>")
    (folder / "gates-test.png").symlink_to(runs["b"].folder / "run.yaml")
    (folder / "tsne-class-test.svg").write_text("<svg/>")
    assert [one.files for one in list_pictures(runs["b"].folder)] == [("tsne-class-test.svg",)]
    assert find_picture(runs["b"].folder, "../run.yaml") is None
    for name in ("notes.png", "weights-test.html", "gates-test.png", "..%2frun.yaml"):
        assert server.get(f"/runs/{runs['b'].id}/figures/{name}").status == 404
    svg = server.get(f"/runs/{runs['b'].id}/figures/tsne-class-test.svg")
    assert svg.headers["content-type"] == "application/octet-stream", "a picture with scripts never runs here"


def test_what_cannot_be_measured_is_said(server, runs):
    here = f"/runs/{runs['a'].id}/measure"
    for fields, words in (
        ({"kind": "x"}, "is not a measurement"),
        ({"kind": "calibrate", "level": "much"}, "level is not a number"),
        ({"kind": "calibrate", "level": "1.5"}, "level"),
        ({"kind": "robustness", "split": "../x"}, "split"),
    ):
        refused = server.post(here, fields)
        assert refused.status == 422
        assert words in refused.text
    assert server.post("/runs/0123456789abcdef/measure", {"kind": "explain"}).status == 404


def test_utterances_are_sorted_by_how_far_two_runs_are_apart(server, runs):
    data = open_stored("tiny")
    found = find_differing((runs["a"].folder, runs["b"].folder), data, "valid")
    assert len(found) == len(data.valid)
    assert [one.apart for one in found] == sorted((one.apart for one in found), reverse=True)
    assert found[0].apart == pytest.approx(abs(found[0].a - found[0].b))
    assert data.valid.ids[found[0].number] == found[0].id
    address = f"/compare/utterances?a={runs['a'].id}&b={runs['b'].id}"
    page = server.get(address).text
    assert page.index(f">{found[0].id}<") < page.index(f">{found[1].id}<")
    assert f"/data/{identify_dataset('tiny')}/utterances/valid/{found[0].number}" in page
    missing = server.get(f"{address}&split=test").text
    assert "has not predicted test of tiny yet" in missing
    assert "Predict with b" in missing
    assert server.get(f"/compare/utterances?a={runs['a'].id}&b={runs['a'].id}").status == 422
    assert server.get(f"/compare/utterances?a={runs['a'].id}&b=x").status == 404


def test_why_two_runs_differ_is_shown_side_by_side(server, runs):
    one = str(open_stored("tiny").valid.ids[3])
    asked = {"a": runs["a"].id, "b": runs["b"].id, "split": "valid", "utterance": one}
    job = server.post("/compare/why", asked).headers["location"]
    assert server.post("/compare/why", {**asked, "utterance": "<x>"}).status == 422
    assert server.post("/compare/why", {**asked, "split": "x"}).status == 422
    page = server.get(finish(server, job)).text
    result = row_of(server.studio.runner, job.rpartition("/")[2]).result
    for own in result["explanations"]:
        assert sum(own["shapley"].values()) == pytest.approx(own["prediction"] - own["base"], abs=1e-4)
    assert page.count('class="attribution"') == 6
    assert "Why the predictions differ" in page
    with server.studio.database.write() as session:
        row = session.get_one(JobRow, job.rpartition("/")[2])
        row.result = {"explanations": [{"run": "x"}]}
    assert "Why the predictions differ" not in server.get(job).text, "a damaged result is not shown"
