"""Device, precision and processes as one process sees them; several are in tests/e2e/test_distributed.py."""

import os

import pytest
import torch

from makers_models import batch, small, specs
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.training.engine import Engine
from sentiprism.training.train import train


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


def test_the_callers_variable_names_no_device_of_ours_and_stays(monkeypatch):
    monkeypatch.setenv("ACCELERATE_TORCH_DEVICE", "meta")
    assert Engine("cpu").device.type == "cpu"
    assert os.environ["ACCELERATE_TORCH_DEVICE"] == "meta"


def test_the_device_is_told_and_does_not_stick(two_gpus, monkeypatch):
    monkeypatch.delenv("ACCELERATE_TORCH_DEVICE", raising=False)
    assert str(Engine("cuda:1", "no").device) == "cuda:1"
    assert "ACCELERATE_TORCH_DEVICE" not in os.environ
    assert Engine("cpu").device.type == "cpu"


@pytest.fixture
def fresh_state():
    """A process in which nobody has used Accelerate, whatever tests before this one left there."""
    from accelerate.state import AcceleratorState, GradientState

    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    yield
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


def test_training_leaves_a_callers_accelerator_as_it_was(fresh_state, home, tmp_path):
    from accelerate import Accelerator

    theirs = Accelerator(cpu=True, mixed_precision="bf16", gradient_accumulation_steps=4)
    layer = torch.nn.Linear(3, 1)
    layer, optimizer = theirs.prepare(layer, torch.optim.SGD(layer.parameters(), lr=0.1))
    data = synthetic_dataset("small", sizes=(16, 8, 8))
    settings = {"config": small("lf_dnn"), "optim": {"epochs": 1, "batch_size": 8}}
    run = train("lf_dnn", data, settings=settings, out=tmp_path / "run", device="cpu", precision="no", quiet=True)
    assert run.environment["precision"] == "no"
    evaluate(run, dataset=data, device="cpu")
    assert (theirs.device.type, theirs.mixed_precision, theirs.gradient_accumulation_steps) == ("cpu", "bf16", 4)
    with theirs.accumulate(layer):
        theirs.backward(layer(torch.ones(2, 3)).sum())
        before = layer.weight.detach().clone()
        optimizer.step()
    assert torch.equal(layer.weight, before), "a batch of four is no step yet"
    assert Accelerator().mixed_precision == "bf16", "the state is still theirs"


def test_training_leaves_no_state_behind(fresh_state, home, tmp_path):
    from accelerate.state import AcceleratorState, GradientState, PartialState

    data = synthetic_dataset("small", sizes=(16, 8, 8))
    settings = {"config": small("lf_dnn"), "optim": {"epochs": 1, "batch_size": 8}}
    train("lf_dnn", data, settings=settings, out=tmp_path / "run", device="cpu", quiet=True)
    assert [kind._shared_state for kind in (PartialState, AcceleratorState, GradientState)] == [{}, {}, {}]


def test_engines_of_one_process_have_each_their_own_precision():
    one, two = Engine("cpu", "bf16"), Engine("cpu", "no")
    with one.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    with two.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


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
