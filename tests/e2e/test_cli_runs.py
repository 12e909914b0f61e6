"""Runs are trained, measured, compared, reproduced and drawn as a user asks."""

import json

import pytest

from makers_cli import assignments, ended, write_experiment


def test_train_evaluate_and_compare(cli, home, tmp_path):
    from makers_cli import SIZES
    from sentiprism.data.synthetic import synthetic_dataset

    synthetic_dataset("tiny", sizes=SIZES)
    common = ("train", "mdf", "--dataset", "tiny", "--device", "cpu", *assignments())
    trained = cli(*common, "--seeds", 2, "--out", "one/run", "--json")
    valid, test = json.loads(trained.out)
    assert (valid["split"], test["split"]) == ("valid", "test")
    assert valid["seeds"] == [1111, 1112]
    assert trained.err.startswith("run: one/run\n")  # so that whoever stops it knows what to resume
    assert json.loads(cli("evaluate", "one/run", "--json").out) == [test]
    other = cli(*common, "--out", "two/run", "--set", "config.loss_weights.w=0")
    assert "MAE ↓" in other.out
    assert "test is not looked at" in other.out
    assert "run: two/run" in other.out

    compared = json.loads(cli("compare", "one/run", "two/run", "--json").out)
    assert compared["runs"][0] == test
    gap = compared["runs"][1]["metrics"]["mae"]["mean"] - test["metrics"]["mae"]["mean"]
    assert compared["differences"][0]["mae"]["mean"] == pytest.approx(gap)
    shown = cli("compare", "one/run", "two/run").out
    assert f"{test['metrics']['mae']['mean']:.3f}" in shown
    assert compared["differences"][0]["mae"]["p"] is None
    assert "p = –" in shown  # four videos are too few to tell
    assert "one/run (2 seeds)" in shown  # two runs of one name are told apart
    assert "two/run (1 seed)" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_run_is_evaluated_on_another_dataset_and_says_how(cli, refused, home):
    from makers_cli import SIZES
    from sentiprism.data.synthetic import synthetic_dataset

    synthetic_dataset("tiny", sizes=SIZES)
    synthetic_dataset("other", sizes=SIZES, seed=1)
    assert cli("train", "mdf", "--dataset", "tiny", "--device", "cpu", *assignments(), "--out", "run").status == 0
    shown = cli("evaluate", "run", "--dataset", "other", "--device", "cpu").out
    assert "mdf on other, test" in shown
    assert "trained and selected on tiny; nothing was fitted to other" in " ".join(shown.split())
    assert "both scales are [-3, 3]: predictions are not mapped" in " ".join(shown.split())
    (found,) = json.loads(cli("evaluate", "run", "--dataset", "other", "--json").out)
    assert (found["dataset"], found["split"]) == ("other", "test")
    assert found["notes"][-1] == "no video of test has the name of one in train and valid of tiny"
    assert "no dataset is called 'othr'; did you mean 'other'" in refused("evaluate", "run", "--dataset", "othr")


def test_a_run_starts_from_another_one_and_says_what_it_took(cli, refused, home):
    from makers_cli import SIZES
    from sentiprism.data.synthetic import synthetic_dataset

    synthetic_dataset("tiny", sizes=SIZES)
    common = ("train", "mdf", "--dataset", "tiny", "--device", "cpu", *assignments())
    cli(*common, "--out", "one", "--json")
    second = cli(*common, "--out", "two", "--init", "one", "--json")
    assert second.err.splitlines()[1].startswith("started from one: ")
    assert "tensors were loaded" in second.err
    assert "newly initialised" not in second.err  # the same model has no other tensors
    assert "--resume continues a run with its own settings" in refused("train", "--resume", "two", "--init", "one")
    assert "does not contain a saved model" in refused(*common, "--out", "three", "--init", "nowhere")


def test_training_on_the_synthetic_dataset_needs_no_import(process):
    words = ("train", "ridge", "--dataset", "synthetic", "--device", "cpu", "--out")
    first, again = ended(process(*words, "first")), ended(process(*words, "again"))
    assert (first.status, again.status) == (0, 0), (first, again)
    assert first.err.startswith("note: making the synthetic dataset in")
    assert "note: " not in again.err


