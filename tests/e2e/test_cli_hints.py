"""Behind what a command prints, one line says what to do next; programs are not told."""

import json
import shlex

import pytest

from makers_analysis import features, saved_model
from makers_cli import assignments, parse
from makers_table import table
from sentiprism.cli.faults import UsageError


def hint(answer) -> list[str]:
    """Words of the last line on stderr, behind ``next:``."""
    assert answer.status == 0, answer
    last = answer.err.splitlines()[-1]
    assert last.startswith("next: "), answer
    assert answer.err.count("next: ") == 1
    assert "next: " not in answer.out
    words = shlex.split(last.removeprefix("next: ").partition(" (")[0])
    if words[0] == "sentiprism":
        parse(words[1:])
    return words


def test_listings_say_what_can_be_done_with_what_they_list(cli, finished):
    assert hint(cli("models"))[:2] == ["sentiprism", "train"]
    assert hint(cli("dataset", "list")) == ["sentiprism", "dataset", "show", "tiny"]
    assert hint(cli("dataset", "show", "tiny")) == ["sentiprism", "train", "mdf", "--dataset", "tiny"]
    assert hint(cli("dataset", "remove", "tiny")) == ["sentiprism", "dataset", "list"]
    assert cli("dataset", "list").err == "next: sentiprism dataset add --help\n"


def test_the_words_of_these_tests_are_really_read():
    with pytest.raises(UsageError, match="No such option"):
        parse(["dataset", "show", "tiny", "--nope"])
    with pytest.raises(UsageError, match="No such command"):
        parse(["dataset", "shwo"])


def test_a_new_dataset_is_trained_on(cli, tmp_path):
    words = ("dataset", "add", "mine", "--labels", table(tmp_path / "l.csv"), "--low", -3, "--high", 3)
    assert hint(cli(*words)) == ["sentiprism", "train", "mdf", "--dataset", "mine"]
    assert json.loads(cli(*words, "--replace", "--json").out)["name"] == "mine"
    assert cli(*words, "--replace", "--json").err == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("evaluate", "run"), "sentiprism explain run"),
        (("compare", "run", "run"), "sentiprism figure runs run run"),
        (("robustness", "run", "--kind", "missing", "--points", "2"), "sentiprism figure robustness run"),
        (("calibrate", "run"), "sentiprism figure reliability run"),
        (("explain", "run", "--split", "valid"), "sentiprism explain run --split valid --id"),
        (("results", "run", "--out", "my page.md"), "open 'my page.md'"),
        (("figure", "weights", "run", "--out", "w.svg"), "open w.svg"),
        (("reproduce", "mdf", "--dataset", "mosi"), "sentiprism ablate mdf --experiment mdf/jian2026_mosi --table"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_each_command_on_a_run_names_the_next_one_with_the_runs_own_path(cli, finished, words, expected):
    found = hint(cli(*words))
    assert found[: len(shlex.split(expected))] == shlex.split(expected)


def test_a_training_and_a_search_end_with_the_real_paths(cli, finished):
    common = ("mdf", "--dataset", "tiny", "--device", "cpu", *assignments())
    assert hint(cli("train", *common, "--out", "a b/run")) == ["sentiprism", "explain", "a b/run"]
    assert "next:" not in cli("train", *common, "--out", "other", "--json").err
    pytest.importorskip("optuna", reason="optuna (extra tune) is not installed")
    found = hint(cli("tune", *common, "--trials", 1, "--out", "study"))
    assert found == ["sentiprism", "train", "--experiment", "study/best.yaml", "--seeds", "5"]


def test_an_exported_encoder_is_named_in_the_next_command_and_options_of_graphs_are_refused(cli, tmp_path):
    model = saved_model(tmp_path / "model", features(tmp_path / "bert"))
    done = cli("export", model, "--format", "encoder", "--out", "encoder")
    assert done.status == 0
    assert "--set data.text.encoder=encoder --set data.text.mode=frozen" in done.err
    done = cli("export", model, "--format", "encoder", "--out", "other", "--quantize", "int8")
    assert done.status == 2
    assert "are for graphs" in done.err
    assert not (tmp_path / "other").exists()
