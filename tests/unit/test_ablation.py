"""What is measured stands beside a paper's table in the same order, each row trained once."""

import numpy as np
import pytest

from makers_ablation import ROWS, measure, paper
from makers_models import small
from sentiprism.config import override
from sentiprism.data.importers.import_dataset import import_dataset
from sentiprism.data.importers.labels import LabelSpec
from sentiprism.data.importers.sources import TableSource
from sentiprism.errors import UserError
from sentiprism.evaluation.differences import paired
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.reproduction.ablation import ablate, plan_steps, train_step
from sentiprism.training.experiments import Row, load_experiment
from sentiprism.training.run import Run

__all__ = ["measure", "paper"]


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("weights.safetensors")}


def test_published_and_measured_stand_side_by_side(measure, data, tmp_path):
    found = measure(seeds=2)
    assert [line.row.name for line in found.lines] == [row["name"] for row in ROWS]
    assert [bool(line.evaluation) for line in found.lines] == [False, True, True, True]
    runs = [Run(tmp_path / "runs" / name) for name in ("02-without-a", "03-text-alone", "04-whole")]
    assert runs[0].config.config["loss_weights"]["a"] == 0
    assert runs[1].config.config["modalities"] == ["text"]
    for line, run in zip(found.lines[1:], runs, strict=True):
        by_hand = evaluate(run, device="cpu")
        assert line.evaluation.seeds == (1111, 1112)
        assert line.evaluation.metrics == by_hand.metrics
    whole, text = evaluate(runs[2], device="cpu"), evaluate(runs[1], device="cpu")
    label = whole.predictions[0].label
    assert found.lines[2].difference == paired(
        text.stacked, whole.stacked, label, whole.protocol, videos=data.test.video_ids
    )

    columns = found.columns()
    assert list(columns)[:3] == ["MAE ↓ published", "MAE ↓ measured", "MAE ↓ less full"]
    metrics = found.lines[1].evaluation.metrics["mae"]
    own = [one.row.name + (one.evaluation.mark if one.evaluation else "") for one in found.lines]
    assert found.names() == ["constant predictor", *own]
    assert columns["MAE ↓ measured"][0] == whole.constant.metrics["mae"].cells()
    assert columns["MAE ↓ published"][0] == columns["MAE ↓ less full"][0] == ("–",)
    assert columns["MAE ↓ measured"][2] == (
        f"{metrics.mean:.3f} ± {metrics.std:.3f}",
        f"[{metrics.low:.3f}, {metrics.high:.3f}]",
    )
    assert columns["MAE ↓ less full"][4] == columns["MAE ↓ measured"][1] == ("–",)
    page = found.to_markdown()
    assert f"| {found.names()[2]} | 0.72 | {' '.join(columns['MAE ↓ measured'][2])} |" in page
    assert "- MAE: mean absolute error" in page
    for part in ("What helps", "a paper", "selection: not stated", "epoch of the lowest valid MAE", "- a note"):
        assert part in page


def test_a_finished_row_is_not_trained_again_and_a_missing_one_is(measure, tmp_path):
    measure(rows=ROWS[:2])
    before = times(tmp_path / "runs")
    measure()
    after = times(tmp_path / "runs")
    assert len(before) == 1
    assert len(after) == 3
    assert {path: after[path] for path in before} == before


def test_a_row_of_an_earlier_version_goes_on_where_its_features_are_fed_alike(measure, tmp_path):
    """Its run.yaml says ``normalize: none``, which on features that are not extracted is what ``auto`` means."""
    measure(rows=ROWS[:2])
    path = tmp_path / "runs" / "02-without-a" / "run.yaml"
    text = path.read_text()
    path.write_text(text.replace("normalize: auto", "normalize: none"))
    before = times(tmp_path / "runs")
    assert path.read_text() != text
    measure(rows=ROWS[:2])
    assert times(tmp_path / "runs") == before
    path.write_text(text.replace("normalize: auto", "normalize: train"))
    with pytest.raises(UserError, match=r"with data\.normalize=train, not auto"):
        measure(rows=ROWS[:2])