def test_reproduce_shows_the_papers_settings_and_every_table(cli):
    answer = cli("reproduce", "mdf", "--dataset", "mosi")
    assert answer.status == 0
    assert answer.err.startswith("next: ")
    for part in ("encoder: bert-base-uncased", "epochs: 50", "table_1", "table_2", "table_3", "HyDiscGAN", "86.89"):
        assert part in answer.out
    said = json.loads(cli("reproduce", "mdf", "--dataset", "mosei", "--table", 1, "--seeds", 2, "--json").out)
    assert said["run"]["seeds"] == [1111, 1112]
    (table,) = said["tables"]
    assert table["rows"][-1]["published"]["acc_7"] == 54.8
    assert "| MDF | 0.525 |" in cli("reproduce", "mdf", "--dataset", "mosei", "--table", 1, "--markdown").out


def test_ablate_trains_a_table_once_and_the_page_of_results_is_made_of_its_runs(cli, refused, tmp_path):
    from makers_cli import SIZES
    from sentiprism.data.synthetic import synthetic_dataset

    synthetic_dataset("tiny", sizes=SIZES)
    paper = write_experiment(tmp_path)
    words = ("mdf", "--experiment", paper, "--table", "modalities", "--device", "cpu")
    first = cli("ablate", *words, "--out", "runs")
    assert first.status == 0
    for part in (
        "What helps",
        "constant predictor",
        "MAE ↓ published",
        "MAE ↓ measured",
        "0.8?",
        "Another's",
        "the paper contradicts this value",
    ):
        assert part in first.out
    assert max(map(len, first.out.split("Remarks")[0].splitlines())) <= 80
    again = cli("ablate", *words, "--out", "runs", "--json")
    assert again.err == ""  # nothing was trained
    rows = json.loads(again.out)["rows"]
    assert [row["measured"] is not None for row in rows] == [False, True, True]
    assert "with optim.epochs=2, not 3" in refused("ablate", *words, "--out", "runs", "--set", "optim.epochs=3")
    beside = cli("reproduce", *words, "--run", "runs/03-mdf", "--json")
    assert json.loads(beside.out)["tables"][0]["rows"][2]["measured"] == rows[2]["measured"]
    trained = cli("reproduce", *words, "--train", "--out", "runs", "--json")
    assert json.loads(trained.out)["rows"] == rows

    assert cli("results", "runs", "--out", "docs/results.md", "--reference", "mdf").out == "2 runs in docs/results.md\n"
    page = (tmp_path / "docs/results.md").read_text(encoding="utf-8")
    assert rows[2]["measured"]["constant"]["better"] is None, "four videos are too few to tell"
    mean = rows[2]["measured"]["metrics"]["mae"]["mean"]
    assert f"| 03-mdf | mdf | 1 | text (features), audio, vision | {mean:.3f}" in page
    assert page == cli("results", "runs", "--reference", "mdf").out[:-1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["reproduce", "mdf"], "give --dataset or --experiment"),
        (["reproduce", "mdf", "--dataset", "mosi", "--table", "9"], "has no table '9'"),
        (["reproduce", "mdf", "--dataset", "mosi", "--train"], "give --table and no --run"),
        (["reproduce", "mdf", "--dataset", "mosi", "--run", "x"], "give --table"),
        (["ablate", "mdf", "--table", "2", "--dataset", "mosi", "--ours", "--base", "x"], "give one of them"),
        (["ablate", "mdf", "--table", "2", "--dataset", "mosi"], "CMU-MOSI (mosi) is not imported yet"),
        (["results", "nowhere"], "no finished run in nowhere"),
        (["results", "nowhere", "--reference", "mdff"], "did you mean 'mdf'"),
        (["bench", "mdff"], "did you mean 'mdf'"),
        (["bench", "--only", "pdded"], "did you mean 'padded'"),
    ],
)
def test_what_cannot_be_shown_or_measured_is_one_line(refused, words, expected):
    assert expected in refused(*words)


