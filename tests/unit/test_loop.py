"""One step of the training loop, checked by hand; whole runs are in tests/e2e."""

import gc
import weakref
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.utils import get_total_norm

from makers_models import small
from sentiprism.data.config import DataConfig
from sentiprism.data.prepare import PreparedSplit, prepare
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.metrics import protocol
from sentiprism.models import create_model
from sentiprism.training import transfer
from sentiprism.training.config import RunConfig
from sentiprism.training.engine import Engine
from sentiprism.training.loop import Trainer
from sentiprism.training.progress import TrainingProgress
from sentiprism.training.seeding import seed_at
from sentiprism.training.train import train
from sentiprism.training.training_data import TrainingData

QUIET = TrainingProgress(quiet=True)


@pytest.fixture
def trainer(home: Path, tmp_path: Path):
    """Makes a trainer of 16 utterances that lack nothing; ``optim`` as in `RunConfig`."""

    def make(dropout: float = 0.0, **optim) -> Trainer:
        data = synthetic_dataset("tiny", sizes=(16, 8, 8), missing=0).tuning()
        config = RunConfig(model="mdf", dataset="tiny", optim=optim)
        features = prepare(data, DataConfig())
        torch.manual_seed(0)
        model = create_model("mdf", features, data.card.target, {**small("mdf"), "dropout": dropout})
        splits = [PreparedSplit(split, features) for split in (data.train, data.valid)]
        return Trainer(
            config, 7, model, TrainingData(*splits, protocol("intensity")), tmp_path / "seed", Engine("cpu"), {}
        )

    return make


def gradients(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Of the first step of the first epoch."""
    trainer.take_step(list(trainer.sampler.epoch(0)), QUIET)
    return {name: p.grad.clone() for name, p in trainer.model.named_parameters()}


def norm(found: dict[str, torch.Tensor]) -> float:
    return float(get_total_norm(found.values()))


def test_two_batches_of_8_are_one_of_16(trainer):
    whole, halves = gradients(trainer(batch_size=16)), gradients(trainer(batch_size=8, accumulate=2))
    assert norm(whole) > 0.1
    torch.testing.assert_close(halves, whole, rtol=1e-4, atol=1e-6)


def test_the_step_is_the_weighted_sum_of_the_losses_by_hand(trainer):
    made = trainer(batch_size=16)
    made.weights = {"task": 1.0, "a": 0.5, "o": 0.0, "w": 2.0, "uni": 0.0}
    (rows,) = made.sampler.epoch(0)
    losses = made.model(made.train.batch(rows)).losses
    total = losses["task"] + 0.5 * losses["a"] + 2 * losses["w"]
    total.backward()
    expected = {name: p.grad.clone() for name, p in made.model.named_parameters()}
    torch.testing.assert_close(gradients(made), expected)
    assert made.names == ("total", "a", "o", "task", "uni", "w")
    assert made.sums.tolist() == pytest.approx([x.item() for x in (total, *(losses[n] for n in made.names[1:]))])


def test_clipping_bounds_the_norm_of_all_gradients_together(trainer):
    free, clipped = gradients(trainer(batch_size=16)), gradients(trainer(batch_size=16, clip=0.01))
    assert norm(clipped) == pytest.approx(0.01, rel=1e-3)
    scale = 0.01 / norm(free)
    torch.testing.assert_close(clipped, {name: g * scale for name, g in free.items()}, rtol=1e-3, atol=1e-7)


def test_clipping_by_value_bounds_every_entry_and_leaves_the_small_ones(trainer):
    free, clipped = gradients(trainer(batch_size=16)), gradients(trainer(batch_size=16, clip_value=1e-3))
    torch.testing.assert_close(clipped, {name: g.clamp(-1e-3, 1e-3) for name, g in free.items()})
    assert 0 < sum((g.abs() > 1e-3).sum() for g in free.values()) < sum(g.numel() for g in free.values())


def test_clipping_by_value_comes_after_each_batch_of_a_step(trainer):
    """The second batch's gradient is added to what was clipped of the first, and the sum is clipped again."""
    value, found = 2e-3, []
    one, rows = trainer(batch_size=8), [np.arange(8), np.arange(8, 16)]
    for batch in rows:
        one.model.zero_grad()
        output = one.model(one.train.batch(batch))
        (sum(one.weights[name] * loss for name, loss in output.losses.items()) / 2).backward()
        found.append({name: p.grad.clone() for name, p in one.model.named_parameters()})
    expected = {n: (found[0][n].clamp(-value, value) + found[1][n]).clamp(-value, value) for n in found[0]}
    made = trainer(batch_size=8, accumulate=2, clip_value=value)
    made.take_step(rows, QUIET)
    torch.testing.assert_close({n: p.grad for n, p in made.model.named_parameters()}, expected, rtol=1e-4, atol=1e-7)


def test_plateau_halves_the_rate_of_the_next_epoch_and_a_resumed_run_has_it_too(trainer):
    def rates(made: Trainer) -> list[float]:
        seen, step = [], made.optimizer.step
        made.optimizer.step = lambda *args: (seen.append(made.optimizer.param_groups[0]["lr"]), step(*args))
        made.run(QUIET, lambda row: None)
        return seen

    settings = {"batch_size": 16, "lr": 1e-30, "weight_decay": 0, "schedule": "plateau", "plateau_patience": 1}
    made = trainer(epochs=6, **settings)  # nothing moves, so that no epoch after the first is better
    assert rates(made) == [1e-30] * 3 + [5e-31] * 2 + [2.5e-31]
    resumed = trainer(epochs=8, **settings)
    assert rates(resumed) == [2.5e-31, 1.25e-31]


def test_a_large_bound_clips_nothing(trainer):
    torch.testing.assert_close(gradients(trainer(batch_size=16, clip=1e6)), gradients(trainer(batch_size=16)))


def test_the_rate_of_the_first_step_is_the_warm_ups(trainer):
    made = trainer(batch_size=4, epochs=5, warmup=0.2, lr=0.01, schedule="linear")  # 20 steps, 4 of them warm-up
    batches = list(made.sampler.epoch(0))
    rates = []
    for rows in batches:
        made.take_step([rows], QUIET)
        rates.append(made.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.002, 0.004, 0.006, 0.008])