def test_an_interrupted_row_goes_on_as_if_it_had_not_been(measure, tmp_path, monkeypatch):
    from sentiprism.training.loop import Trainer

    train = Trainer.run

    def stopped(self, *arguments):
        if self.seed == 1112:
            raise KeyboardInterrupt
        return train(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "run", stopped)
        with pytest.raises(KeyboardInterrupt):
            measure(rows=ROWS[3:], seeds=2)
    (run,) = map(Run, (tmp_path / "runs").iterdir())
    assert run.finished == (1111,)
    before = times(tmp_path / "runs")
    resumed = measure(rows=ROWS[3:], seeds=2)
    assert Run(run.folder).finished == (1111, 1112)
    assert times(tmp_path / "runs").items() > before.items()
    (tmp_path / "runs").rename(tmp_path / "stopped")
    whole = measure(rows=ROWS[3:], seeds=2)
    for one, other in zip(*(found.lines[0].evaluation.predictions for found in (resumed, whole)), strict=True):
        assert np.array_equal(one.prediction, other.prediction)


def test_a_row_whose_settings_changed_is_refused_before_anything_is_trained(measure, tmp_path):
    measure(rows=ROWS[3:])
    with pytest.raises(UserError, match=r"'whole' was .*01-whole with optim.epochs=1, not 2; choose another"):
        measure(rows=[ROWS[3], ROWS[1]], assignments=["optim.epochs=2"])
    with pytest.raises(UserError, match=r"with seeds=\[1111\], not \[1112\]"):
        measure(rows=[ROWS[3], ROWS[1]], assignments=["seeds=[1112]"])
    assert [folder.name for folder in (tmp_path / "runs").iterdir()] == ["01-whole"]


def test_more_seeds_are_added_to_rows_that_are_finished(measure, tmp_path):
    one, kept = measure(rows=ROWS[3:]), times(tmp_path / "runs")
    with pytest.raises(UserError, match="01-whole was begun with precision no"):
        measure(rows=ROWS[3:], seeds=2, precision="bf16")
    both = one, measure(rows=ROWS[3:], seeds=2)
    assert [found.lines[0].evaluation.seeds for found in both] == [(1111,), (1111, 1112)]
    assert times(tmp_path / "runs").items() > kept.items()


def test_a_row_of_other_data_is_refused(measure, tmp_path):
    """The run says which data it was trained on."""
    measure(rows=ROWS[3:])
    path = tmp_path / "runs" / "01-whole" / "environment.json"
    path.write_text(path.read_text().replace('"content": "', '"content": "0'))
    with pytest.raises(UserError, match="dataset small has changed since 01-whole began"):
        measure(rows=ROWS[3:])


def test_some_rows_are_measured_and_all_are_shown(data, tmp_path, paper):
    def run(*rows):
        return ablate("mdf", "2", experiment=paper(), rows=rows, out=tmp_path / "runs", device="cpu", quiet=True)

    found = run("without a", "4")
    assert [bool(line.evaluation) for line in found.lines] == [False, True, False, True]
    found = run("3")  # the full model is there to be compared with
    assert [bool(line.evaluation) for line in found.lines] == [False, False, True, False]
    assert found.lines[2].difference is not None
    with pytest.raises(UserError, match="has no row 'witout a'; did you mean 'without a'"):
        run("witout a")
    with pytest.raises(UserError, match="of another model"):
        run("1")


def test_the_users_settings_change_every_row_but_not_what_the_row_itself_sets(data, tmp_path, paper):
    settings = override(load_experiment(paper()).run, ["config.loss_weights.a=0.5", "optim.lr=0.01"])
    rows = tuple(Row.parse(row) for row in ROWS)
    steps = plan_steps(rows, settings, data.tuning(), tmp_path)
    assert [step.row.name for step in steps] == ["without a", "text alone", "whole"]
    assert [step.config.config["loss_weights"]["a"] for step in steps] == [0, 0.5, 0.5]
    assert {step.config.optim.lr for step in steps} == {0.01}
    assert [step.folder.name for step in steps] == ["02-without-a", "03-text-alone", "04-whole"]


