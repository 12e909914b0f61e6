"""The page of results says what the run folders say."""

import json
import shlex
import shutil

import numpy as np
import pytest
import yaml

from makers_models import small
from makers_store import store_at
from sentiprism.cli.experiment import results as verb
from sentiprism.errors import UserError
from sentiprism.evaluation.differences import paired
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.evaluation.robustness import robustness
from sentiprism.models import load_model
from sentiprism.models.artifact import count_parameters
from sentiprism.reproduction.command import shortest_command
from sentiprism.reproduction.results import gather, page
from sentiprism.tables import duration, number, probability
from sentiprism.training.experiments import load_experiment
from sentiprism.training.run import Run
from sentiprism.training.train import resolve, train


@pytest.fixture(scope="module")
def runs(tmp_path_factory, small_home):
    """A tree: MDF with two seeds, the reference with two and with one, and a run that was stopped at once."""
    folder = tmp_path_factory.mktemp("results")
    with store_at(small_home):
        for name, model, seeds in (("mdf", "mdf", 2), ("text", "text_only", 2), ("text-1", "text_only", 1)):
            settings = {"config": small(model), "optim": {"epochs": 2, "batch_size": 16}}
            out = folder / "small" / name
            train(model, "small", seeds=seeds, settings=settings, out=out, device="cpu", quiet=True)
        (train("mdf", "small", settings=settings | {"config": {}}, out=folder / "stopped", device="cpu", quiet=True))
        (folder / "stopped" / "summary.json").unlink()
        yield folder


def test_runs_are_found_below_a_folder_the_reference_first(runs):
    found = gather([runs], device="cpu").shown
    assert [one.run.name for one in found] == ["text", "text-1", "mdf"]
    assert [one.run.name for one in gather([runs / "small" / "mdf"], device="cpu").shown] == ["mdf"]
    again = gather([runs, runs / "small" / "mdf"], device="cpu").shown
    assert len(again) == 3
    with pytest.raises(UserError, match=r"no run can be read: no seed of .*stopped is finished; resume it"):
        gather([runs / "stopped"])


def test_a_run_without_a_finished_seed_is_listed_as_left_out(runs, tmp_path, capsys):
    verb([runs / "small" / "text", runs / "stopped"], tmp_path / "page.md", device="cpu")
    assert (
        f"left out: {runs / 'stopped'}: no seed of {runs / 'stopped'} is finished; resume it: "
        in capsys.readouterr().err
    )
    *_, left_out = (tmp_path / "page.md").read_text(encoding="utf-8").split("## Left out")
    assert f"- {runs / 'stopped'}: no seed of " in left_out


def test_a_result_is_what_the_run_says(runs):
    *_, mdf = gather([runs], device="cpu").shown
    run = Run(runs / "small" / "mdf")
    assert mdf.evaluation.metrics == evaluate(run, device="cpu").metrics
    assert mdf.inputs == "text (features), audio, vision"
    saved = load_model(run.seed_folder(1111) / "model").model
    assert mdf.parameters == sum(parameter.numel() for parameter in saved.parameters())
    lines = [
        [json.loads(line) for line in (run.seed_folder(seed) / "metrics.jsonl").read_text().splitlines()]
        for seed in (1111, 1112)
    ]
    assert [len(seed) for seed in lines] == [2, 2]
    assert mdf.seconds == pytest.approx(sum(row["seconds"] for seed in lines for row in seed) / 2)
    assert mdf.valid == ("mae", [run.summary[seed]["valid"]["mae"] for seed in (1111, 1112)])
    assert json.loads(json.dumps(mdf.to_dict()))["parameters"] == mdf.parameters


def test_the_difference_is_from_the_reference_with_the_most_seeds(runs):
    text, text_1, mdf = gather([runs], device="cpu").shown
    assert text.difference is text_1.difference is None
    expected = paired(
        mdf.evaluation.stacked,
        text.evaluation.stacked,
        mdf.evaluation.predictions[0].label,
        mdf.evaluation.protocol,
        videos=mdf.evaluation.predictions[0].videos,
    )
    assert mdf.difference == expected
    assert gather([runs / "small" / "mdf"], device="cpu").shown[0].difference is None
    assert gather([runs], reference="mdf", device="cpu").shown[1].difference is not None


