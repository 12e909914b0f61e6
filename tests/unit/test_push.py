"""What is pushed is shown and asked first, has no path of this machine, and predicts the same from the hub."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from makers_analysis import features, saved_model
from makers_hub import TOKEN, FakeHub, files_of, running_hub
from makers_models import small
from sentiprism.analysis.analyze import analyze
from sentiprism.cli.app import app
from sentiprism.errors import UserError
from sentiprism.evaluation.calibration import calibrate
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.explanation.modalities import explain
from sentiprism.export.export_model import export_model
from sentiprism.export.model_card import make_model_card
from sentiprism.export.published import collect, without_paths
from sentiprism.export.push import prepare_push, push
from sentiprism.models import load_model
from sentiprism.models.artifact import folder_of
from sentiprism.text.encoders import tokenize
from sentiprism.training.train import train
from sentiprism.types import FeatureSpec, ModalitySpec


@pytest.fixture
def hub(data, monkeypatch) -> Iterator[FakeHub]:
    """A hub to which this machine is logged in, and the store with the dataset of `trained`."""
    with running_hub() as found:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield found


def test_a_run_is_published_and_is_a_run_elsewhere(hub, trained, tmp_path, capsys):
    upload = prepare_push(trained.folder, "me/mdf-small")
    assert hub.asked == []
    name = push(upload)
    here, there = evaluate(trained, "test"), evaluate(name, "test")
    np.testing.assert_array_equal(there.predictions[0].prediction, here.predictions[0].prediction)
    assert (there.seeds, there.dataset) == ((1111,), "small")
    np.testing.assert_array_equal(explain(Path(name), "valid").shapley[0], explain(trained, "valid").shapley[0])
    saved = load_model(name)
    assert saved.metadata["seed"] == 1111
    assert TOKEN not in "".join(capsys.readouterr())
    settings = {"optim": {"epochs": 1}, "config": small("mdf")}
    started = train("mdf", "small", init=name, settings=settings, out=tmp_path / "next", device="cpu", quiet=True)
    assert started.config.init == started.environment["init"]["source"] == name
    with pytest.raises(UserError, match="is a copy of a repository, which is not changed"):
        calibrate(name)
    assert load_model(name).calibration is None


def test_nothing_of_this_machine_is_published(hub, trained, tmp_path):
    given = saved_model(tmp_path / "model", features(tmp_path / "bert"), other="/a/b/c")
    for model in (trained.folder, given):
        for path, content in collect(model).files.items():
            text = content if isinstance(content, bytes) else content.read_bytes()
            assert str(tmp_path.parent).encode() not in text, path
            assert str(trained.folder.parent).encode() not in text, path
    environment = json.loads(collect(trained.folder).files["environment.json"])
    assert environment["command"] == "not published"
    assert not {"platform", "cpus"} & environment.keys()
    assert without_paths({"a": ["/x/y/z", "/", "text / more"]}) == {"a": ["z", "/", "text / more"]}
    frozen = given / "config.json"
    described = json.loads(frozen.read_text())
    assert described["features"]["text"]["encoder"] == str(tmp_path / "bert")
    assert json.loads(collect(given).files["config.json"])["features"]["text"]["encoder"] == "bert"


def test_the_card_has_metrics_with_intervals_data_seeds_limits_and_licence(data, trained):
    published = collect(trained.seed_folder(1112))
    head, text = make_model_card(published, "me/mdf-small").split("---", 2)[1:]
    meta = yaml.safe_load(head)
    results = meta["model-index"][0]["results"][0]
    assert (meta["library_name"], meta["datasets"]) == ("sentiprism", ["small"])
    assert (results["dataset"]["split"], results["task"]["name"]) == ("test", "Multimodal sentiment analysis")
    measured = evaluate(trained, "test")
    own = measured.protocol.compute(measured.predictions[1].prediction, measured.predictions[1].label)
    assert {one["type"]: one["value"] for one in results["metrics"]} == pytest.approx(own)
    mean, interval = measured.metrics["mae"].cells()
    assert f"| {own['mae']:.3f} | {mean} | {interval} |" in text
    for part in ("seed: 1112 of 2 seeds: 1111, 1112", "test is not looked at", "## Licence", "Not stated", "constant"):
        assert part in text
    assert 'sp.load_model("hf://me/mdf-small")' in text
    starter = make_model_card(collect("starter"), "me/starter")
    for part in (
        "license: other",
        "non-commercial-use-only",
        "split: validation",
        "- English, acted voices",
        "| mosi | text | 686 | 0.781 [0.730, 0.832] |",
    ):
        assert part in starter


def test_a_second_push_replaces_and_a_branch_is_a_branch(hub, trained):
    first = push(prepare_push(trained.seed_folder(1111), "me/small"))
    second = push(prepare_push(trained.seed_folder(1112), "me/small"))
    assert load_model(first).metadata["seed"] == 1111
    assert load_model(second).metadata["seed"] == 1112
    third = push(prepare_push("starter", "me/small", revision="trial"))
    assert load_model("hf://me/small@trial").model.name == load_model(third).model.name == "lf_dnn"
    assert load_model("hf://me/small").metadata["seed"] == 1112
    again, own = (prepare_push(one, "me/again").files.keys() for one in (second, trained.seed_folder(1112)))
    assert again == own


def test_what_may_not_be_written_is_refused(hub, monkeypatch):
    hub.publish({"config.json": b"{}", "model.safetensors": b"x"}, "me/bert")
    hub.publish({}, "me/public")
    for name, private, message in (
        ("me/bert", False, "me/bert has files of another kind: model.safetensors; choose another name"),
        ("me/public", True, "me/public is public already; make it private"),
        ("alone", False, "is not the name of a repository"),
        ("me/x@main", False, "is not a repository to write to"),
    ):
        with pytest.raises(UserError, match=message):
            push(prepare_push("starter", name, private=private))
    made = push(prepare_push("starter", "me/secret", private=True))
    assert hub.private["models", "me/secret"]
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    with pytest.raises(UserError, match=r"you may not write to me/secret \(status 401\); log in") as error:
        push(prepare_push("starter", "me/secret"))
    assert "hf_other" not in str(error.value)
    monkeypatch.delenv("HF_TOKEN")
    asked = len(hub.asked)
    with pytest.raises(UserError, match="you are not logged in"):
        push(prepare_push("starter", "me/secret"))
    monkeypatch.setenv("SENTIPRISM_OFFLINE", "1")
    with pytest.raises(UserError, match="SENTIPRISM_OFFLINE forbids connecting"):
        push(prepare_push("starter", "me/secret"))
    assert len(hub.asked) == asked
    assert made.startswith("hf://me/secret@")


def test_the_command_shows_the_files_and_asks(hub):
    def call(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["push", "starter", "me/new", *words])
        return done.exit_code, done.output + str(done.exception or "")

    status, text = call("--dry-run", "--private")
    assert status == 0
    assert all(part in text for part in ("weights.safetensors", "658 kB", "README.md", "private if it is new", "# new"))
    status, text = call()
    assert "nothing was uploaded: there is no terminal to ask on" in text
    assert hub.asked == []
    status, text = call("--yes")
    assert "uploaded: hf://me/new@" in text
    commit = hub.refs["models", "me/new"]["main"]
    assert set(hub.commits[commit]) == {".gitattributes", "README.md", "config.json", "weights.safetensors"}


def test_a_tokenizer_is_published_with_the_model(hub, tmp_path):
    given = saved_model(tmp_path / "model", features(tmp_path / "bert"))
    upload = prepare_push(given, "me/tokens")
    folder = folder_of(push(upload))
    assert {"text/tokenizer.json", "text/config.json", "text/origin.json"} <= upload.files.keys()
    assert upload.files.keys() == files_of(folder).keys() - {"hub.json"} | {"README.md"}
    batch = ["w1 w2", "w3"]
    assert [tokenize(str(one / "text"), batch, 40)[0].tolist() for one in (folder, given)] == [[2, 58, 59, 3]] * 2


ELSEWHERE = """
import socket, sys

