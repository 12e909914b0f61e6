"""A package of a model, an extractor, a metric and an importer is found by every command."""

import json
import shutil
import wave

import numpy as np
import pytest

from makers_plugins import SOURCES, install_example, plugin_file, run_with, small_dataset


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    place = tmp_path_factory.mktemp("home")
    small_dataset(place)
    return place


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return install_example(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def trained(home, packages):
    """A run of the installed model, selected by the installed metric, and what its command printed."""
    words = ("--set", "optim.epochs=1", "--set", "optim.select=median_error", "--out", "run", "--json")
    done = run_with(packages, "train", "mean_pool", "--dataset", "tiny", *words, home=home)
    assert done.returncode == 0, done.stderr
    return home / "run", json.loads(done.stdout)


def test_models_lists_it_with_its_package(home, packages):
    listed = json.loads(run_with(packages, "models", "--json", home=home, whole=True).stdout)
    found = {row["name"]: row["plugin"] for row in listed}
    assert found["mean_pool"] == {"package": "sentiprism-example", "version": "0.1.0"}
    assert found["mdf"] is None


def test_models_shows_what_it_does_differently_from_its_paper(home, packages):
    file = plugin_file(home, MeanPool="ShownPool", mean_pool="shown_pool")
    for given, words in ((packages, ("mean_pool",)), (None, ("shown_pool", "--plugin", file))):
        done = run_with(given, "models", *words, home=home)
        assert "· pooling\n" in done.stdout, done.stderr
        assert "mean over the real steps" in done.stdout


def test_it_trains_and_its_metric_is_measured_and_selects_the_epoch(trained):
    _, printed = trained
    assert {"mae", "median_error"} <= printed[0]["metrics"].keys()
    assert "median_error" in printed[0]["selection"] or "MedAE" in printed[0]["selection"]


def test_bench_measures_it(home, packages):
    words = ("bench", "mean_pool", "--encoder", "none", "--only", "real", "--steps", "1", "--rounds", "1", "--json")
    done = run_with(packages, *words, home=home)
    assert done.returncode == 0, done.stderr
    (cost,) = json.loads(done.stdout)["costs"]
    assert (cost["model"], cost["error"]) == ("mean_pool", "")


def test_it_passes_the_contracts(home, packages):
    done = run_with(packages, "contracts", "mean_pool", "loudness", "median_error", "--json", home=home)
    assert done.returncode == 0, done.stderr
    states = {(row["subject"], row["contract"]): row["state"] for row in json.loads(done.stdout)}
    assert set(states.values()) == {"passed"}
    assert {"padding", "missing", "resume", "onnx", "overfit"} <= {
        name for subject, name in states if subject == "mean_pool"
    }


def test_its_importer_makes_a_dataset(home, packages):
    rows = [f"{split} | v{n}_{split}_0 | {n - 1}.5 | w{n}" for split in ("train", "valid", "test") for n in range(4)]
    (home / "lines.txt").write_text("\n".join(rows), encoding="utf-8")
    words = ("dataset", "add", "mine", "--importer", "lines=lines.txt", "--low", "-3", "--high", "3", "--json")
    done = run_with(packages, *words, home=home)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["splits"]["train"]["utterances"] == 4


def test_its_extractor_makes_a_dataset_to_train_on(home, packages):
    """In two processes, which find the class by its module."""
    pytest.importorskip("av")
    clips = home / "clips"
    clips.mkdir()
    rows = ["file,label,text,split"]
    for number, split in enumerate(("train", "train", "train", "valid", "test")):
        with wave.open(str(clips / f"{number}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16000)
            file.writeframes(np.full(16000, 1000 * number, np.int16).tobytes())
        rows.append(f"{number}.wav,{number - 2},words of {number},{split}")
    (home / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    given = ("--labels", "labels.csv", "--dataset", "loud", "--vision", "none", "--low", "-3", "--high", "3")
    file = SOURCES / "extractor.py"
    for plugin in ((), ("--plugin", file)):
        words = ("extract", "clips", *given, "--audio", "loudness", "--jobs", "2", "--replace", "--json", *plugin)
        done = run_with(None if plugin else packages, *words, home=home, whole=True)
        assert done.returncode == 0, done.stderr
        card = json.loads(done.stdout)
        assert card["recipes"]["audio"]["extractor"] == "loudness"
        assert not card["failed"]
    wrong = run_with(packages, "extract", "clips", *given, "--audio", "loudnes", home=home)
    assert wrong.returncode == 2
    assert "did you mean 'loudness'" in wrong.stderr


def test_help_and_messages_list_its_extractors(home, packages):
    """Of the modality, from a package or a file; where another package is broken, too."""
    shutil.copytree(packages, home / "both")
    broken = home / "both" / "broken-1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (broken / "entry_points.txt").write_text("[sentiprism.extractors]\nno_more = nowhere:NoMore\n")
    plugin = ("--plugin", SOURCES / "extractor.py")
    for where, words in ((None, ("--help", *plugin)), (None, (*plugin, "--help")), (home / "both", ("--help",))):
        said = run_with(where, "extract", *words, home=home)
        assert said.returncode == 0, said.stderr
        assert "|none|hf-audio:NAME|loudness " in said.stdout
        assert "|none|hf-vision:NAME " in said.stdout
    assert "loudness" not in run_with(None, "extract", "--help", home=home).stdout
    given = ("extract", "clips", "--labels", "l.csv", "--dataset", "d", "--audio")
    for where, words in ((None, ("zzz", *plugin)), (home / "both", ("zzz",))):
        assert "choose one of: egemaps, loudness, none, sims33" in run_with(where, *given, *words, home=home).stderr
    assert "package broken 1.0 cannot be imported" in run_with(home / "both", *given, "no_more", home=home).stderr


def test_what_to_do_next_names_the_plugin(home):
    file = plugin_file(home, MeanPool="NextPool", mean_pool="next_pool")
    done = run_with(None, "models", "--plugin", file, home=home)
    assert "next_pool" in done.stdout
    assert "plugin my_model.py" in done.stdout
    assert done.stderr.strip().endswith(f", with --plugin {file}")


def test_a_run_whose_package_is_gone_names_it(home, trained):
    folder, _ = trained
    for words in (("evaluate", folder), ("train", "--resume", folder), ("compare", folder, folder)):
        done = run_with(None, *words, home=home)
        assert done.returncode == 2
        assert "sentiprism-example 0.1.0, which is not installed; install sentiprism-example" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_file_is_found_by_every_command_that_names_it(home):
    file = plugin_file(home, MeanPool="FilePool", mean_pool="file_pool")
    words = ("--dataset", "tiny", "--set", "optim.epochs=1", "--out", "file", "--plugin", file)
    assert run_with(None, "train", "file_pool", *words, home=home, whole=True).returncode == 0
    assert run_with(None, "evaluate", "file", "--plugin", file, home=home).returncode == 0
    done = run_with(None, "evaluate", "file", home=home)
    assert done.returncode == 2
    assert (
        "made with the plugin my_model.py, which is not loaded; name that file with --plugin my_model.py" in done.stderr
    )
    words = ("--encoder", "none", "--only", "real", "--steps", "1", "--rounds", "1", "--json", "--plugin", file)
    done = run_with(None, "bench", "file_pool", *words, home=home)
    assert json.loads(done.stdout)["costs"][0]["error"] == ""


def test_a_run_folder_never_runs_code(home, trained, tmp_path):
    """What a run says of its plugin is a text: the file that it names is not imported, wherever it stands."""
    folder, _ = trained
    trap = home / "trap.py"
    trap.write_text("from pathlib import Path\nPath('sprung').touch()\n", encoding="utf-8")
    environment = json.loads((folder / "environment.json").read_text())
    changed = home / "changed"
    changed.mkdir()
    (changed / "run.yaml").write_bytes((folder / "run.yaml").read_bytes())
    (changed / "environment.json").write_text(json.dumps(environment | {"plugin": {"file": "trap.py", "sha256": ""}}))
    (changed / "trap.py").write_bytes(trap.read_bytes())
    assert run_with(None, "evaluate", changed, home=home).returncode == 2
    assert not (home / "sprung").exists()


def test_an_experiment_names_its_plugins(home):
    folder = home / "experiment"
    folder.mkdir()
    plugin_file(folder, MeanPool="ExperimentPool", mean_pool="experiment_pool")
    lines = [
        "title: mine",
        "source: mine",
        "selection: valid",
        "plugins: [my_model.py]",
        "run: {model: experiment_pool, dataset: tiny, optim: {epochs: 1}}",
    ]
    (folder / "mine.yaml").write_text("\n".join(lines), encoding="utf-8")
    done = run_with(None, "train", "--experiment", folder / "mine.yaml", "--out", "experiment-run", home=home)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["train", "evaluate", "models", "bench", "tune", "explain", "analyze", "extract"])
def test_help_names_the_option(command):
    from typer.testing import CliRunner

    from sentiprism.cli.app import app

    assert "--plugin" in CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).stdout


def test_the_example_has_one_file_for_each_kind():
    assert {path.stem for path in SOURCES.glob("*.py")} == {"__init__", "model", "extractor", "metric", "importer"}