def test_without_a_plain_head_the_linear_model_on_the_same_inputs_is_the_reference(runs, tmp_path, data):
    shutil.copytree(runs / "small" / "mdf", tmp_path / "mdf")
    for name, used, seeds in (("all", ["text", "audio", "vision"], 1), ("audio", ["audio"], 2)):
        settings = {"config": {"modalities": used}, "optim": {"epochs": 1}}
        train("ridge", "small", seeds=seeds, settings=settings, out=tmp_path / name, device="cpu", quiet=True)
    *linear, mdf = gather([tmp_path], device="cpu").shown
    assert [(one.run.name, one.difference) for one in linear] == [("all", None), ("audio", None)]
    assert mdf.reference == "ridge"
    label, protocol, videos = mdf.evaluation.predictions[0].label, mdf.evaluation.protocol, data.test.video_ids
    expected = paired(mdf.evaluation.stacked, linear[0].evaluation.stacked, label, protocol, videos=videos)
    assert mdf.difference == expected
    assert "| MAE less ridge |" in page([*linear, mdf])
    assert gather([tmp_path / "mdf"], device="cpu").shown[0].reference == "text_only"


def test_a_reference_on_another_encoder_is_none(runs, tmp_path):
    (tmp_path / "runs").symlink_to(runs / "small")
    found = gather([tmp_path / "runs"], device="cpu").shown
    config = found[2].run.config
    other = config.model_copy(
        update={"data": config.data.model_copy(update={"text": config.data.text.model_copy(update={"max_tokens": 9})})}
    )
    from sentiprism.reproduction.reference import subtract_reference

    found[2].run.config = other
    read = [one._replace(reader="tiny, tuned") for one in found]
    assert subtract_reference(read[2], read) is None
    assert subtract_reference(found[2], found) is not None  # text that came as features was read by no encoder of ours


def test_the_encoder_of_the_settings_is_not_named_where_the_text_is_features(runs, tmp_path):
    shutil.copytree(runs / "small", tmp_path / "runs")
    file = tmp_path / "runs" / "mdf" / "run.yaml"
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    config["data"].setdefault("text", {})["encoder"] = "asset://minilm"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    found = gather([tmp_path / "runs"], device="cpu").shown
    assert Run(file.parent).config.data.text.encoder
    assert {one.reader for one in found} == {""}
    assert "text encoder:" not in page(found)
    assert page(found).count("\n## ") == 1
    assert found[2].run.name == "mdf"
    assert found[2].difference is not None


def test_the_page(runs):
    found = gather([runs], device="cpu").shown
    text = page(found)
    assert text == page(gather([runs], device="cpu").shown)
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    head, _, *body = rows
    assert head[:4] == ["| run", "model", "seeds", "inputs"]
    names = [f"| {one.run.name}{one.evaluation.mark}" for one in found]
    assert [row[0] for row in body] == ["| constant predictor", *names]
    mdf = dict(zip(head, body[3], strict=True))
    value = found[2].evaluation.metrics["mae"]
    assert mdf["MAE ↓"] == f"{value.mean:.3f} ± {value.std:.3f}<br>[{value.low:.3f}, {value.high:.3f}]"
    gap = found[2].difference["mae"]
    assert mdf["MAE less text_only"] == (
        f"{number(gap.mean)}<br>[{number(gap.low)}, {number(gap.high)}]<br>"
        f"{probability('p', gap.p)}<br>{probability('Holm', gap.p)}"
    )
    valid = np.array(found[2].valid[1])
    assert mdf["valid"] == f"{valid.mean():.3f} ± {valid.std(ddof=1):.3f}"
    assert dict(zip(head, body[2], strict=True))["MAE less text_only"] == "–"
    threads = found[2].run.environment["threads"]
    machine = f"cpu, {threads} thread{'s' * (threads > 1)}"
    for part in ("## small", "epoch of the lowest valid MAE", machine, f"    {found[2].command}  # mdf"):
        assert part in text


def test_the_command_trains_the_run_again(runs):
    (config,) = {gather([runs / "small" / "mdf"], device="cpu").shown[0].run.config.model_dump_json()}
    run = Run(runs / "small" / "mdf")
    words = shlex.split(shortest_command(run.config))
    assert words[:7] == ["sentiprism", "train", "mdf", "--dataset", "small", "--seeds", "2"]
    assignments = words[8::2]
    assert set(words[7::2]) == {"--set"}
    again = resolve({"model": "mdf", "dataset": "small", "seeds": 2}, assignments)
    assert again.model_dump_json() == config
    assert "optim.epochs=2" in assignments


