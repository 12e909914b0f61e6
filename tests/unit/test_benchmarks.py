"""What the benchmarks compare is what they say they compare."""

import csv
from collections import Counter
from types import ModuleType

import numpy as np
import pytest
import torch

from sentiprism.benchmark.cases import encoder_folder
from sentiprism.benchmark.shapes import TEXTS
from sentiprism.text.encoders import tokenize


@pytest.fixture
def train_step(monkeypatch, pytestconfig) -> ModuleType:
    monkeypatch.syspath_prepend(str(pytestconfig.rootpath / "benchmarks"))
    import train_step

    return train_step


def test_the_lengths_are_those_of_mosis_texts(shared_data, minilm):
    with (shared_data / "mosi" / "labels.csv").open(newline="", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file) if row["split"] == "train"]
    assert Counter(map(len, tokenize("minilm", texts, 50))) == TEXTS


@pytest.mark.parametrize("unaligned", [False, True])
def test_the_plain_form_answers_the_same_in_another_way(train_step, minilm, tmp_path, unaligned):
    folder = encoder_folder("minilm", tmp_path)
    ours, plain = (train_step.trainer(folder, form, unaligned=unaligned) for form in ("ours", "plain"))
    plain.model.load_state_dict(ours.model.state_dict())
    rows = np.arange(4)
    batches = [made.train.batch(rows) for made in (ours, plain)]
    widths = [tuple(sequence.mask.shape[1] for sequence in batch[:3]) for batch in batches]
    assert widths[0][0] < 50
    assert widths[1] == ((50, 375, 500) if unaligned else (50, 1, 1))
    with torch.no_grad():
        a, b = (made.model.eval()(batch) for made, batch in zip((ours, plain), batches, strict=True))
    torch.testing.assert_close(a.prediction, b.prediction, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(a.losses, b.losses, rtol=1e-3, atol=1e-5)

    attention = [made.model.text_encoder.backbone.config._attn_implementation for made in (ours, plain)]
    assert attention == ["sdpa", "eager"]
    switches = [{(g["fused"], g["foreach"]) for g in made.optimizer.param_groups} for made in (ours, plain)]
    assert switches == [{(True, None)}, {(False, False)}]
    rates = [[(g["lr"], g["weight_decay"], len(g["params"])) for g in m.optimizer.param_groups] for m in (ours, plain)]
    assert rates[0] == rates[1]
    padding = [float(np.mean([m.train.lengths[rows].max() for rows in m.sampler.epoch(0)])) for m in (ours, plain)]
    assert padding[0] < 18
    assert padding[1] == 50
