"""A search sees train and valid alone, goes on where it stopped, and says truly what its settings gave."""

import inspect
import shutil
from dataclasses import fields

import pytest

from makers_models import small
from sentiprism.data.dataset import Dataset, TuningView
from sentiprism.data.store import load_dataset, load_tuning
from sentiprism.errors import UserError
from sentiprism.models import MODELS
from sentiprism.models.search_space import Among, Between, among, between
from sentiprism.training.experiments import load_experiment
from sentiprism.training.loop import Trainer
from sentiprism.training.train import resolve, train
from sentiprism.tuning.journal import Journal, Pruned
from sentiprism.tuning.runner import TrialRunner
from sentiprism.tuning.space import read_space
from sentiprism.tuning.storage import FolderStorage
from sentiprism.tuning.study import Study
from sentiprism.tuning.tune import resume_study, tune

SETTINGS = {"config": small("mdf"), "optim": {"epochs": 2, "batch_size": 24}}


@pytest.fixture
def search(data, tmp_path):
    """Tune MDF on the small dataset."""

    def run(dataset=data, trials=2, name="study", **more):
        given = {"settings": SETTINGS, "device": "cpu", "quiet": True, **more}
        return tune("mdf", dataset, trials=trials, out=tmp_path / name, **given)

    return run


# the test split


class Sealed:
    """A test split that nobody may look at."""

    def __getattribute__(self, name):
        raise AssertionError(f"somebody asked the test split for {name}")


def test_a_study_gets_a_view_that_has_no_test_split():
    assert "test" not in {field.name for field in fields(TuningView)}
    assert inspect.signature(TrialRunner).parameters["view"].annotation is TuningView
    assert inspect.signature(load_tuning).return_annotation is TuningView


def test_a_study_never_touches_the_test_split_it_is_offered(search, data):
    found = search(Dataset(data.card, data.train, data.valid, Sealed()))
    assert [trial.state for trial in found.trials] == ["complete", "complete"]


def test_a_dataset_whose_test_file_is_gone_can_be_tuned(search, data, small_home, tmp_path):
    folder = shutil.copytree(small_home / "datasets" / "small", tmp_path / "small")
    (folder / "test.arrow").unlink()
    with pytest.raises(UserError, match=r"no file .*test\.arrow; import the dataset again"):
        load_dataset(folder)
    view = load_tuning(folder)
    assert type(view) is TuningView
    assert not hasattr(view, "test")
    assert search(folder).ranked[0].score == search(data, name="other").ranked[0].score


def test_trials_run_in_the_given_precision(search):
    single, half = (search(name=precision, trials=1, precision=precision) for precision in ("no", "bf16"))
    assert half.ranked[0].score != single.ranked[0].score
    assert half.ranked[0].score == pytest.approx(single.ranked[0].score, rel=0.05)


# the space


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_space_whose_ends_are_settings(name):
    config = MODELS[name].Config()
    space = config.space()
    for place, distribution in space.items():
        for value in distribution.ends:
            assert distribution.has(value)
            field, _, rest = place.partition(".")
            resolve({"model": name, "dataset": "any", "config": {field: {rest: value} if rest else value}})
    for loss, weight in config.loss_weights.items():
        taken_out = config.SEARCH.get(place := f"loss_weights.{loss}", loss) is None
        assert (place in space) == (loss != "task" and weight > 0 and not taken_out)


def test_a_loss_is_searched_around_its_weight_and_stays_off_where_it_is_off():
    space = MODELS["mdf"].Config(loss_weights={"a": 0.1, "o": 0}).space()
    assert space["loss_weights.a"] == between(0.01, 1.0, log=True)
    assert "loss_weights.o" not in space