def test_ablate_over_a_setting_shows_its_runs_side_by_side(cli, refused, finished, tmp_path):
    over = ("ablate", "mdf", "--over", "optim.epochs=1..2")
    assert "give --table or --over" in refused("ablate", "mdf", "--dataset", "tiny")
    assert "give --table or --over" in refused(*over, "--table", 2)
    assert "--rows is only for tables" in refused(*over, "--rows", 1)
    assert "this project has no settings for mdf on tiny" in refused(*over, "--dataset", "tiny", "--ours")
    words = (*over, "--experiment", write_experiment(tmp_path), "--out", "swept", "--device", "cpu")
    shown = cli(*words)
    assert shown.status == 0
    assert "01-optim-epochs-1" in shown.out
    assert "02-optim-epochs-2" in shown.out
    assert shown.err.endswith("next: sentiprism results swept\n")
    told = json.loads(cli(*words, "--json").out)
    assert [one["run"] for one in told["runs"]] == ["01-optim-epochs-1", "02-optim-epochs-2"]


def test_bench_shows_what_failed_beside_what_was_measured(cli, refused, monkeypatch):
    from sentiprism.benchmark import cost as benchmark

    def measure(*command, environment):
        task = json.loads(command[-1])
        if task["case"]["model"] == "mdf":
            from sentiprism.errors import UserError

            raise UserError("it was ended by SIGKILL", "check that there is enough memory")
        numbers = {"parameters": 769, "multiply_adds": 2.5e9, "step": 0.5, "one": 1.25, "many": 0.75, "peak": 1234.0}
        return {**numbers, "yardstick": 0.02 * task["yardstick"]}

    monkeypatch.setattr(benchmark, "measure", measure)
    answer = cli("bench", "text_only", "mdf", "--encoder", "none", "--only", "real")
    assert answer.status == 0
    row = next(line for line in answer.out.splitlines() if line.startswith("text_only"))
    assert row.split() == ["text_only", "0.00", "M", "2.500", "0.500", "1.00", "1.2", "0.8", "1,234"]
    assert "mdf, real: it was ended by SIGKILL" in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80
    costs = json.loads(cli("bench", "text_only", "--encoder", "none", "--json").out)["costs"]
    assert [(one["form"], one["ratio"]) for one in costs] == [("padded", 1.0), ("real", 1.0)]
    rows = [row.split() for row in cli("bench", "text_only", "--history").out.splitlines()]
    step = next(row for row in rows if row[1:3] == ["training", "step"])
    assert step[4] == "25"  # 0.5 s in steps of 0.02 s
    assert "1,234" in next(row for row in rows if "memory," in row)
    told = json.loads(cli("bench", "text_only", "--history", "--json").out)
    assert [one["now"] for one in told["figures"]] == [[25.0] * 3, [0.0625] * 3, [0.0375] * 3, [1234.0] * 3]
    words = ("bench", "--history", "--encoder", "none")
    assert "--history measures with the release's settings, not with --encoder" in refused(*words)


def test_figures_are_written_where_asked_or_beside_the_run(cli, finished, tmp_path):
    for kind, options in (
        ("weights", ()),
        ("gates", ()),
        ("confusion", ("--seed", 1111)),
        ("runs", ("--metric", "mae")),
    ):
        answer = cli("figure", kind, finished, *options, "--device", "cpu")
        path = finished / "figures" / f"{kind}-test.pdf"
        assert answer == (0, f"{path}\n", f"next: open {path}\n")
        assert path.read_bytes().startswith(b"%PDF")
    words = ("--split", "train", "--by", "feature", "--feature", "text*", "--points", 40, "--out", "t.svg")
    assert cli("figure", "tsne", finished, *words, "--device", "cpu").out == "t.svg\n"
    text = (tmp_path / "t.svg").read_text(encoding="utf-8")
    assert all(f"<!-- {name} -->" in text for name in ("text", "textual", "t-SNE of features: mdf on tiny, train"))
    assert "<!-- sound -->" not in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("weights", "nowhere"), "nowhere is not a run folder"),
        (("weights", "run", "--out", "a.gif"), "end it with one of: .pdf, .svg, .png"),
        (("weights", "run", "--seed", 7), "choose one of: 1111, 1112"),
        (("attention", "run"), "choose a run of: "),
        (("tsne", "run", "--by", "clas"), "did you mean 'class'?"),
        (("runs", "run", "--over", "optim.lrr"), "did you mean 'lr'?"),
    ],
)
def test_a_figure_that_cannot_be_drawn_is_refused(cli, refused, finished, words, expected):
    assert cli("evaluate", "run", "--device", "cpu").status == 0  # keeps predictions, which a figure may write too
    assert expected in refused("figure", *words)


