"""The constant predictor is the first line of every table of results, and what is not better than it is marked."""

import csv
import io
import json
import shutil

import numpy as np
import pytest

from makers_metrics import interval
from makers_models import small
from makers_store import store_at
from sentiprism.cli.evidence import compare as compare_command
from sentiprism.cli.evidence import robustness as robustness_command
from sentiprism.cli.run import evaluate as evaluate_command
from sentiprism.data.dataset import DatasetInfo
from sentiprism.evaluation.compare import compare
from sentiprism.evaluation.constant import constant_prediction
from sentiprism.evaluation.differences import paired
from sentiprism.evaluation.evaluate import evaluate, load_evaluation
from sentiprism.evaluation.predictions_file import read_predictions, write_predictions
from sentiprism.evaluation.robustness import load_robustness, robustness
from sentiprism.evaluation.scores import constant_scores
from sentiprism.metrics import protocol
from sentiprism.report import figures
from sentiprism.reproduction.results import gather, page
from sentiprism.training.run import Run
from sentiprism.training.train import train
from sentiprism.types import TargetSpec


@pytest.fixture(scope="module")
def poor(many_home, tmp_path_factory) -> Run:
    """A model that has learnt nothing."""
    with store_at(many_home):
        given = {"config": small("text_only"), "optim": {"epochs": 1, "lr": 1e-9}}
        out = tmp_path_factory.mktemp("runs") / "poor"
        return train("text_only", "many", settings=given, out=out, device="cpu", quiet=True)


@pytest.fixture
def good(poor, many, tmp_path) -> Run:
    """A run whose kept predictions are nearly right."""
    run = Run(shutil.copytree(poor.folder, tmp_path / "good"))
    evaluate(run, device="cpu")
    path = run.seed_folder(1111) / "predictions-test.parquet"
    kept = read_predictions(path)
    write_predictions(path, kept._replace(prediction=(kept.label + 0.1).astype(np.float32)))
    return run


