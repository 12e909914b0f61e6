"""Every verb does what its help says."""

import json
import subprocess
import sys

import numpy as np
import pytest

from makers_cli import assignments, ended
from sentiprism.cli.tables import bar, side_by_side, size

VERBS = (
    "models",
    "train",
    "evaluate",
    "compare",
    "robustness",
    "calibrate",
    "reproduce",
    "ablate",
    "results",
    "explain",
    "tune",
    "bench",
    "doctor",
    "demo",
    "dataset add",
    "dataset list",
    "dataset show",
    "dataset remove",
    "figure weights",
    "figure gates",
    "figure confusion",
    "figure tsne",
    "figure attention",
    "figure robustness",
    "figure reliability",
    "figure runs",
)
HEAVY = ("torch", "pyarrow", "transformers", "numpy", "scipy", "accelerate", "matplotlib", "captum", "optuna")


def write_table(folder, *, rows=None, width=3):
    """A CSV of three splits and audio for all but its last row; returns both paths."""
    rows = rows or [(f"v{n}$_$0", f"text {n}", n % 3 - 1, ("train", "valid", "test")[n % 3]) for n in range(9)]
    lines = ["id,text,label,split", *(",".join(map(str, row)) for row in rows)]
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    names = np.array([row[0] for row in rows[:-1]])
    np.savez(folder / "audio.npz", id=names, audio=np.ones((len(names), width), np.float32))
    return folder / "labels.csv", folder / "audio.npz"


def test_help_imports_nothing_heavy():
    helps = [["--help"], *([*verb.split(), "--help"] for verb in VERBS)]
    code = (
        "import sys\nfrom sentiprism.cli import main\n"
        f"for words in {helps!r}:\n    sys.argv = ['sentiprism', *words]\n    assert main() == 0, words\n"
        f"print('loaded', sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_examples_that_fit_the_terminal(cli, verb):
    answer = cli(*verb.split(), "--help")
    lines = [line.strip() for line in answer.out.splitlines()]
    start, end = lines.index("Examples:"), next(n for n, line in enumerate(lines) if line.startswith("╭"))
    examples = [line for line in lines[start + 1 : end] if line]
    assert answer.status == 0
    assert examples
    assert all(example.startswith(f"sentiprism {verb}") for example in examples)  # and none goes on in a second line


def test_version(cli):
    from sentiprism import __version__

    assert cli("--version") == (0, f"sentiprism {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["modles"], "Did you mean 'models'?"),
        (["dataset", "ad"], "Did you mean 'add'?"),
        (["train", "mdf", "--datset", "mosi"], "--dataset"),
        (["train", "mdf", "--seeds", "none"], "'--seeds'"),
        (["evaluate"], "RUN"),
    ],
)
def test_wrong_usage_is_one_line_with_the_near_match(refused, words, expected):
    line = refused(*words)
    assert expected in line
    assert "--help" in line


def test_a_table_is_added_listed_shown_and_removed(cli, tmp_path, home):
    labels, audio = write_table(tmp_path)
    added = cli("dataset", "add", "mine", "--labels", labels, "--audio", audio, "--low", -1, "--high", 1)
    assert (added.status, added.err) == (0, "")
    shown = cli("dataset", "show", "mine", "--verify")
    assert shown.out == added.out
    card = json.loads(cli("dataset", "show", "mine", "--json").out)
    for part in (card["content"], "audio, 3 features", "labels labels.csv, audio audio.npz", *card["warnings"]):
        assert part in shown.out
    assert "audio: missing in 1 of 3 test utterances" in card["warnings"]
    assert {name: split["utterances"] for name, split in card["splits"].items()} == {"train": 3, "valid": 3, "test": 3}
    assert {name: split["missing"]["audio"] for name, split in card["splits"].items()} == {
        "train": 0,
        "valid": 0,
        "test": 1,
    }
    listed = json.loads(cli("dataset", "list", "--json").out)
    assert listed == [card | {"folder": str(home / "datasets" / "mine")}]
    assert "mine" in cli("dataset", "list").out
    assert cli("dataset", "remove", "mine") == (0, "removed mine\n", "")
    assert not (home / "datasets" / "mine").exists()
    assert json.loads(cli("dataset", "list", "--json").out) == []
    assert "dataset add --help" in cli("dataset", "list").out


