"""The state of a run: put back bit by bit, or refused with one line."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from makers_models import batch, build, small, specs
from sentiprism.errors import UserError
from sentiprism.training.checkpoint import load_checkpoint, save_checkpoint
from sentiprism.training.config import OptimConfig
from sentiprism.training.optimizer import build_optimizer

PROGRESS = {"epoch": 3, "step": 7, "sums": [0.1, 2.5], "history": [{"epoch": 0, "best": True}], "scaler": {}}


def pair(seed: int = 0, width: int = 16):
    model = build("mdf", specs(), config={**small("mdf"), "width": width, "dropout": 0}, seed=seed)
    return model, build_optimizer(model, OptimConfig())


def step(model, optimizer, seed: int) -> None:
    optimizer.zero_grad()
    sum(model(batch(model.features, seed=seed)).losses.values()).backward()
    optimizer.step()


def state(model, optimizer) -> dict[str, torch.Tensor]:
    moments = optimizer.state_dict()["state"]
    return {
        **{f"model.{name}": t.clone() for name, t in model.state_dict().items()},
        **{f"{i}.{key}": torch.as_tensor(t).clone() for i, found in moments.items() for key, t in found.items()},
    }


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    model, optimizer = pair()
    step(model, optimizer, seed=1)
    save_checkpoint(tmp_path / "last.safetensors", model, optimizer, PROGRESS)
    return tmp_path / "last.safetensors"


def test_weights_moments_and_progress_come_back_bit_by_bit(tmp_path):
    model, optimizer = pair()
    for seed in range(3):
        step(model, optimizer, seed)
    save_checkpoint(tmp_path / "last.safetensors", model, optimizer, PROGRESS)
    other, fresh = pair(seed=5)
    assert load_checkpoint(tmp_path / "last.safetensors", other, fresh) == PROGRESS
    before, after = state(model, optimizer), state(other, fresh)
    assert {"0.exp_avg", "0.exp_avg_sq", "0.step"} <= before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert [p.name for p in tmp_path.iterdir()] == ["last.safetensors"]


def test_training_goes_on_as_if_it_had_not_stopped(tmp_path):
    whole, optimizer = pair()
    for seed in range(6):
        step(whole, optimizer, seed)
        if seed == 2:
            save_checkpoint(tmp_path / "last.safetensors", whole, optimizer, PROGRESS)
    resumed, fresh = pair(seed=5)
    load_checkpoint(tmp_path / "last.safetensors", resumed, fresh)
    for seed in range(3, 6):
        step(resumed, fresh, seed)
    before, after = state(whole, optimizer), state(resumed, fresh)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_rates_are_the_configurations_own(checkpoint):
    model = build("mdf", specs(), config={**small("mdf"), "dropout": 0})
    optimizer = build_optimizer(model, OptimConfig(lr=0.5, weight_decay=0.25))
    load_checkpoint(checkpoint, model, optimizer)
    assert {(g["lr"], g["weight_decay"]) for g in optimizer.param_groups} == {(0.5, 0.25), (0.5, 0.0)}


def refused(path: Path, *, width: int = 16) -> str:
    with pytest.raises(UserError) as caught:
        load_checkpoint(path, *pair(width=width))
    assert str(path) in caught.value.cause
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_a_cut_file_is_refused(checkpoint, keep):
    checkpoint.write_bytes(checkpoint.read_bytes()[:keep])
    assert "remove it to train the seed again" in refused(checkpoint)


def test_another_models_checkpoint_is_refused(checkpoint):
    assert ", not (24,)" in refused(checkpoint, width=24)


def test_a_pickle_is_refused(tmp_path):
    torch.save(pair()[0].state_dict(), tmp_path / "last.safetensors")
    refused(tmp_path / "last.safetensors")


def test_a_folder_is_refused(tmp_path):
    refused(tmp_path)


@pytest.mark.parametrize(
    "header",
    [None, {}, {"progress": "{}"}, {"progress": "{", "scalars": "{}"}, {"progress": "{}", "scalars": "[1]"}],
    ids=["none", "empty", "no scalars", "no JSON", "wrong JSON"],
)
def test_a_damaged_header_is_refused(checkpoint, header):
    save_file(load_file(checkpoint), checkpoint, header)
    refused(checkpoint)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("optimizer.0.exp_avg", torch.ones(3), "optimizer.0.exp_avg is (3,), not (32, 12)"),
        ("optimizer.999.exp_avg", torch.ones(3), "out of range"),
        ("optimizer.x.exp_avg", torch.ones(3), "'x'"),
        ("model.extra", torch.ones(3), "extra"),
    ],
)
def test_tensors_of_something_else_are_refused(checkpoint, name, value, reason):
    with safe_open(checkpoint, "pt") as file:
        header = file.metadata()
    save_file({**load_file(checkpoint), name: value}, checkpoint, header)
    assert reason in refused(checkpoint)


def test_the_rest_is_json_in_the_header(checkpoint):
    with safe_open(checkpoint, "pt") as file:
        assert json.loads(file.metadata()["progress"]) == PROGRESS