def test_it_is_the_mean_of_the_labels_or_their_most_frequent_class():
    values, said = constant_prediction(np.array([1, 2, 2.5], np.float32), TargetSpec(), 2)
    assert values.tolist() == pytest.approx([5.5 / 3] * 2)
    assert said == "mean of train's labels, 1.833"
    target = TargetSpec(kind="classes", classes=("no", "yes", "well"))
    values, said = constant_prediction(np.array([0, 1, 1, 2]), target, 3)
    assert values.tolist() == [[0, 1, 0]] * 3
    assert said == "most frequent class of train, yes"
    assert protocol("classes").compute(values, np.array([1, 1, 0]))["accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("split", ["valid", "test"])
def test_it_is_scored_on_the_split_by_the_protocol_on_the_same_resamples(poor, many, split):
    found = evaluate(poor, split, device="cpu")
    rows = many.split(split)
    label, same = rows.labels["M"], np.full(len(rows), many.train.labels["M"].astype(float).mean(), np.float32)
    expected = interval(same, label, found.protocol.extended(), videos=rows.video_ids)
    assert repr(found.constant.metrics) == repr(expected)  # nan is nan
    gap = paired(found.stacked, same, label, found.protocol, videos=rows.video_ids, resamples=1000)["mae"]
    assert found.constant.difference == gap
    assert found.constant.better is (gap.high < 0) is False
    told = json.loads(json.dumps(found.to_dict()))["constant"]
    assert told["metrics"]["mae"]["mean"] == expected["mae"].mean
    assert told["better"] is False
    assert repr(load_evaluation(poor, split, device="cpu").constant.metrics) == repr(expected)
    assert constant_scores(poor, split)["mae"] == pytest.approx(expected["mae"].mean)


def test_a_model_that_is_better_by_its_interval_is_not_marked(good, poor, many):
    assert load_evaluation(good, device="cpu").mark == ""
    assert load_evaluation(good, device="cpu").constant.better is True
    assert evaluate(poor, device="cpu").mark == " ‡"


def test_where_higher_is_better_so_is_the_difference(home, tmp_path):
    from sentiprism.data.dataset import Utterance
    from sentiprism.data.store import write_dataset

    def rows():
        rng = np.random.default_rng(0)
        for split, count in (("train", 60), ("valid", 30), ("test", 60)):
            for i in range(count):
                label = i % 3 > 0  # two of three
                steps = rng.normal(3 if label else -3, 1, (2, 2)).astype(np.float32)
                name = f"{split}{i}"
                yield split, Utterance(name, f"{split}{i // 3}", None, {"M": label}, {"audio": steps})

    target = TargetSpec(kind="classes", classes=("no", "yes"))
    write_dataset("two", rows(), DatasetInfo(title="", source="a test", target=target, protocol="binary"))
    for name, epochs, rate in (("learnt", 8, 1e-2), ("none", 1, 1e-9)):
        given = {"config": small("lf_dnn"), "optim": {"epochs": epochs, "lr": rate}}
        run = train("lf_dnn", "two", settings=given, out=tmp_path / name, device="cpu", quiet=True)
        found = evaluate(run, device="cpu")
        assert found.constant.description == "most frequent class of train, yes"
        assert found.constant.metrics["acc_2"].mean == pytest.approx(2 / 3)
        assert found.mark == ("" if name == "learnt" else " ‡")


def test_the_terminal_shows_it_first_explains_every_metric_and_fits_80_columns(poor, many, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    evaluate_command(poor.folder, device="cpu")
    compare_command([poor.folder], device="cpu")
    robustness_command(poor.folder, kinds=["missing"], count=2, device="cpu")
    (poor.folder / "robustness-test.json").unlink()
    shown = capsys.readouterr().out
    evaluated, compared, damaged = (
        shown.split(title)[1] for title in ("text_only on many, test", "\nmany, test", "MAE ↓, miss")
    )
    assert evaluated.splitlines()[1].split() == ["metric", "constant", "predictor", "text_only", "‡"]
    assert compared.splitlines()[1].split() == ["metric", "constant", "predictor", "poor", "(1", "seed)", "‡"]
    value = evaluate(poor, device="cpu").constant.metrics["mae"]
    assert damaged.splitlines()[3].split()[:2] == ["constant", f"{value.mean:.3f}"]
    for part in (evaluated, compared):
        for line in (*protocol("intensity").footnotes(), "constant predictor: mean of train's labels"):
            assert line in part
        assert "‡ not better than the constant predictor (95% interval, difference in MAE)" in part
    assert "MAE: mean absolute error" in damaged
    assert max(map(len, shown.splitlines())) <= 80


def test_every_format_of_a_comparison_begins_with_it(poor, many):
    found = compare([poor], device="cpu")
    cells = found.constant.metrics["mae"].cells()
    rows = [line for line in found.render("markdown").splitlines() if line.startswith("| ")]
    assert rows[2].startswith(f"| constant predictor | – | – | {'<br>'.join(cells)} | – |")  # it has no correlation
    assert rows[3].startswith("| poor ‡ |")
    assert "<tr><td>constant predictor</td>" in found.render("html").split("<tbody>")[1].splitlines()[1]
    body = found.render("latex").split("\\midrule\n")[1]
    assert body.startswith("constant predictor & -- & -- &")
    assert r"poor $\ddagger$" in body
    for form in ("markdown", "html"):
        assert all(line in found.render(form).replace("&#x27;", "'") for line in protocol("intensity").footnotes())
    assert r"\par{\footnotesize Acc-2 (non0): below 0 against above 0;" in found.render("latex")
    first, *_, last = csv.DictReader(io.StringIO(found.render("csv")))
    assert (first["run"], first["metric"], float(first["mean"])) == (
        "constant predictor",
        "mae",
        found.constant.metrics["mae"].mean,
    )
    assert (first["better_than_constant"], last["better_than_constant"]) == ("", "False")


def test_without_the_dataset_the_page_says_that_it_is_not_there(good, many, tmp_path, monkeypatch):
    there = page(gather([good.folder], device="cpu").shown)
    assert "| constant predictor | – | – | – | " in there
    assert "- constant predictor: mean of train's labels, " in there
    assert "‡" not in there
    monkeypatch.setenv("SENTIPRISM_HOME", str(tmp_path / "elsewhere"))
    gone = page(gather([good.folder], device="cpu").shown)
    assert "| constant predictor |" not in gone
    assert "- no constant predictor: the dataset many is missing, or has changed" in gone


def test_damage_below_it_is_marked_and_earlier_files_are_read(good, poor, many, tmp_path):
    run = Run(shutil.copytree(poor.folder, tmp_path / "copied"))
    found = robustness(run, kinds=["missing"], modalities=["text"], points=2, device="cpu")
    measured = evaluate(run, device="cpu").constant.metrics
    assert repr(found.constant) == repr({name: measured[name] for name in found.protocol.names})
    assert found.curves[0].better == (False, False, False)
    assert found.curves[0].cells(-1, "mae", 1)[0].endswith(" ‡")
    path = run.folder / "robustness-test.json"
    told = json.loads(path.read_text())
    for name in ("constant", "constant_is"):
        del told[name]
    for curve in told["curves"]:
        del curve["better"], curve["drawn_over"]
    path.write_text(json.dumps(told))
    old = load_robustness(run, device="cpu")
    assert (old.constant, old.notes(), old.drawn_over) == ({}, [], "utterances")
    assert not old.curves[0].cells(-1, "mae", 1)[0].endswith("‡")
    assert figures.robustness(run).axes[0].lines


def test_figures_draw_it_as_a_dashed_line(poor, many):
    value = evaluate(poor, device="cpu").constant.metrics
    ax, correlation = figures.runs(poor, metrics=("acc_7", "pearson"), device="cpu").axes
    (line,) = (one for one in ax.collections if one.get_label() == "constant predictor")
    assert line.get_segments()[0][:, 1].tolist() == pytest.approx([100 * value["acc_7"].mean] * 2)
    assert not [one for one in correlation.collections if one.get_label() == "constant predictor"]
