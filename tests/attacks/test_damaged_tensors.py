"""Weights and checkpoints that do not fit, or whose headers say nonsense, are one line before they are read."""

import json
import struct

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from makers_damage import FILES, NONSENSE, changed, dumped, places, refusal
from sentiprism.models import load_model
from sentiprism.training.train import resume

MODEL = "seed-1111/model"


def rewrite(path, change):
    """The tensors of a file, changed, under the same header."""
    with safe_open(path, "pt") as file:
        header = file.metadata()
    save_file(change(load_file(path)), path, header)


def rehead(path, change):
    """The header of a file, changed; the bytes behind it stay."""
    content = path.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    text = change(json.loads(content[8 : 8 + size]))
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + size :])


WEIGHTS = {
    "another type": lambda found: {name: value.double() for name, value in found.items()},
    "flat": lambda found: {name: value.reshape(-1) for name, value in found.items()},
    "fewer": lambda found: dict(list(found.items())[1:]),
    "more": lambda found: {**found, "\x1b[31m": torch.ones(3)},
    "others": lambda found: {"x": torch.ones(1)},
}
HEADERS = {
    "deep": lambda header: b'{"a":' * 100_000,
    "a list": lambda header: b"[1]",
    "nothing": lambda header: b"",
    "huge": lambda header: {**header, "x": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}},
    "negative": lambda header: {**header, "x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}},
    "an unknown type": lambda header: {**header, "x": {"dtype": "X9", "shape": [1], "data_offsets": [0, 4]}},
}


@pytest.mark.parametrize("damage", WEIGHTS)
def test_weights_that_do_not_fit_are_named_before_they_are_read(folder, damage):
    rewrite(folder / "run" / MODEL / "weights.safetensors", WEIGHTS[damage])
    assert "weights.safetensors" in refusal(lambda: load_model(folder / "run" / MODEL))


@pytest.mark.parametrize("damage", HEADERS)
@pytest.mark.parametrize("name", [f"run/{MODEL}/weights.safetensors", "half/seed-1111/last.safetensors"])
def test_a_header_of_nonsense_is_one_line(folder, name, damage):
    rehead(folder / name, HEADERS[damage])
    read = (
        (lambda: load_model(folder / "run" / MODEL))
        if "weights" in name
        else (lambda: resume(folder / "half", device="cpu", quiet=True))
    )
    assert name.rpartition("/")[2] in refusal(read)


CHECKPOINTS = {
    **WEIGHTS,
    "no moments": lambda found: {name: value for name, value in found.items() if not name.endswith("exp_avg")},
    "no such parameter": lambda found: {**found, "optimizer.9999.step": torch.tensor(1.0)},
    "whole numbers": lambda found: {
        name: value.long() if "exp_avg" in name else value for name, value in found.items()
    },
}


@pytest.mark.parametrize("damage", CHECKPOINTS)
def test_a_checkpoint_that_does_not_fit_is_one_line(folder, damage):
    path = folder / "half" / "seed-1111" / "last.safetensors"
    rewrite(path, CHECKPOINTS[damage])
    line = refusal(lambda: resume(folder / "half", device="cpu", quiet=True))
    if damage in {"another type", "half"}:  # numbers are numbers
        assert line is None
    else:
        assert f"checkpoint {folder}"[:40] in line
        assert "remove it to train the seed again" in line


@pytest.mark.parametrize("damage", FILES)
def test_a_checkpoint_that_is_not_a_file_is_one_line(folder, damage):
    FILES[damage](folder / "half" / "seed-1111" / "last.safetensors")
    line = refusal(lambda: resume(folder / "half", device="cpu", quiet=True))
    assert line is not None or damage == "NUL"


def test_every_value_of_a_checkpoints_progress_may_be_nonsense(folder, monkeypatch):
    from sentiprism.training.loop import Trainer

    path = folder / "half" / "seed-1111" / "last.safetensors"
    whole = path.read_bytes()
    with safe_open(path, "pt") as file:
        header = file.metadata()
    monkeypatch.setattr(Trainer, "finished", property(lambda self: True))  # it is read, and nothing is trained
    for key in ("progress", "scalars"):
        value = json.loads(header[key])
        for at in places(value):
            for new in NONSENSE.values():
                path.write_bytes(whole)
                text = dumped(changed(value, at, new))
                rehead(path, lambda found, key=key, text=text: {**found, "__metadata__": {**header, key: text}})
                line = refusal(lambda: resume(folder / "half", device="cpu", quiet=True))
                assert line is None or "last.safetensors" in line or "no epoch gave" in line