def test_a_dataset_is_replaced_only_when_asked(cli, refused, tmp_path):
    labels, audio = write_table(tmp_path)
    add = ("dataset", "add", "mine", "--labels", labels, "--low", -1, "--high", 1)
    assert cli(*add).status == 0
    assert "--replace" in refused(*add)
    replaced = cli(*add, "--audio", audio, "--replace", "--json")
    assert json.loads(replaced.out)["widths"] == {"audio": 3}


def test_a_classification_table_with_columns_of_its_own_is_added(cli, refused, tmp_path):
    for split, mood in (("train", "good"), ("dev", "bad"), ("test", "good")):
        (tmp_path / f"{split}.csv").write_text(f"Dialogue,Turn,Words,Mood\n0,0,so,{mood}\n", encoding="utf-8")
    files = [word for split in ("train", "dev", "test") for word in ("--labels", f"{split}={split}.csv")]
    pairs = ("id={split}-{Dialogue}_{Turn}", "video_id={split}-{Dialogue}", "text=Words", "label=Mood")
    columns = [word for pair in pairs for word in ("--column", pair)]
    add = ("dataset", "add", "moods", *files, *columns)
    card = json.loads(cli(*add, "--classes", "bad, good", "--json").out)
    assert card["target"]["classes"] == ["bad", "good"]
    assert card["splits"]["train"]["label_histogram"] == {"bad": 0, "good": 1}
    assert card["source"] == "labels train train.csv, labels valid dev.csv, labels test test.csv"
    assert "did you mean 'train'" in refused("dataset", "add", "x", "--labels", "trian=a.csv", "--labels", "test=b.csv")
    assert "write SPLIT=FILE" in refused("dataset", "add", "x", "--labels", "a.csv", "--labels", "b.csv")
    assert "valid is given twice" in refused("dataset", "add", "x", "--labels", "dev=a.csv", "--labels", "val=b.csv")
    assert "write NAME=THEIRS" in refused("dataset", "add", "x", "--labels", "a.csv", "--column", "label")
    assert "--classes" in refused(*add)


def test_padded_arrays_are_added_by_fold(cli, refused, tmp_path):
    names = np.array([f"v{n // 2}_{n}" for n in range(8)])
    np.savez(tmp_path / "a.npz", id=names, audio=np.ones((8, 4, 3), np.float32), label=np.zeros(8))
    add = ("dataset", "add", "mine", "--arrays", "a.npz", "--low", -1, "--high", 1)
    assert "a.npz states no splits" in refused(*add)
    assert "make 3 to 4 folds" in refused(*add, "--folds", "1/5")
    card = json.loads(cli(*add, "--folds", "2/4", "--json").out)
    assert card["source"] == "arrays a.npz, folds 2/4"
    assert {name: split["videos"] for name, split in card["splits"].items()} == {"train": 2, "valid": 1, "test": 1}
    assert "--arrays does not go with --audio" in refused(*add, "--audio", "a.npz")


def test_an_mmsa_pickle_is_added(cli, tmp_path):
    from makers import make_mmsa

    make_mmsa(tmp_path / "unaligned_50.pkl")
    card = json.loads(cli("dataset", "add", "mosi", "--mmsa", tmp_path / "unaligned_50.pkl", "--json").out)
    assert card["vocabulary"] == "bert-base-uncased"
    assert card["widths"] == {"text": 768, "audio": 5, "vision": 20}
    assert any("SHA-256 of no file of CMU-MOSI" in warning for warning in card["warnings"])


def test_the_histogram_is_true_to_scale():
    assert bar(10, 10, 12) == "█" * 12
    assert bar(5, 10, 12) == "█" * 6
    assert bar(1, 1000, 12) == "▌"
    assert bar(0, 10, 12) == ""
    assert (size(999), size(91_567_205), size(1.5e9)) == ("999 B", "92 MB", "1.5 GB")


def test_models(cli):
    models = {row["name"]: row for row in json.loads(cli("models", "--json").out)}
    assert models["mdf"]["year"] == 2026
    assert models["mdf"]["parameters"] > 100_000
    assert {"mosi", "mosei"} <= set(models["mdf"]["experiments"])
    assert "mdf" in cli("models").out


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
    assert f"p = {compared['differences'][0]['mae']['p']:.3f}" in shown
    assert "one/run (2 seeds)" in shown  # two runs of one name are told apart
    assert "two/run (1 seed)" in shown
    assert max(map(len, shown.splitlines())) <= 80


