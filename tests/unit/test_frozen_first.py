"""A run whose first epochs leave a parameter group as it is."""

import json

import pytest
import torch
from safetensors.torch import load_file

from makers_store import store_at
from makers_text import tiny_bert
from makers_transfer import fit, words_and_voices
from sentiprism.errors import UserError
from sentiprism.training import loop
from sentiprism.training.train import resume

OPTIM = {"epochs": 3, "freeze": {"text_encoder": 2}, "clip": 0.5, "group_lr": {"text_encoder": 1e-2}}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with store_at(tmp_path_factory.mktemp("home")) as home:
        tiny_bert(home / "tiny")
        words_and_voices("words")
    return home


@pytest.fixture(autouse=True)
def _home(store, monkeypatch):
    monkeypatch.setenv("SENTIPRISM_HOME", str(store))


def states(folder, monkeypatch):
    """The weights after each epoch, as the checkpoints have them."""
    found = []
    save = loop.save_checkpoint

    def record(path, model, optimizer, progress):
        save(path, model, optimizer, progress)
        found.append({n: t for n, t in load_file(path).items() if n.startswith("model.")})

    monkeypatch.setattr(loop, "save_checkpoint", record)
    return found


def test_the_encoder_is_trained_after_its_frozen_epochs_only(store, tmp_path, monkeypatch):
    found = states(tmp_path, monkeypatch)
    fit("words", tmp_path / "run", store / "tiny", settings={"optim": OPTIM})
    first, second, third = found
    encoder = [name for name in first if name.startswith("model.model.text_encoder.backbone.encoder.")]
    others = [name for name in first if name.endswith("weight") and "text_encoder" not in name]
    assert encoder
    assert all(torch.equal(first[name], second[name]) for name in encoder)
    assert not any(torch.equal(second[name], third[name]) for name in encoder if name.endswith("dense.weight"))
    assert not any(torch.equal(first[name], second[name]) for name in others)
    pretrained = load_file(store / "tiny" / "model.safetensors")
    name = "encoder.layer.1.output.dense.weight"
    assert torch.equal(first[f"model.model.text_encoder.backbone.{name}"], pretrained[name])


def test_gradients_that_are_dropped_are_as_none_that_were_computed(store, tmp_path, monkeypatch):
    """Several processes compute and drop them, one process computes none: the norm that is clipped is the same."""
    one = fit("words", tmp_path / "one", store / "tiny", settings={"optim": OPTIM})
    monkeypatch.setattr(loop, "set_trained", lambda *_: None)
    other = fit("words", tmp_path / "other", store / "tiny", settings={"optim": OPTIM})
    paths = [run.seed_folder(1111) / "model" / "weights.safetensors" for run in (one, other)]
    assert paths[0].read_bytes() == paths[1].read_bytes()


class StoppedError(BaseException):
    """Stands for a kill."""


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_run_resumes_within_and_after_its_frozen_epochs(store, tmp_path, monkeypatch, epoch):
    settings = {"optim": {**OPTIM, "layer_decay": 0.7}}
    whole = fit("words", tmp_path / "whole", store / "tiny", settings=settings)
    save = loop.save_checkpoint

    def stop(path, model, optimizer, progress):
        save(path, model, optimizer, progress)
        if progress["epoch"] == epoch:
            raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", stop)
        with pytest.raises(StoppedError):
            fit("words", tmp_path / "part", store / "tiny", settings=settings)
    part = resume(tmp_path / "part", device="cpu", quiet=True)
    rows = [
        [{**json.loads(line), "seconds": 0} for line in (run.seed_folder(1111) / "metrics.jsonl").open()]
        for run in (whole, part)
    ]
    assert rows[0] == rows[1]
    paths = [run.seed_folder(1111) / "model" / "weights.safetensors" for run in (whole, part)]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_group_that_is_not_there_is_refused_before_anything_is_written(store, tmp_path):
    with pytest.raises(UserError, match="lf_dnn has no parameter group 'txt'"):
        fit("words", tmp_path / "run", store / "tiny", settings={"optim": {"freeze": {"txt": 1}}})
    assert not (tmp_path / "run").exists()