def test_a_field_of_the_model_overrides_the_shared_one(monkeypatch):
    config = MODELS["mdf"].Config
    monkeypatch.setattr(config, "SEARCH", {"task": None, "dropout": among(0.1, 0.2), "width": among(64, 128)})
    space = config().space()
    assert "task" not in space
    assert (space["dropout"], space["width"]) == (among(0.1, 0.2), among(64, 128))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("config.width=[32, 64]", Among(values=(32, 64))),
        ("optim.lr={low: 1e-4, high: 1e-2, log: true}", Between(low=1e-4, high=1e-2, log=True)),
        ("optim.epochs={low: 2, high: 5}", Between(low=2, high=5)),
    ],
)
def test_a_range_is_read(text, expected):
    assert read_space([text]) == {text.partition("=")[0]: expected}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("optim.lr=1e-3", "is not a range"),
        ("optim.lr", "is not a range"),
        ("seeds=[1, 2]", "'seeds' cannot be searched"),  # it would choose the luckiest
        ("dataset=[a, b]", "'dataset' cannot be searched"),
        ("optim.lr={low: 0, high: .inf}", "high should be a finite number"),
        ("optim.lr=[.nan, 1]", "should be a finite number"),
        ("optim.lr=[[1], [2]]", "should be a single value"),
        ("optim.lr=[0.1]", "two different values"),
        ("optim.lr={low: 1, high: 0}", "low must be at most high"),
        ("optim.lr={low: 0, high: 1, log: true}", "above 0 on a logarithmic scale"),
        ("optim.lr={high: 1}", "'low' is missing"),
        ("optim.rate=[1, 2]", "unknown key 'optim.rate'"),
        ("config.widht=[16, 32]", "did you mean 'width'"),
    ],
)
def test_a_range_that_cannot_be_is_refused_before_the_first_trial(search, tmp_path, text, reason):
    with pytest.raises(UserError, match=reason):
        search(search=[text])
    assert not (tmp_path / "study").exists()


def test_draws_that_no_trial_could_have_are_refused_before_the_first_trial(search, tmp_path):
    for more in ({"search": ["data.temperature=[1, 2]"]}, {"assignments": ["data.temperature=2"]}):
        with pytest.raises(UserError, match=r"data\.temperature is for several datasets"):
            search(**more)
    assert not (tmp_path / "study").exists()


def test_what_is_given_is_not_searched(search):
    found = search(trials=1, assignments=["optim.lr=5e-3"], search=["config.width=[8, 16]"])
    assert "optim.lr" not in found.study.space
    assert "optim.batch_size" not in found.study.space  # of the settings
    assert found.study.space["config.width"] == among(8, 16)
    assert "optim.group_lr.text_encoder" not in found.study.space  # there is none to tune


# trials


def test_the_first_trial_is_what_the_study_starts_from(search):
    first = search(trials=1).trials[0].settings
    start = resolve({"model": "mdf", "dataset": "small", **SETTINGS})
    assert (first["optim.lr"], first["config.dropout"]) == (start.optim.lr, start.config["dropout"])


def test_the_best_settings_give_the_best_score_again(search, tmp_path):
    found = search(trials=3)
    best = found.ranked[0]
    assert best.score == min(trial.score for trial in found.trials if trial.score is not None)
    experiment = load_experiment(str(found.experiment))
    assert experiment.selection == "epoch of the lowest valid MAE; test is not looked at"
    run = train(experiment=str(found.experiment), out=tmp_path / "run", device="cpu", quiet=True)
    assert run.summary[1111]["valid"]["mae"] == best.score
    assert not any((tmp_path / "study" / "running").iterdir())


def test_the_score_of_several_seeds_is_their_mean(search, tmp_path):
    found = search(trials=1, seeds=2)
    run = train(experiment=str(found.experiment), device="cpu", seeds=2, out=tmp_path / "run")
    assert found.trials[0].score == pytest.approx(sum(run.valid_scores("mae")) / 2, abs=1e-6)
    assert len(set(run.valid_scores("mae"))) == 2
    assert "each with 2 seeds: " in load_experiment(str(found.experiment)).notes[0]
    with pytest.raises(UserError, match="other settings"):
        search(trials=1, seeds=3)


