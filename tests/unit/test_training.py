"""Training selects on valid alone, gives the same weights again, and goes on where it was stopped."""

import json
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from scipy.stats import entropy

from makers_models import small
from sentiprism.data.dataset import Dataset, TuningView
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.metrics import protocol
from sentiprism.models import load_model
from sentiprism.training import loop
from sentiprism.training.engine import Engine
from sentiprism.training.predict import Predictions, predict
from sentiprism.training.progress import TrainingProgress
from sentiprism.training.run import Run
from sentiprism.training.train import resume, train


class KilledError(BaseException):
    """Stands for a kill: nothing in the program catches it."""


class Forbidden:
    """A split nobody may look at."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"the test split was asked for {name}")


def history(run: Run, seed: int = 1111) -> list[dict]:
    lines = (run.seed_folder(seed) / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def weights(run: Run, seed: int = 1111) -> dict[str, torch.Tensor]:
    return load_file(run.seed_folder(seed) / "model" / "weights.safetensors")


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def valid_predictions(run: Run, data: Dataset, seed: int = 1111) -> Predictions:
    saved = load_model(run.seed_folder(seed) / "model")
    return predict(saved.model, PreparedSplit(data.valid, saved.model.features), Engine("cpu"))


# what training does


def test_the_loss_falls_and_is_the_weighted_sum_of_its_parts(trained):
    for seed in trained.config.seeds:
        rows = history(trained, seed)
        assert rows[-1]["train"]["total"] < 0.9 * rows[0]["train"]["total"]
        for row in rows:
            parts = row["train"]
            assert parts["total"] == pytest.approx(sum(parts[name] for name in ("task", "a", "o", "w")), abs=1e-4)


def test_the_best_epoch_is_the_one_of_the_lowest_valid_error(trained):
    for seed in trained.config.seeds:
        rows = history(trained, seed)
        assert [row["epoch"] for row in rows] == list(range(trained.config.optim.epochs))
        errors = [row["valid"]["mae"] for row in rows]
        assert trained.summary[seed] == rows[int(np.argmin(errors))]
        assert [row["best"] for row in rows] == [e < min(errors[:i], default=np.inf) for i, e in enumerate(errors)]


def test_a_metric_of_which_more_is_better_is_maximised(fit):
    run = fit(select="pearson")
    rows = history(run)
    assert run.summary[1111]["epoch"] == int(np.argmax([row["valid"]["pearson"] for row in rows]))


def test_the_saved_model_is_the_best_epochs(trained, data):
    for seed in trained.config.seeds:
        answers = valid_predictions(trained, data, seed)
        best = trained.summary[seed]
        assert protocol("intensity").compute(answers.prediction, answers.label) == best["valid"]
        saved = load_model(trained.seed_folder(seed) / "model").metadata
        assert saved["valid"] == best["valid"]
        assert saved["content"] == data.card.content
        assert saved["selection"] == f"epoch of the lowest valid MAE; test is not looked at; epoch {best['epoch']}"


def test_the_distance_of_weights_from_their_targets_is_logged(trained, data):
    answers = valid_predictions(trained, data)
    target, given = answers.weights["modality_target"], answers.weights["modality"]
    rows = target.sum(axis=1) > 0
    expected = sum(entropy(t[t > 0], g[t > 0]) for t, g in zip(target[rows], given[rows], strict=True)) / len(target)
    assert trained.summary[1111]["weights_kl"] == {"modality": pytest.approx(expected, abs=1e-4)}
    assert expected > 0


def test_patience_ends_training(fit):
    run = fit(epochs=60, lr=0.05, patience=2)
    rows, best = history(run), run.summary[1111]["epoch"]
    assert len(rows) == best + 1 + 2 < 60
    assert all(row["valid"]["mae"] >= rows[best]["valid"]["mae"] for row in rows[best:])


def test_training_may_stop_before_the_end_of_its_schedule(fit):
    whole, part = (fit(name, schedule="cosine", stop_after=stop) for name, stop in (("whole", None), ("part", 2)))
    rows = [[row | {"seconds": 0} for row in history(run)] for run in (whole, part)]
    assert len(rows[1]) == 2
    assert rows[1] == rows[0][:2]  # rates are those of the whole schedule


def test_a_finished_run_holds_what_it_says_and_no_more(trained):
    names = sorted(path.name for path in trained.folder.iterdir())
    assert names == ["environment.json", "run.yaml", "seed-1111", "seed-1112", "summary.json"]
    seed = trained.seed_folder(1111)
    assert {path.name for path in seed.iterdir()} >= {"metrics.jsonl", "model", "tensorboard"}
    assert not (seed / "last.safetensors").exists()
    assert not list(seed.glob(".*"))
    assert trained.environment["dataset"]["name"] == "small"
    assert trained.environment["device"] == "cpu"
    assert trained.finished == (1111, 1112)


def test_a_run_on_the_other_form_of_an_experiments_dataset_says_so(home, tmp_path, capsys):
    data = synthetic_dataset("mosi", sizes=(16, 8, 8))
    path = tmp_path / "paper.yaml"
    for wanted in ("mosi_aligned", "mosi"):
        settings = {
            "config": small("lf_dnn"),
            "optim": {"epochs": 1, "batch_size": 8},
            "data": {"text": {"encoder": None}},
        }
        run = {"model": "lf_dnn", "dataset": wanted, **settings}
        path.write_text(yaml.safe_dump({"title": "A paper", "source": "", "selection": "", "run": run}))
        train(experiment=str(path), dataset="mosi", out=tmp_path / wanted, device="cpu")
        said = capsys.readouterr().err
        told = "A paper: settings and published numbers are for mosi_aligned, aligned to words; this run is on mosi"
        assert (told in said) == (wanted == "mosi_aligned")
    assert data.name == "mosi"


def test_curves_are_written_for_tensorboard(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(trained.seed_folder(1111) / "tensorboard")).Reload()
    assert {"train/total", "train/w", "valid/mae", "valid_losses/task", "weights_kl/modality"} <= set(
        events.Tags()["scalars"]
    )
    drawn = [(event.step, event.value) for event in events.Scalars("valid/mae")]
    assert drawn == [(row["epoch"], pytest.approx(row["valid"]["mae"])) for row in history(trained)]


def test_no_curves_without_asking(fit):
    assert not (fit(epochs=1).seed_folder(1111) / "tensorboard").exists()


# the test split


def test_training_has_no_test_split_to_look_at(data, fit):
    assert not hasattr(data.tuning(), "test")
    assert type(data.tuning()) is TuningView
    sealed = Dataset(data.card, data.train, data.valid, Forbidden())
    with pytest.raises(AssertionError, match="asked for"):
        len(sealed.test.ids)
    run = fit(given=sealed, epochs=1)
    assert equal(weights(run), weights(fit("open", epochs=1)))


# chance


def test_the_same_seed_gives_the_same_weights_whatever_came_before(trained, fit):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 - the global generator is what must not matter
    torch.rand(3)
    alone = fit(seeds=(1112,))
    assert equal(weights(alone, 1112), weights(trained, 1112))
    assert [row | {"seconds": 0} for row in history(alone, 1112)] == [
        row | {"seconds": 0} for row in history(trained, 1112)
    ]


def test_seeds_differ_in_weights_and_order(trained):
    assert not equal(weights(trained, 1111), weights(trained, 1112))
    assert history(trained, 1111)[0]["train"] != history(trained, 1112)[0]["train"]


def test_batches_come_in_another_order_with_another_seed(data, fit, monkeypatch):
    taken: list[tuple[int, ...]] = []
    batch = PreparedSplit.batch

    def record(self: PreparedSplit, rows: Any) -> Any:
        if self.split.name == "train":
            taken.append(tuple(np.asarray(rows).tolist()))
        return batch(self, rows)

    monkeypatch.setattr(PreparedSplit, "batch", record)
    orders = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        taken.clear()
        fit(name, seeds=(seed,), epochs=2)
        orders.append(list(taken))
        for epoch in (taken[:6], taken[6:]):
            assert sorted(row for rows in epoch for row in rows) == list(range(48))
    assert orders[0] == orders[1] != orders[2]
    assert orders[0][:6] != orders[0][6:]


# checkpoints and going on


def test_checkpoints_are_written_as_often_as_asked(fit, monkeypatch):
    written = []
    save = loop.save_checkpoint

    def record(path: Any, model: Any, optimizer: Any, progress: dict[str, Any]) -> None:
        written.append((progress["epoch"], progress["step"]))
        save(path, model, optimizer, progress)

    monkeypatch.setattr(loop, "save_checkpoint", record)
    fit("often", epochs=2, save_every=4)  # six steps an epoch
    assert written == [(0, 4), (1, 0), (1, 4), (2, 0)]
    written.clear()
    fit("accumulated", epochs=1, save_every=1, accumulate=4)  # steps of four batches and of the two that are left
    assert written == [(0, 1), (0, 2), (1, 0)]


def test_a_kill_after_the_last_epoch_costs_no_training(trained, fit, tmp_path, monkeypatch):
    def die(*_: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Run, "record", die)
        with pytest.raises(KilledError):
            fit("killed")
    assert Run(tmp_path / "killed").finished == ()
    with monkeypatch.context() as patch:
        patch.setattr(TrainingProgress, "step", die)  # not one more step is taken
        run = resume(tmp_path / "killed", device="cpu", quiet=True)
    assert run.finished == (1111,)
    assert equal(weights(run), weights(trained))
    assert not (run.seed_folder(1111) / "last.safetensors").exists()


def test_going_on_with_a_finished_run_changes_nothing(fit):
    run = fit(epochs=1)
    before = {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")}
    assert resume(run.folder, device="cpu", quiet=True).summary == run.summary
    assert {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")} == before


def test_a_finished_run_is_given_more_seeds_and_loses_none(fit, tmp_path):
    run, both = fit(epochs=1, seeds=(7,)), fit("both", epochs=1, seeds=(7, 3))
    before = (run.seed_folder(7) / "model" / "weights.safetensors").stat().st_mtime_ns
    with pytest.raises(UserError, match="run already has seeds that are not in the new list: 7"):
        resume(run.folder, seeds=2, device="cpu", quiet=True)
    more = resume(run.folder, seeds=(7, 3), device="cpu", quiet=True)
    assert more.finished == Run(run.folder).config.seeds == (7, 3)
    assert (run.seed_folder(7) / "model" / "weights.safetensors").stat().st_mtime_ns == before
    assert equal(weights(more, 3), weights(both, 3))


def test_a_run_does_not_go_on_with_other_data(home, tmp_path):
    data = synthetic_dataset("changing", sizes=(16, 8, 8))
    options = {"settings": {"config": small("mdf"), "optim": {"epochs": 1}}, "device": "cpu", "quiet": True}
    train("mdf", data, out=tmp_path / "run", **options)
    synthetic_dataset("changing", sizes=(16, 8, 8), seed=1)
    with pytest.raises(UserError, match="dataset changing has changed since run began"):
        resume(tmp_path / "run", device="cpu", quiet=True)


# precision


def test_lower_precision_trains_too(data, tmp_path):
    options = {"settings": {"config": small("mdf"), "optim": {"epochs": 1}}, "device": "cpu", "quiet": True}
    exact, rough = (train("mdf", data, out=tmp_path / p, precision=p, **options) for p in ("no", "bf16"))
    assert not equal(weights(exact), weights(rough))
    assert rough.summary[1111]["valid"]["mae"] == pytest.approx(exact.summary[1111]["valid"]["mae"], abs=0.05)


def test_a_run_goes_on_in_its_own_precision(data, tmp_path):
    options = {"settings": {"config": small("mdf"), "optim": {"epochs": 1}}, "device": "cpu", "quiet": True}
    both = train("mdf", data, seeds=2, out=tmp_path / "both", precision="bf16", **options)
    run = train("mdf", data, out=tmp_path / "run", precision="bf16", **options)
    with pytest.raises(UserError, match="run was begun with precision bf16"):
        resume(run.folder, seeds=2, device="cpu", precision="no", quiet=True)
    resume(run.folder, seeds=2, device="cpu", quiet=True)
    assert equal(weights(run, 1112), weights(both, 1112))
