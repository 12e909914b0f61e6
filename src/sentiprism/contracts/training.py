"""Contracts of training and exporting models."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sentiprism.contracts.inputs import INTENSITY, batch, build, predict, small, specs
from sentiprism.contracts.models import expect_close
from sentiprism.contracts.result import Contract, NotRunError, expect
from sentiprism.data.config import DataConfig, TextConfig
from sentiprism.data.prepare import PreparedSplit, prepare
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.export.export_model import GRAPH, check_exporter
from sentiprism.export.graph import FlatModel, write_graph
from sentiprism.models import MODELS
from sentiprism.training.run import Run
from sentiprism.training.train import resume, train
from sentiprism.types import Batch, FeatureSpec, Sequence, TargetSpec

ENERGY = 0.1
"""Least share of the fused vector's energy that differs between utterances."""
STOPPED_AT = 10
"""Step at which training is killed: with six steps per epoch, in the middle of the second epoch."""
SAVES: tuple[dict[str, Any], ...] = ({}, {"save_every": 2, "average": 0.9})
"""Settings of checkpoints: after each epoch, and within epochs."""


class StoppedError(BaseException):
    """Simulates a kill: nothing in the program catches it."""


@contextmanager
def own_home() -> Iterator[None]:
    """Context with a temporary folder for datasets instead of the user's."""
    before = os.environ.get("SENTIPRISM_HOME")
    with tempfile.TemporaryDirectory(prefix="sentiprism-contracts-") as folder:
        os.environ["SENTIPRISM_HOME"] = folder
        try:
            yield
        finally:
            del os.environ["SENTIPRISM_HOME"]
            if before is not None:
                os.environ["SENTIPRISM_HOME"] = before


@cache
def synthetic_batch() -> tuple[FeatureSpec, TargetSpec, Batch]:
    """Make features, target and a batch of the synthetic dataset."""
    with own_home():
        data = synthetic_dataset("contracts", sizes=(64, 8, 8))
        features = prepare(data, DataConfig(text=TextConfig(encoder=None)))
        return features, data.card.target, PreparedSplit(data.train, features).batch(np.arange(64))


def check_energy(name: str) -> None:
    """The fused vector of an untrained model differs enough between utterances."""
    features, target, given = synthetic_batch()
    shares = []
    for seed in range(3):
        output = predict(build(name, features, target, small(name), seed=seed), given)
        expect("fused" in output.features, "features lack 'fused', the input of the prediction")
        fused = output.features["fused"].double()
        shares.append(float((fused - fused.mean(dim=0)).square().sum() / fused.square().sum()))
    mean = sum(shares) / len(shares)
    expect(mean >= ENERGY, f"{mean:.0%} of the fused vector's energy differs between utterances, not {ENERGY:.0%}")


def check_resume(name: str) -> None:
    """A run that was killed and resumed is bit-identical to one that was not."""
    with own_home(), tempfile.TemporaryDirectory(prefix="sentiprism-contracts-") as folder:
        for place, saves in enumerate(SAVES):
            compare_resumed(name, Path(folder) / str(place), saves)


def compare_resumed(name: str, folder: Path, saves: dict[str, Any]) -> None:
    """Train a model twice, once with a kill, and fail if the runs differ."""
    data = synthetic_dataset("contracts", sizes=(48, 16, 16))
    optim = {"epochs": 3, "batch_size": 8, "schedule": "cosine", **saves}
    given: dict[str, Any] = {"settings": {"config": small(name), "optim": optim}, "device": "cpu", "quiet": True}
    whole = train(name, data, out=folder / "whole", **given)
    with killed_at(STOPPED_AT, name):
        try:
            train(name, data, out=folder / "killed", **given)
        except StoppedError:
            pass
        else:
            raise NotRunError("the training ended before it could be killed")
    again = resume(folder / "killed", device="cpu", quiet=True)
    first, second = (_weights(run) for run in (whole, again))
    expect(first.keys() == second.keys(), "the resumed model has different tensors")
    for key, value in first.items():
        expect(torch.equal(value, second[key]), f"{key} differs after a resume")
    expect(_log(whole) == _log(again), "the log of the epochs differs after a resume")


@contextmanager
def killed_at(count: int, name: str) -> Iterator[None]:
    """Kill the training at the ``count``-th step, or at the ``count``-th prediction for a closed form."""
    kind, calls = MODELS[name], []

    def die(module: nn.Module, _: object) -> None:
        if isinstance(module, kind) and (module.training or kind.closed_form):
            calls.append(module)
            if len(calls) == count:
                raise StoppedError

    hook = nn.modules.module.register_module_forward_pre_hook(die)
    try:
        yield
    finally:
        hook.remove()


def _weights(run: Run) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    (seed,) = run.finished
    weights: dict[str, Tensor] = load_file(run.seed_folder(seed) / "model" / "weights.safetensors")
    return weights


def _log(run: Run) -> list[dict[str, Any]]:
    """Records of the epochs, without times."""
    (seed,) = run.finished
    lines = (run.seed_folder(seed) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) | {"seconds": 0} for line in lines]


def check_onnx(name: str) -> None:
    """The ONNX export gives the same predictions, for any batch size and length."""
    try:
        check_exporter()
    except UserError as error:
        raise NotRunError(str(error)) from None
    with tempfile.TemporaryDirectory(prefix="sentiprism-contracts-") as folder:
        check_graph(name, Path(folder) / GRAPH)


def check_graph(name: str, path: Path) -> FlatModel:
    """Write the small model as a graph, see `check_onnx`.

    Args:
        name: of the model.
        path: file of the graph.

    Returns:
        The model in torch.
    """
    import onnxruntime

    model = FlatModel(build(name, specs(), INTENSITY, small(name)))
    write_graph(model, path, optimize=False)  # it costs a fifth of the time, and changes no number
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    first = batch(specs(), 5, seed=1)
    others = [first, batch(specs(), 1, seed=2), batch(specs(), 2, missing=("audio",))]
    for change in (_longer, _shorter):
        text, audio, vision = (change(one) for one in first[:3])
        others.append(first._replace(text=text, audio=audio, vision=vision))
    for given in others:
        tensors = [getattr(given, one.removesuffix("_mask"))[one.endswith("_mask")] for one in model.names]
        feeds = {one: tensor.numpy() for one, tensor in zip(model.names, tensors, strict=True)}
        with torch.no_grad():
            expected = model(*tensors)
        expect_close(torch.from_numpy(session.run(None, feeds)[0]), expected, "prediction of the exported model")
    return model


def _longer(one: Sequence) -> Sequence:
    """Every sequence twice in a row."""
    steps = torch.arange(2 * one.mask.shape[1])
    return Sequence(torch.cat([one.values, one.values], dim=1), steps < 2 * one.mask.sum(dim=1, keepdim=True))


def _shorter(one: Sequence) -> Sequence:
    """The first step of every sequence."""
    return Sequence(one.values[:, :1], one.mask[:, :1])


WHILE_TRAINED = (
    Contract("energy", check_energy),
    Contract("resume", check_resume),
    Contract("onnx", check_onnx),
)
"""Contracts that need a dataset, a run or an exporter."""
