"""A sweep trains a run for each value of one setting, and nothing twice."""

import os

import pytest

from makers_ablation import paper
from sentiprism.errors import UserError
from sentiprism.report import figures
from sentiprism.reproduction.sweep import parse_values, sweep
from sentiprism.training.run import Run

__all__ = ["paper"]


@pytest.fixture
def swept(data, paper, tmp_path):
    def run(over, **options):
        options = {"experiment": paper(), "out": tmp_path / "runs", "device": "cpu", "quiet": True, **options}
        return sweep("mdf", over, **options)

    return run


@pytest.mark.parametrize(
    ("text", "key", "values"),
    [
        ("config.depth=1..6", "config.depth", ["1", "2", "3", "4", "5", "6"]),
        ("config.shift=-1..1", "config.shift", ["-1", "0", "1"]),
        ("optim.lr = 1e-4, 1e-3", "optim.lr", ["1e-4", "1e-3"]),
        ("config.task=l1,mse", "config.task", ["l1", "mse"]),
    ],
)
def test_values_are_a_range_or_a_list(text, key, values):
    assert parse_values(text) == (key, values)


@pytest.mark.parametrize("text", ["config.depth", "=1..3", "config.depth="])
def test_what_sweeps_nothing_is_refused(text):
    with pytest.raises(UserError, match=r"is not a sweep; write it as KEY=FIRST\.\.LAST"):
        parse_values(text)


@pytest.mark.parametrize("text", ["a=1", "a=3..1", "a=1..1", "a=1,1", "a=1,,2", "a=0..100"])
def test_values_that_are_none_twice_or_too_many_are_refused(text):
    with pytest.raises(UserError, match="is not a list of different values; give 2 to 100"):
        parse_values(text)


def test_each_value_has_its_run_and_all_else_is_the_experiments(swept):
    runs = [Run(folder) for folder in swept("optim.epochs=1..3")]
    assert [run.config.optim.epochs for run in runs] == [1, 2, 3]
    assert {run.config.optim.batch_size for run in runs} == {16}
    assert [run.name for run in runs] == [f"0{n}-optim-epochs-{n}" for n in (1, 2, 3)]
    assert all(run.finished == (1111,) for run in runs)
    figure = figures.runs(*runs, metrics=("mae",), over="optim.epochs", device="cpu")
    assert [1, 2, 3] in [list(line.get_xdata()) for line in figure.axes[0].lines]


def test_what_was_trained_is_not_trained_again_and_more_values_and_seeds_are(swept):
    first = swept("config.task=l1,mse")
    weights = [folder / "seed-1111" / "model" / "weights.safetensors" for folder in first]
    times = [os.stat(path).st_mtime_ns for path in weights]
    again = swept("config.task=l1,mse", seeds=2)
    assert again == first
    assert [os.stat(path).st_mtime_ns for path in weights] == times
    assert [Run(folder).finished for folder in again] == [(1111, 1112)] * 2
    with pytest.raises(UserError, match=r"was trained in .*01-config-task-l1 with optim\.epochs=1, not 2"):
        swept("config.task=l1,mse", seeds=2, assignments=["optim.epochs=2"])


def test_all_is_refused_before_the_first_run(swept, tmp_path):
    with pytest.raises(UserError, match=r"configuration of mdf: unknown key 'depht'"):
        swept("config.depht=1..3")
    with pytest.raises(UserError, match="should be above 0"):
        swept("optim.epochs=0..2")
    with pytest.raises(UserError, match="a sweep needs a dataset"):
        swept("optim.epochs=1..2", experiment=None)
    with pytest.raises(UserError, match=r"this project has no settings for mdf on small"):
        swept("optim.epochs=1..2", experiment=None, base="ours", dataset="small")
    assert not (tmp_path / "runs").exists()