def test_the_same_call_goes_on(search, tmp_path):
    two = search(trials=2)
    three = search(trials=3)
    assert three.trials[:2] == two.trials
    assert [trial.number for trial in three.trials] == [0, 1, 2]
    assert resume_study(tmp_path / "study", trials=3, device="cpu", quiet=True).trials == three.trials
    assert search(trials=3, name="at once").trials == three.trials  # as if it had not stopped
    with pytest.raises(UserError, match="has a study with other settings"):
        search(trials=3, assignments=["optim.lr=5e-3"])
    with pytest.raises(UserError, match="is not a study folder"):
        resume_study(tmp_path, trials=3)


def test_a_trial_that_was_interrupted_is_tried_again(search, monkeypatch, tmp_path):
    calls, whole = [], Trainer.run

    def interrupted(trainer, *given):
        calls.append(trainer)
        if len(calls) == 2:
            (trainer.folder).mkdir(parents=True)
            raise KeyboardInterrupt
        return whole(trainer, *given)

    monkeypatch.setattr(Trainer, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search(trials=2)
    found = search(trials=2)
    assert [trial.state for trial in found.trials] == ["complete", "interrupted", "complete"]
    assert found.trials[1].settings == found.trials[2].settings
    assert not any((tmp_path / "study" / "running").iterdir())


def test_a_trial_that_fails_is_noted_and_a_study_of_failures_says_why(search, monkeypatch):
    def fails(trainer, *_):
        raise UserError("the loss is not finite in epoch 0", "lower optim.lr")

    whole = search(trials=1)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "run", fails)
        found = search(trials=2)
        with pytest.raises(UserError, match="has a score: the loss is not finite in epoch 0"):
            search(trials=2, name="hopeless")
    assert found.trials[1]._replace(settings={}) == (1, "failed", {}, None, 0, "the loss is not finite in epoch 0")
    assert found.ranked == whole.trials


# the journal


def journal(folder):
    space = {"optim.lr": between(1e-4, 1e-2, log=True)}
    return Journal(
        FolderStorage(folder), Study(content="", protocol="intensity", select="mae", run={}, space=space), {}
    )


def row(epoch, mae):
    return {"epoch": epoch, "valid": {"mae": mae}}


def test_a_trial_behind_the_median_is_pruned(tmp_path):
    book = journal(tmp_path)
    for score in (1.0, 1.1, 1.2, 1.3):
        trial, _ = book.ask(9)
        judge = book.pruning_callback(trial)
        for epoch in range(3):
            judge(row(epoch, score - 0.1 * epoch))
        book.tell(trial, score - 0.2)
    trial, _ = book.ask(9)
    judge = book.pruning_callback(trial)
    judge(row(0, 2.0))  # an epoch is too little to judge by
    with pytest.raises(Pruned):
        judge(row(1, 1.9))
    book.tell(trial)
    assert [one.state for one in book.trials()] == ["complete"] * 4 + ["pruned"]


def test_processes_share_a_journal_and_count_each_others_trials(tmp_path):
    one, other = journal(tmp_path), journal(tmp_path)
    first, settings = one.ask(2)
    second, others = other.ask(2)
    assert (first.number, second.number) == (0, 1)
    assert settings != others  # drawn apart, though neither is finished
    assert journal(tmp_path).ask(2) is None
    one.tell(first, 0.5)
    other.tell(second, note="too high a rate")
    assert journal(tmp_path).ask(2) is None
    assert [(t.state, t.score) for t in one.trials()] == [("complete", 0.5), ("failed", None)]
    assert one.trials() == other.trials()


def test_without_optuna_it_says_how_to_get_it(search, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(UserError, match=r"optuna is not installed; pip install .*\[tune\]"):
        search()
