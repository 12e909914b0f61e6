"""Pages of saved models: chosen for an analysis, evaluated before and after they were adapted."""

import json
from pathlib import Path

import pytest

from makers_adapt import EFFECT
from makers_analysis import features, saved_model
from makers_media import make_media, sine
from makers_studio import job_of, needs_unix, serving
from makers_studio import row as row_of
from makers_study import shifted
from sentiprism.report.files import write_report
from sentiprism.studio.effects import read_effects
from sentiprism.studio.store.tables import JobRow

pytestmark = needs_unix


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path) as opened:
        yield opened


@pytest.fixture
def folder(server, tmp_path):
    """A model that was adapted from the starter, in the studio's workspace."""
    adapted = {"model": "starter", "cross_validated": EFFECT, "test": None}
    place = server.studio.workspace / "models" / "mine"
    return saved_model(place, features(tmp_path / "text"), adapted=adapted, licence="mine <b>alone</b>")


def test_an_evaluation_has_a_column_for_each_predictor_and_a_damaged_one_is_left_out():
    (found,) = read_effects({"cross_validated": EFFECT, "test": None})
    assert found.predictors == ("constant predictor", "before", "after")
    assert [metric.label for metric in found.metrics] == ["MAE", "r", "r within videos"]
    assert [cell.value for cell in found.metrics[0].cells] == [1.25, 1.25, 1.125]
    assert [cell.difference for cell in found.metrics[0].cells] == [None, None, -0.125]
    assert (found.utterances, found.units) == (24, "12 videos")
    for damaged in (None, [], {"test": 1}, {"test": {**EFFECT, "metrics": {"after": 1}}}):
        assert read_effects(damaged) == []
    assert read_effects({"test": {**EFFECT, "after_less_before": {"mae": [1], "pearson": "x"}}}) == []


def test_an_adapted_model_is_chosen_and_its_reports_are_beside_those_of_the_starter(server, folder, tmp_path):
    studio = server.studio
    sound = make_media(tmp_path / "talk.wav", samples=sine(1.0, 8_000)).read_bytes()
    identifier = json.loads(server.upload("talk.wav", sound).body)["id"]
    (row,) = studio.recordings.find([identifier])
    write_report(shifted(0.5, row.content, row.name), studio.workspace / "reports" / "talk")
    (model,) = studio.folders.models()
    assert (model.name, model.model, model.base) == ("models/mine", "mdf", "starter")
    option = f'<option value="{model.id}">models/mine (adapted from starter)</option>'
    assert option in server.get("/recordings").text
    assert option in server.get(f"/recordings/{identifier}").text
    assert f'href="/models/{model.id}"' in server.get("/train").text
    page = server.get(f"/models/{model.id}").text
    assert "It did not help" in page
    assert "mine &lt;b&gt;alone" in page
    assert 'under <a href="/recordings">Recordings' in page, "nobody knows what it was adapted to"
    with studio.database.write() as session:
        session.add(
            JobRow(
                kind="adapt", title="Adapt", state="done", host=studio.runner.host, workspace=str(studio.workspace),
                parameters={"out": "models/mine", "recordings": [identifier]}, result={},
            )
        )  # fmt: skip
    page = server.get(f"/models/{model.id}").text
    assert page.count("not analyzed yet") == 1
    job = row_of(
        studio.runner, job_of(server.post("/recordings/analyze", {"recording": identifier, "model": model.id}))
    )
    (item,) = job.parameters["items"]
    assert job.parameters["options"]["model"] == str(folder)
    assert item["report"] == "reports/talk-by-models-mine", "the report by the starter is not written over"
    options = {"studio": {"options": {"model": str(folder)}}}
    write_report(shifted(0.75, row.content, row.name, details=options), studio.workspace / item["report"])
    studio.folders.forget()
    page = server.get(f"/models/{model.id}").text
    assert "not analyzed yet" not in page
    assert 'data-label="Change">+0.25</td>' in page
    assert "Analyze talk.wav" in page, "the analysis that waits"


def test_a_model_whose_notes_are_damaged_has_a_page_and_one_that_is_none_has_not(server, folder):
    (model,) = server.studio.folders.models()
    config = json.loads((folder / "config.json").read_text())
    config["metadata"]["adapted"] = {"model": 1, "cross_validated": {"metrics": [1]}}
    (folder / "config.json").write_text(json.dumps(config))
    page = server.get(f"/models/{model.id}")
    assert (page.status, "Cross-validated" in page.text) == (200, False)
    (folder / "config.json").write_text("{}")
    assert server.get(f"/models/{model.id}").status == 404
    other = Path(folder).parent / "other"
    other.mkdir()
    for name in ("config.json", "model.safetensors"):
        (other / name).write_text("{}")
    server.studio.folders.forget()
    assert server.studio.folders.models() == []
    assert server.get("/recordings").status == 200
