"""What every registered model keeps while it is trained and exported."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.testing import assert_close

from makers_models import INTENSITY, batch, build, golden, small, specs
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.models import MODELS, load_model
from sentiprism.models.ridge import PENALTIES
from sentiprism.training.progress import TrainingProgress
from sentiprism.training.train import resume, train
from sentiprism.types import Batch, Sequence

NAMES = list(MODELS)
GOLDEN = Path(__file__).parents[1] / "golden"


class Killed(BaseException):
    """Stands for a kill: nothing in the program catches it."""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("save_every", "average"), [(None, None), (2, 0.9)], ids=["at an epoch", "inside an epoch"])
def test_resume_is_bit_identical(name, save_every, average, home, tmp_path, monkeypatch):
    data = synthetic_dataset("small", sizes=(48, 16, 16))
    settings = {
        "config": small(name),
        "optim": {"epochs": 3, "batch_size": 8, "schedule": "cosine", "save_every": save_every, "average": average},
    }
    whole = train(name, data, settings=settings, out=tmp_path / "whole", device="cpu", quiet=True)
    steps = []

    def die(self, *_: object) -> None:
        steps.append(None)
        if len(steps) == 10:  # six steps an epoch: in the middle of the second
            raise Killed

    with monkeypatch.context() as patch:
        # a closed form has one step a batch, and then a solution in each epoch's place
        patch.setattr(TrainingProgress, "epoch" if MODELS[name].closed_form else "step", die)
        with pytest.raises(Killed):
            train(name, data, settings=settings, out=tmp_path / "killed", device="cpu", quiet=True)
    assert not (tmp_path / "killed" / "summary.json").exists()
    again = resume(tmp_path / "killed", device="cpu", quiet=True)

    weights = [load_file(run.seed_folder(1111) / "model" / "weights.safetensors") for run in (whole, again)]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    logs = [
        [
            json.loads(line) | {"seconds": 0}
            for line in (run.seed_folder(1111) / "metrics.jsonl").read_text().splitlines()
        ]
        for run in (whole, again)
    ]
    assert logs[0] == logs[1]
    assert len(logs[0]) == (len(PENALTIES) if MODELS[name].closed_form else 3)


@pytest.mark.parametrize("name", NAMES)
def test_golden_output(name):
    """Saved weights and inputs give the saved answer: a change of the arithmetic is noticed.

    Where the change is meant: ``python tests/golden/make.py``.
    """
    saved = load_file(GOLDEN / f"{name}.tensors.safetensors")
    model = load_model(GOLDEN / name).model
    inputs = {k.removeprefix("input."): v for k, v in saved.items() if k.startswith("input.")}
    given = Batch(
        *(Sequence(inputs[f"{m}.values"], inputs[f"{m}.mask"]) for m in ("text", "audio", "vision")),
        labels={"M": inputs["label"]},
        index=torch.arange(len(inputs["label"])),
    )
    with torch.no_grad():
        output = model(given)
    expected = {key: value for key, value in saved.items() if not key.startswith("input.")}
    assert_golden(golden(output), expected)


def assert_golden(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """The same names, none gone and none new, and the same numbers."""
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert_close(found[key], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("gone", ["task", "weights.modality", "prediction"])
def test_what_vanished_or_changed_is_no_golden_output(gone):
    expected = {"prediction": torch.ones(2), "task": torch.tensor(1.0), "weights.modality": torch.ones(2, 3)}
    assert_golden(dict(expected), expected)
    with pytest.raises(AssertionError):
        assert_golden({key: value for key, value in expected.items() if key != gone}, expected)
    with pytest.raises(AssertionError):
        assert_golden({**expected, gone: expected[gone] + 1e-3}, expected)
    with pytest.raises(AssertionError):
        assert_golden({**expected, "new": torch.zeros(())}, expected)


class Flat(nn.Module):
    """A model as exporters want it: plain tensors in, the prediction out."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, text: Tensor, t: Tensor, audio: Tensor, a: Tensor, vision: Tensor, v: Tensor) -> Tensor:
        given = Batch(Sequence(text, t), Sequence(audio, a), Sequence(vision, v), {}, torch.arange(text.shape[0]))
        return self.model(given).prediction


@pytest.mark.parametrize("name", NAMES)
def test_onnx_parity(name, tmp_path):
    if reason := MODELS[name].exceptions.get("onnx"):
        pytest.skip(f"{name}: {reason}")
    import onnxruntime

    model = Flat(build(name, specs(), INTENSITY, small(name))).eval()

    def flat(given: Batch) -> tuple[Tensor, ...]:
        return tuple(tensor for sequence in given[:3] for tensor in sequence)

    size, dims = torch.export.Dim("batch", min=1), [torch.export.Dim(f"steps_{m}", min=1) for m in "tav"]
    shapes = tuple({0: size, 1: dims[i // 2]} for i in range(6))
    program = torch.onnx.export(model, flat(batch(specs(), 3)), dynamo=True, dynamic_shapes=shapes, verbose=False)
    program.save(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for given in (batch(specs(), 5, seed=1), batch(specs(), 1, seed=2), batch(specs(), 2, missing=("audio",))):
        feeds = {i.name: t.numpy() for i, t in zip(session.get_inputs(), flat(given), strict=True)}
        with torch.no_grad():
            expected = model(*flat(given))
        assert_close(torch.from_numpy(session.run(None, feeds)[0]), expected, rtol=1e-4, atol=1e-5)