def refuse(*_):
    raise AssertionError("connects")

socket.socket.connect = socket.getaddrinfo = refuse
from sentiprism.models import load_model
from sentiprism.analysis.analyze import analyze

print(load_model(sys.argv[1]).metadata["dataset"])
print(analyze(sys.argv[2], options={"model": sys.argv[1]}).utterances[0].estimate.value)
"""


def test_a_text_is_analyzed_the_same_and_another_process_needs_no_network(hub, tmp_path):
    """The report names the commit; the other process has another folder of Hugging Face and may not connect."""
    text = tmp_path / "said.txt"
    text.write_text("w1 w2 w3")
    given = saved_model(tmp_path / "model", features(tmp_path / "bert"))
    name = push(prepare_push(given, "me/read"))
    here, there = (analyze(text, options={"model": one}) for one in (str(given), "hf://me/read"))
    assert there.details["options"]["model"] == there.model.name == name
    assert there.utterances == here.utterances
    words = [sys.executable, "-c", ELSEWHERE, name, str(text)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["none", str(here.utterances[0].estimate.value)]
    assert not (tmp_path / "hf").exists()


def test_an_export_names_the_commit(hub, tmp_path):
    spec = ModalitySpec(kind="features", width=4)
    name = push(prepare_push(saved_model(tmp_path / "model", FeatureSpec(audio=spec), "ridge"), "me/ridge"))
    export_model("hf://me/ridge", tmp_path / "out")
    assert json.loads((tmp_path / "out" / "config.json").read_text())["source"] == name
    assert f"- model: {name}" in (tmp_path / "out" / "README.md").read_text()