def test_a_modality_the_dataset_lacks_is_said_and_costs_no_run(home, tmp_path, paper):
    labels = [f"v{n}$_$0,text {n},{n % 3 - 1},{('train', 'valid', 'test')[n % 3]}" for n in range(24)]
    (tmp_path / "labels.csv").write_text("\n".join(["id,text,label,split", *labels]) + "\n", encoding="utf-8")
    ids = np.array([line.partition(",")[0] for line in labels])
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "audio.npz", id=ids, audio=rng.normal(size=(24, 3)).astype(np.float32))
    import_dataset(
        "talks", TableSource(tmp_path / "labels.csv", audio=tmp_path / "audio.npz"), labels=LabelSpec(low=-1, high=1)
    )

    def row(name, *modalities):
        return {"name": name, "settings": {"config": {"modalities": list(modalities)}}, "values": [1.0, 0.0]}

    rows = [row("V", "vision"), row("A+V", "audio", "vision"), row("A", "audio"), {**ROWS[3], "name": "A again"}]
    use = {**small("mdf"), "modalities": ["vision", "audio"]}
    file = paper(rows, dataset="mosi", config=use, data={"text": {"encoder": None}})
    found = ablate(
        "mdf", "2", "talks", experiment=file, seeds=1, out=tmp_path / "runs", device="cpu", quiet=True
    )  # fmt: skip
    V, AV, A, again = found.lines
    assert V.evaluation is None
    assert V.note == "not measurable on talks: mdf may use vision but the dataset has audio"
    assert AV.note == "measured without vision, which talks lacks"
    assert A.note == "the run of 'A+V'"
    assert again.note == "measured without vision, which talks lacks; the run of 'A+V'"
    assert AV.evaluation is A.evaluation is again.evaluation
    assert [folder.name for folder in (tmp_path / "runs").iterdir()] == ["02-a-v"]
    assert "published on mosi, measured on talks" in found.remarks()
    assert f"V: {V.note}" in found.remarks()


def test_a_modality_that_is_there_and_not_read_is_not_said_to_be_lacking(data, tmp_path):
    """Without its global path the released DPDF-LQ reads the text alone, whatever the dataset has."""
    row = Row(name="w/o GPath", settings={"config": {"global_path": False}}, values=())
    base = {"model": "dpdf_lq", "dataset": "small", "config": {**small("dpdf_lq"), "preset": "code"}}
    base |= {"optim": {"epochs": 1}}
    (step,) = plan_steps((row,), base, data.tuning(), tmp_path)
    assert step.folder is not None
    assert step.note == ""
    train_step(step, data.tuning(), "cpu", "no", quiet=True)
    assert evaluate(step.folder, device="cpu").metrics["mae"].mean > 0


def test_the_base_is_the_papers_or_ours_or_a_named_one(monkeypatch, tmp_path, paper):
    from sentiprism.reproduction.ablation import base_settings

    run = {"model": "mdf", "dataset": "mosi"}
    assert base_settings(None, run, "mdf", "mosi") == run
    ours = load_experiment("mdf/sentiprism2026_mosi").run
    assert base_settings("ours", run, "mdf", "mosi") == base_settings("ours", run, "mdf", "CMU-MOSI") == ours
    assert base_settings("mdf/jian2026_mosei", run, "mdf", "mosi") == load_experiment("mdf/jian2026_mosei").run
    with pytest.raises(
        UserError, match="this project has no settings for mdf on talks; name an experiment with `base`"
    ):
        base_settings("ours", run, "mdf", "talks")


def test_a_table_needs_a_dataset():
    with pytest.raises(UserError, match="give `dataset` or `experiment`"):
        ablate("mdf", "2")


def test_a_column_the_dataset_is_not_judged_by_has_no_measurement(measure, tmp_path):
    """Published accuracies of other bins stay; nothing of the kind was measured."""
    found = measure(rows=ROWS[3:])
    table = found.table.model_copy(update={"columns": ("mae", "acc_9")})
    one = found._replace(source=found.source.model_copy(update={"published": {"table_2": table}}))
    assert list(one.columns()) == ["MAE ↓ published", "MAE ↓ measured", "acc_9 published"]