def write_experiment(folder):
    """A paper's table on the dataset tiny."""
    import yaml

    from makers_cli import SMALL

    rows = [
        {"name": "Another's", "values": [0.9]},
        {"name": "text alone", "settings": {"config": {"modalities": ["text"]}}, "values": [0.8], "doubtful": ["mae"]},
        {"name": "MDF", "settings": {}, "values": [0.7]},
    ]
    table = {"caption": "What helps", "alias": "modalities", "columns": ["mae"], "rows": rows}
    run = {"model": "mdf", "dataset": "tiny", **SMALL}
    file = {"title": "MDF on tiny", "source": "a paper", "selection": "not stated", "run": run}
    (folder / "paper.yaml").write_text(yaml.safe_dump({**file, "published": {"table_3": table}}), encoding="utf-8")
    return folder / "paper.yaml"


def test_reproduce_shows_the_papers_settings_and_every_table(cli):
    answer = cli("reproduce", "mdf", "--dataset", "mosi")
    assert (answer.status, answer.err) == (0, "")
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
    for part in ("What helps", "MAE ↓ published", "MAE ↓ measured", "0.8?", "Another's", "contradicts itself"):
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
    assert (
        f"| 03-mdf | mdf | 1 | text (features), audio, vision | {rows[2]['measured']['metrics']['mae']['mean']:.3f}"
        in page
    )
    assert page == cli("results", "runs", "--reference", "mdf").out[:-1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["reproduce", "mdf"], "give --dataset or --experiment"),
        (["reproduce", "mdf", "--dataset", "mosi", "--table", "9"], "has no table '9'"),
        (["reproduce", "mdf", "--dataset", "mosi", "--train"], "give --table and no --run"),
        (["reproduce", "mdf", "--dataset", "mosi", "--run", "x"], "give --table"),
        (["ablate", "mdf", "--table", "2", "--dataset", "mosi", "--ours", "--base", "x"], "give one of them"),
        (["ablate", "mdf", "--table", "2", "--dataset", "mosi"], "no dataset is called 'mosi'"),
        (["results", "nowhere"], "no finished run in nowhere"),
        (["results", "nowhere", "--reference", "mdff"], "did you mean 'mdf'"),
        (["bench", "mdff"], "did you mean 'mdf'"),
        (["bench", "--only", "pdded"], "choose one of: padded, real"),
    ],
)
def test_what_cannot_be_shown_or_measured_is_one_line(refused, words, expected):
    assert expected in refused(*words)


def test_bench_shows_what_failed_beside_what_was_measured(cli, monkeypatch):
    from sentiprism.evaluation import benchmark

    def measure(*command, environment):
        task = json.loads(command[-1])
        if task["model"] == "mdf":
            from sentiprism.errors import UserError

            raise UserError("it was ended by SIGKILL", "see that there is enough memory")
        return {"parameters": 769, "multiply_adds": 2.5e9, "step": 0.5, "one": 1.25, "many": 0.75, "peak": 1234.0}

    monkeypatch.setattr(benchmark, "measure", measure)
    answer = cli("bench", "text_only", "mdf", "--encoder", "none", "--only", "real")
    assert answer.status == 0
    row = next(line for line in answer.out.splitlines() if line.startswith("text_only"))
    assert row.split() == ["text_only", "0.00", "M", "2.500", "0.500", "1.00", "1.2", "0.8", "1,234"]
    assert "mdf, real: it was ended by SIGKILL" in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80
    costs = json.loads(cli("bench", "text_only", "--encoder", "none", "--json").out)["costs"]
    assert [(one["form"], one["ratio"]) for one in costs] == [("padded", 1.0), ("real", 1.0)]


@pytest.mark.parametrize(("columns", "tables"), [(40, 4), (80, 2), (160, 1)])
def test_runs_side_by_side_are_legible_at_any_width(columns, tables, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    runs = {f"run-{n}": [(f"1.{n}23 ± 0.456", "[-1.234, 5.678]")] * 2 for n in range(4)}
    side_by_side("Title", ["Acc-2 (has0) ↑", "MAE ↓"], runs, "Caption")
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= columns
    assert out.count("Title") == tables
    assert out.count("Caption") == 1
    for n in range(4):
        assert f"run-{n}" in out
        assert out.count(f"1.{n}23 ± 0.456") == 2  # no number is broken in two
    assert out.count("[-1.234, 5.678]") == 8


def test_figures_are_written_where_asked_or_beside_the_run(cli, finished, tmp_path):
    for kind, options in (
        ("weights", ()),
        ("gates", ()),
        ("confusion", ("--seed", 1111)),
        ("runs", ("--metric", "mae")),
    ):
        answer = cli("figure", kind, finished, *options, "--device", "cpu")
        path = finished / "figures" / f"{kind}-test.pdf"
        assert answer == (0, f"{path}\n", "")
        assert path.read_bytes().startswith(b"%PDF")
    words = ("--split", "train", "--by", "feature", "--feature", "text*", "--points", 40, "--out", "t.svg")
    assert cli("figure", "tsne", finished, *words, "--device", "cpu").out == "t.svg\n"
    text = (tmp_path / "t.svg").read_text(encoding="utf-8")
    assert all(f"<!-- {name} -->" in text for name in ("text", "textual", "t-SNE of features: mdf on tiny, train"))
    assert "<!-- sound -->" not in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("weights", "nowhere"), "nowhere is no run"),
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