def test_the_command_names_what_differs_from_our_own_settings():
    ours = load_experiment("mdf/sentiprism2026_mosi").run
    assert shortest_command(resolve(ours)) == "sentiprism train mdf --dataset mosi --seeds 5"
    changed = resolve(ours, ["config.modalities=[text]", "optim.average=null", "seeds=[3, 9]"])
    line = shortest_command(changed)
    assert line == (
        "sentiprism train mdf --dataset mosi --set 'seeds=[3, 9]' --set 'config.modalities=[\"text\"]' "
        "--set optim.average=null"
    )
    assert resolve(ours, shlex.split(line)[6::2]) == changed
    gone = resolve({**ours, "optim": {**ours["optim"], "group_lr": {}}})
    assert "--set optim.group_lr.text_encoder=5e-05" in shortest_command(gone)


def test_a_setting_that_cannot_be_taken_back_has_no_command(monkeypatch):
    from sentiprism.reproduction import command as module

    base = {"optim": {"group_lr": {"critics": 1e-4}}}
    monkeypatch.setattr(module, "default_settings", lambda *_: base)
    assert shortest_command(resolve({"model": "mdf", "dataset": "mosi"})) is None


def test_parameters_of_an_earlier_version_are_counted_in_its_file(runs, tmp_path):
    source = Run(runs / "small" / "mdf").seed_folder(1111) / "model"
    said = count_parameters(source)
    described = json.loads((source / "config.json").read_text())
    del described["parameters"]
    (tmp_path / "config.json").write_text(json.dumps(described))
    (tmp_path / "weights.safetensors").write_bytes((source / "weights.safetensors").read_bytes())
    assert count_parameters(tmp_path) == said > 0


def test_a_precision_that_auto_would_not_choose_is_in_the_command_and_on_the_page(runs, tmp_path):
    copy = shutil.copytree(runs / "small" / "mdf", tmp_path / "mdf")
    environment = json.loads((copy / "environment.json").read_text())
    (copy / "environment.json").write_text(json.dumps({**environment, "precision": "bf16"}))
    (single,), (half,) = (gather([folder], device="cpu").shown for folder in (runs / "small" / "mdf", copy))
    assert half.command == f"{single.command} --precision bf16"
    assert f"trained on cpu, {environment['threads']} thread" in page([half])
    assert "(bf16)\n" in page([half])
    assert "bf16" not in page([single])


def test_damage_that_was_measured_stands_below_its_dataset(runs, tmp_path):
    for name in ("mdf", "text"):
        shutil.copytree(runs / "small" / name, tmp_path / name)
    assert "damaged" not in page(gather([tmp_path], device="cpu").shown)
    text = robustness(tmp_path / "text", kinds=["missing"], points=3, device="cpu")
    mdf = robustness(tmp_path / "mdf", kinds=["missing", "noise"], modalities=["audio"], points=3, device="cpu")
    *_, said, table, notes = page(gather([tmp_path], device="cpu").shown).strip().split("\n\n")
    assert "- constant predictor: mean of train's labels" in notes
    assert "mean MAE over the strengths" in said
    assert "*missing*: missing with probability, 0 to 1; *noise*: Gaussian noise" in said
    head, _, *rows = ([cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines())
    assert head == ["run", "strengths", "corruption seed", "clean", "text: missing", "audio: missing", "audio: noise"]
    assert [row[0] for row in rows] == ["constant predictor", "text", "mdf"]
    assert [row[1:3] for row in rows] == [["–", "–"], ["3", "0"], ["3", "0"]]
    assert rows[0][3:] == ["<br>".join(text.constant["mae"].cells())] * 4
    whole, missing = (text.curves[0].cells(place, "mae", 1) for place in (0, -1))
    assert rows[1][3:] == ["<br>".join(whole), "<br>".join(missing), "–", "–"]
    assert rows[2][4:] == ["–", *("<br>".join(curve.cells(-1, "mae", 1)) for curve in mdf.curves)]


def test_the_page_is_written_whole(runs, tmp_path, capsys):
    verb([runs / "small" / "mdf"], tmp_path / "docs" / "results.md", device="cpu")
    assert capsys.readouterr().out.startswith("1 run in ")
    found = gather([runs / "small" / "mdf"])
    assert (tmp_path / "docs" / "results.md").read_text(encoding="utf-8") == page(found.shown)


def test_durations():
    assert [duration(s) for s in (3.21, 61, 3600, 7260)] == ["3.2 s", "1 min 1 s", "1 h 0 min", "2 h 1 min"]