def test_a_run_is_damaged_calibrated_and_compared(cli, refused, finished, tmp_path):
    shown = cli("robustness", "run", "--kind", "missing", "--points", 3, "--device", "cpu")
    assert (shown.status, shown.err) == (0, "next: sentiprism figure robustness run\n")
    told = json.loads((finished / "robustness-test.json").read_text())
    (text, *_) = told["curves"]
    assert f"{text['points'][1]['mae']['mean']:.3f}" in shown.out
    assert f"{text['area']['mae']['mean']:.3f}" in shown.out
    again = json.loads(cli("robustness", "run", "--kind", "missing", "--points", 3, "--device", "cpu", "--json").out)
    assert again == told
    weights = cli("robustness", "run", "--kind", "missing", "--points", 3, "--device", "cpu", "--metric", "weight").out
    assert "weight of the corrupted modality" in weights
    assert weights.count("0.000") == 3, "of what is missing in all utterances"
    assert "did you mean 'mae'" in refused("robustness", "run", "--metric", "mea")

    found = json.loads(cli("calibrate", "run", "--device", "cpu", "--json").out)
    assert found["calibrations"][0]["level"] == 0.9
    shown = cli("calibrate", "run", "--show", 2, "--device", "cpu").out
    assert "this calibration already exists: nothing was written" in shown
    assert "already calibrated, at a level of 0.9" in refused("calibrate", "run", "--level", 0.8, "--device", "cpu")
    replaced = cli("calibrate", "run", "--level", 0.8, "--replace", "--device", "cpu", "--json")
    assert json.loads(replaced.out)["calibrations"][0]["level"] == 0.8
    assert cli("calibrate", "run", "--replace", "--device", "cpu").status == 0
    assert f"{100 * found['groups']['extremes']['coverage']['mean']:.2f}" in shown
    assert "90% interval" in shown
    assert "95% bootstrap interval over 4 videos" in shown
    assert "calibrated intervals" in cli("evaluate", "run", "--device", "cpu").out
    assert "level is 2" in refused("calibrate", "run", "--level", 2)

    assert cli("compare", "run", "--format", "csv").out.startswith("run,model,dataset,split,seeds,metric,mean")
    assert "give one of them" in refused("compare", "run", "--format", "csv", "--json")
    assert "oracle=true" in refused("compare", "run", "--oracle")
    for figure in ("robustness", "reliability"):
        assert cli("figure", figure, "run", "--device", "cpu").status == 0
        assert (finished / "figures" / f"{figure}-test.pdf").read_bytes().startswith(b"%PDF")


def of_other_people(data):
    """Its utterances, with ids and videos of their own."""
    from sentiprism.data.dataset import SPLITS, Utterance

    for split in map(data.split, SPLITS):
        for n, (name, video) in enumerate(zip(split.ids, split.video_ids, strict=True)):
            sequences = {key: column[n] for key, column in split.sequences.items()}
            labels = {"M": float(split.labels["M"][n])}
            yield split.name, Utterance(f"other-{name}", f"other-{video}", None, labels, sequences)


def test_two_datasets_are_trained_on_together_and_each_can_be_measured(cli, home):
    from makers_cli import SIZES
    from sentiprism.data.dataset import DatasetInfo
    from sentiprism.data.store import write_dataset
    from sentiprism.data.synthetic import synthetic_dataset

    card = synthetic_dataset("tiny", sizes=SIZES).card
    rows = of_other_people(synthetic_dataset("made", sizes=SIZES, seed=1))
    write_dataset(
        "other", rows, DatasetInfo(title="Other", source="a test", target=card.target, protocol=card.protocol)
    )
    words = ("train", "mdf", "--dataset", "tiny,other", "--device", "cpu", "--set", "data.temperature=2")
    said = cli(*words, *assignments(), "--out", "both", "--json")
    assert said.status == 0, said.err
    assert "tiny: " in said.err
    assert "other: " in said.err
    assert {one["dataset"] for one in json.loads(said.out)} == {"tiny+other"}
    (measured,) = json.loads(cli("evaluate", "both", "--dataset", "other", "--split", "valid", "--json").out)
    assert (measured["dataset"], measured["split"]) == ("other", "valid")
    assert "is for several datasets" in cli(*words[:3], "tiny", *words[4:], "--out", "one").error