def test_dropout_depends_on_the_position_alone(trainer):
    first, again, later = trainer(0.5, batch_size=16), trainer(0.5, batch_size=16), trainer(0.5, batch_size=16)
    later.step = 1
    torch.manual_seed(99)
    found = [gradients(made) for made in (first, again, later)]
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert any(not torch.equal(found[0][name], found[2][name]) for name in found[0])


def test_only_the_main_process_writes(trainer):
    made = trainer(batch_size=8, epochs=1, save_every=1)
    made.engine.is_main = False
    assert made.run(QUIET, lambda row: None)["epoch"] == 0
    assert not made.folder.exists()
    made = trainer(batch_size=8, epochs=1, save_every=1)
    made.run(QUIET, lambda row: None)
    assert {"last.safetensors", "metrics.jsonl", "model"} <= {p.name for p in made.folder.iterdir()}


def test_seed_at_is_a_function_of_the_position():
    def draw(*position: int) -> list[float]:
        seed_at(*position)
        return torch.rand(4).tolist()

    positions = [(1111, 0, 0, 0, 0), (1111, 0, 0, 0, 1), (1111, 0, 0, 1, 0), (1111, 0, 1, 0, 0), (1111, 1, 0, 0, 0)]
    drawn = [draw(*position) for position in [*positions, (1112, 0, 0, 0, 0), (1111,)]]
    assert all(a != b for a, b in pairwise(sorted(drawn)))
    assert draw(*positions[0]) == drawn[0]


def test_a_seed_leaves_nothing_of_the_ones_before_in_memory(home, tmp_path, monkeypatch):
    made, create, alive = [], transfer.create_model, []

    def watched(*arguments, **options):
        gc.collect()
        alive.append(sum(reference() is not None for reference in made))
        model = create(*arguments, **options)
        made.append(weakref.ref(model))
        return model

    monkeypatch.setattr(transfer, "create_model", watched)
    data = synthetic_dataset("small", sizes=(32, 16, 16))
    train("mdf", data, seeds=3, settings={"optim": {"epochs": 1}}, out=tmp_path / "run", device="cpu", quiet=True)
    assert alive == [0, 0, 0]


def test_the_average_of_the_weights_by_hand(trainer):
    one, plain = trainer(average=0.75), trainer()
    bias = "predictor.3.bias"
    found = []
    for rows in (np.arange(8), np.arange(8, 16), np.arange(8)):
        one.take_step([rows], QUIET)
        plain.take_step([rows], QUIET)
        found.append(one.model.state_dict()[bias].clone())
    expected = 0.75 * (0.75 * found[0] + 0.25 * found[1]) + 0.25 * found[2]
    torch.testing.assert_close(one.evaluated.state_dict()[bias], expected)
    assert torch.equal(plain.model.state_dict()[bias], found[2])  # training itself goes on as without it
    assert plain.evaluated is plain.model


def test_memories_see_every_batch_of_a_step(trainer):
    seen, one = [], trainer()
    one.model.after_step = lambda batch, output: seen.append((batch.index.tolist(), len(output.prediction)))
    one.take_step([np.arange(4), np.arange(4, 7)], QUIET)
    assert seen == [([0, 1, 2, 3], 4), ([4, 5, 6], 3)]
