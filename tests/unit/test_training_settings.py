"""What a run is asked for: settings are filled in, and what cannot be is refused in time."""

import json

import pytest

from makers_models import small
from sentiprism.errors import UserError
from sentiprism.training.run import Run
from sentiprism.training.train import resolve, train

# refusals


@pytest.mark.parametrize(("lr", "remedy"), [(1e30, r"lower optim\.lr"), (1e18, "lower")])
def test_a_loss_that_is_not_finite_is_one_line(data, tmp_path, lr, remedy):
    settings = {"config": small("mdf"), "optim": {"batch_size": 8, "lr": lr}}
    with pytest.raises(UserError, match=f"not finite.*; .*{remedy}") as error:
        train("mdf", data, settings=settings, out=tmp_path / "run", device="cpu", quiet=True)
    assert "\n" not in str(error.value)
    assert Run(tmp_path / "run").finished == ()


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("optim.select=mea", "no metric 'mea'; did you mean 'mae'"),
        ("optim.group_lr.defalt=1e-3", "no parameter group 'defalt'; did you mean 'default'"),
        ("config.widht=16", "unknown key 'widht'; did you mean 'width'"),
        ("config.modalities=[]", "choose other modalities"),
        ("data.text.source=raw", "has no transcripts"),
        ("model=mdff", "did you mean 'mdf'"),
        ("optim.epochs=0", r"optim\.epochs"),
        ("seeds=0", "at least one seed"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_written(data, tmp_path, assignment, reason):
    with pytest.raises(UserError, match=reason):
        train("mdf", data, assignments=[assignment], out=tmp_path / "runs" / "run", device="cpu", quiet=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_there_is_not_touched(data, tmp_path, kind):
    out = tmp_path / "run"
    if kind == "folder":
        out.mkdir()
        (out / "thesis.tex").write_text("years of work")
    else:
        out.write_text("years of work")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(UserError, match="exists already"):
        train("mdf", data, out=out, device="cpu", quiet=True)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_an_empty_folder_may_become_a_run(data, tmp_path):
    settings = {"config": small("mdf"), "optim": {"epochs": 1}}
    assert train("mdf", data, settings=settings, out=tmp_path, device="cpu", quiet=True).finished == (1111,)


@pytest.mark.parametrize("given", [{}, {"model": "mdf"}, {"dataset": "small"}])
def test_a_run_needs_a_model_and_a_dataset(given):
    with pytest.raises(UserError, match="a run needs a model and a dataset"):
        train(**given)


def test_an_unknown_dataset_is_named(data):
    with pytest.raises(UserError, match="no dataset is called 'smal'; did you mean 'small'"):
        train("mdf", "smal")


def test_a_precision_that_would_not_be_kept_is_refused(data, tmp_path):
    with pytest.raises(UserError, match="fp16 needs a GPU"):
        train("mdf", data, out=tmp_path / "run", device="cpu", precision="fp16", quiet=True)
    assert not list(tmp_path.iterdir())


# settings


def test_resolving_fills_in_the_models_own_configuration():
    config = resolve({"model": "mdf", "dataset": "mosi", "config": {"width": 16}}, ["config.loss_weights.o=0"])
    assert config.config["width"] == 16
    assert config.config["loss_weights"] == {"task": 1.0, "a": 1.0, "o": 0.0, "w": 1.0, "uni": 0.0}
    assert config.config["epsilon"] == 0.1
    assert json.loads(json.dumps(config.model_dump(mode="json"))) == config.model_dump(mode="json")


def test_what_is_said_last_counts(data, tmp_path):
    run = train(
        "mdf",
        data,
        seeds=(5,),
        experiment="mdf/jian2026_mosi",
        settings={"config": small("mdf"), "optim": {"epochs": 2, "batch_size": 24, "lr": 1e-4}},
        assignments=["optim.epochs=1", "data.text.encoder=null", "data.text.mode=frozen"],
        out=tmp_path / "run",
        device="cpu",
        quiet=True,
    )
    assert (run.config.dataset, run.config.seeds) == ("small", (5,))
    assert (run.config.optim.epochs, run.config.optim.batch_size, run.config.optim.lr) == (1, 24, 1e-4)
    assert Run(run.folder).config == run.config


def test_progress_says_where_the_run_is_and_what_each_epoch_gave(data, tmp_path, capsys):
    settings = {"config": small("mdf"), "optim": {"epochs": 2}}
    train("mdf", data, settings=settings, out=tmp_path / "run", device="cpu")
    said = capsys.readouterr()
    assert said.out == ""
    assert f"run: {tmp_path / 'run'}" in said.err
    assert "best epoch" in said.err
    assert said.err.count("train loss") == 2