def test_doctor_says_what_is_missing_without_a_network(cli, home, monkeypatch):
    from huggingface_hub import constants

    from sentiprism.features.sources import hub_reachable

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub_reachable.cache_clear()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    for variable in ("SENTIPRISM_ASSET_MINILM", "SENTIPRISM_ASSETS"):
        monkeypatch.delenv(variable, raising=False)
    answer = cli("doctor", "--json")
    hub_reachable.cache_clear()
    found = json.loads(answer.out)
    assert answer.status == 0
    assert found["data"]["home"] == str(home)
    assert found["data"]["free_bytes"] > 0
    assert found["torch"]["devices"][0] == "cpu"
    assert {package["name"]: package["extra"] for package in found["packages"]}["h5py"] == "csd"
    assert [source["answers"] for source in found["sources"]] == [False, False]
    assert {asset["name"]: asset["state"] for asset in found["assets"]}["minilm"] == "absent"
    (line,) = (line for line in found["missing"] if line.startswith("asset minilm is absent"))
    assert "connect to the internet" in line
    assert "sentiprism doctor --fetch minilm" in line
    assert not home.exists()  # looking changes nothing


def test_doctor_shows_it_for_people(cli, finished):
    answer = cli("doctor")
    assert (answer.status, answer.err) == (0, "")
    for part in ("Python", "torch", "minilm", "tiny", str(finished.parent / "home")):
        assert part in answer.out


def test_doctor_fetches_and_checks_an_asset(cli, minilm):
    answer = cli("doctor", "--fetch", "minilm")
    assert answer.status == 0
    assert str(minilm) in answer.out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_another_encoding_than_utf8_does_no_harm(process, finished, encoding):
    plain = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    code = ended(process("dataset", "show", "tiny", **plain))
    assert (code.status, code.err) == (0, "")
    assert "##" in code.out
    assert "error: no dataset is called" in ended(process("dataset", "show", "ти", **plain)).error


def test_a_run_is_damaged_calibrated_and_compared(cli, refused, finished, tmp_path):
    shown = cli("robustness", "run", "--kind", "missing", "--points", 3, "--device", "cpu")
    assert (shown.status, shown.err) == (0, "")
    told = json.loads((finished / "robustness-test.json").read_text())
    (text, *_) = told["curves"]
    assert f"{text['points'][1]['mae']['mean']:.3f}" in shown.out
    assert f"{text['area']['mae']['mean']:.3f}" in shown.out
    again = json.loads(cli("robustness", "run", "--kind", "missing", "--points", 3, "--device", "cpu", "--json").out)
    assert again == told
    assert "did you mean 'mae'" in refused("robustness", "run", "--metric", "mea")

    found = json.loads(cli("calibrate", "run", "--device", "cpu", "--json").out)
    assert found["calibrations"][0]["level"] == 0.9
    shown = cli("calibrate", "run", "--show", 2, "--device", "cpu").out
    assert f"{100 * found['groups']['extremes']['coverage']['mean']:.2f}" in shown
    assert "90% interval" in shown
    assert "calibrated intervals" in cli("evaluate", "run", "--device", "cpu").out
    assert "level is 2" in refused("calibrate", "run", "--level", 2)

    assert cli("compare", "run", "--format", "csv").out.startswith("run,model,dataset,split,seeds,metric,mean")
    assert "give one of them" in refused("compare", "run", "--format", "csv", "--json")
    assert "oracle=true" in refused("compare", "run", "--oracle")
    for figure in ("robustness", "reliability"):
        assert cli("figure", figure, "run", "--device", "cpu").status == 0
        assert (finished / "figures" / f"{figure}-test.pdf").read_bytes().startswith(b"%PDF")
