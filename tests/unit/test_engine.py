"""Device, precision and processes as one process sees them; several are in tests/e2e/test_distributed.py."""

import os

import pytest
import torch

from makers_models import batch, specs
from sentiprism.errors import UserError
from sentiprism.training.engine import Engine


@pytest.fixture
def no_accelerator(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def refused(*arguments: str) -> str:
    with pytest.raises(UserError) as caught:
        Engine(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("device", ["gpu", "", "CPU", "auto:1"])
def test_an_unknown_device_is_refused(no_accelerator, device):
    assert refused(device) == f"no device is called {device!r}; choose one of: auto, cpu, cuda, mps"


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "mps", "cpu:1", "cpu:"])
def test_a_device_that_is_not_here_is_refused(no_accelerator, device):
    assert refused(device) == f"device {device!r} is not available here; choose auto or: cpu"


@pytest.mark.parametrize("device", ["cuda:2", "cuda:one", "cuda:-1"])
def test_a_gpu_too_many_is_refused(two_gpus, device):
    assert refused(device) == f"device {device!r} is not available here; choose auto or: cpu, cuda:0, cuda:1"


def test_an_unknown_precision_is_refused():
    assert refused("cpu", "bf61") == "no precision is called 'bf61'; did you mean 'bf16'?"


def test_auto_is_the_cpu_in_single_precision_where_there_is_nothing_else(no_accelerator):
    engine = Engine()
    assert (engine.device.type, engine.precision) == ("cpu", "no")
    with engine.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_bf16_is_bf16():
    with Engine("cpu", "bf16").autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


def test_an_earlier_engines_device_does_not_stick(monkeypatch):
    monkeypatch.setenv("ACCELERATE_TORCH_DEVICE", "meta")
    assert Engine("cpu").device.type == "cpu"
    assert "ACCELERATE_TORCH_DEVICE" not in os.environ


def test_one_process_is_all_of_them():
    engine = Engine("cpu")
    assert (engine.rank, engine.world, engine.is_main) == (0, 1, True)
    assert engine.gather({"a": 1}) == [{"a": 1}]
    assert torch.equal(engine.mean(torch.tensor([1.0, 2.0])), torch.tensor([1.0, 2.0]))


def test_a_moved_batch_is_on_the_device_whole():
    engine, given = Engine("cpu"), batch(specs())
    assert engine.move(given) is given
    engine.device = torch.device("meta")
    moved = engine.move(given)
    tensors = [t for sequence in moved[:3] for t in sequence] + [*moved.labels.values(), moved.index]
    assert len(tensors) == 8
    assert all(t.is_meta for t in tensors)
    assert [t.shape for t in moved.audio] == [t.shape for t in given.audio]


def test_clipping_by_value_under_fp16_is_in_the_losss_own_units_and_hides_no_overflow():
    engine = Engine("cpu", "no")
    engine._accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=8)
    given = torch.tensor([1.0, -100.0, 15.0, float("inf"), -float("inf"), float("nan")])
    parameter = torch.nn.Parameter(torch.zeros(6))
    parameter.grad = given.clone()
    engine.clip_value([parameter, torch.nn.Parameter(torch.zeros(1))], 2.0)
    assert parameter.grad[:3].tolist() == [1.0, -16.0, 15.0]
    assert not parameter.grad[3:].isfinite().any()
