"""The benchmark counts what it says it counts, on the shapes it says; no test asserts a time."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from makers_models import batch, build, small, specs
from makers_text import tiny_bert
from sentiprism.benchmark import cost as benchmark
from sentiprism.benchmark.batches import spread_evenly
from sentiprism.benchmark.cases import Case, encoder_folder
from sentiprism.benchmark.cost import (
    Cost,
    bench,
    cost,
    make_trainer,
    multiply_adds,
    ratios,
    time_evenly,
)
from sentiprism.benchmark.shapes import PADDED, TEXTS, WIDTHS, Padded, mosi_shapes
from sentiprism.errors import UserError
from sentiprism.machine import machine, measure, peak_memory


class Layer(nn.Module):
    """Any layer in the place of a model."""

    def __init__(self, layer, *inputs):
        super().__init__()
        self.layer, self.inputs = layer, inputs

    def forward(self, _):
        return self.layer(*self.inputs)


def case(model, encoder=None, batch_size=16):
    """A model with its defaults on MOSI's shapes."""
    return Case(model, model, {}, "mosi", encoder, 0, batch_size)


def attention(q):
    return nn.functional.scaled_dot_product_attention(q, q, q)


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.Linear(5, 3), (2, 7, 5), 2 * 7 * 5 * 3),
        (nn.Conv1d(5, 3, 3), (2, 5, 7), 2 * (7 - 2) * 5 * 3 * 3),
        (nn.Conv1d(6, 6, 3, groups=6), (2, 6, 7), 2 * (7 - 2) * 6 * 3),
        (attention, (1, 2, 5, 8), 2 * (5 * 5 * 8) * 2),  # queries on keys, weights on values, in two heads
        (nn.LSTM(5, 4, batch_first=True), (2, 7, 5), 2 * 7 * (5 + 4) * 4 * 4),  # four gates, from input and state
        (
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
            (2, 5, 8),
            2 * (5 * 8 * 8 * 4 + 2 * 5 * 5 * 8 + 2 * 5 * 8 * 16),  # projections, attention, feed-forward
        ),
    ],
)
def test_multiply_adds_by_hand(layer, shape, expected):
    model = Layer(layer, torch.randn(shape)).eval()
    assert multiply_adds(model, None) == expected
    with torch.inference_mode():
        model(None)  # the fused forms are back in use


def test_multiply_adds_of_the_reference_are_its_head_and_those_of_more_steps_are_more():
    model = build("text_only", specs())
    one = batch(specs(), 3, labels=False)
    assert multiply_adds(model, one) == 3 * 12
    mdf = build("mdf", specs(), config=small("mdf"))
    longer = one._replace(audio=type(one.audio)(*(torch.cat([t, t], dim=1) for t in one.audio)))
    assert multiply_adds(mdf, longer) > multiply_adds(mdf, one) > 0


def test_counting_leaves_the_machine_as_it_was():
    before = torch.backends.mkldnn.enabled, torch.backends.cuda.flash_sdp_enabled(), torch.is_grad_enabled()
    multiply_adds(Layer(nn.Linear(1, 1), torch.ones(1, 1)), None)
    assert (torch.backends.mkldnn.enabled, torch.backends.cuda.flash_sdp_enabled(), torch.is_grad_enabled()) == before


# shapes


@pytest.mark.parametrize("form", ["padded", "real"])
def test_batches_have_mosis_shapes(form, tmp_path):
    encoder = tiny_bert(tmp_path)
    made = make_trainer(case("text_only", str(encoder)), form)
    assert len(made.train) == sum(TEXTS.values()) == 1284
    rows = [batch for batch in made.sampler.epoch(0) if len(batch) == 16]
    given = [made.train.batch(rows) for rows in rows[:20]]
    steps = np.array([[getattr(b, m).mask.shape[1] for m in PADDED] for b in given])
    assert given[0].audio.values.shape[2:] == (WIDTHS["audio"],) == (5,)
    assert given[0].vision.values.shape[2:] == (WIDTHS["vision"],) == (20,)
    if form == "padded":
        assert set(map(tuple, steps)) == {(50, 375, 500)}
    else:
        assert (steps <= [50, 375, 500]).all()
        assert steps[:, 0].mean() < 25
        longest = [[int(getattr(b, m).mask.sum(1).max()) for m in PADDED] for b in given]
        assert steps.tolist() == longest  # padded to the longest of the batch, not further


def test_audio_and_vision_are_as_long_as_the_text_takes_to_speak():
    split = mosi_shapes()
    lengths = {name: split.sequences[name].lengths for name in ("token_ids", "audio", "vision")}
    seconds = lengths["audio"] / 12.5
    words_a_second = lengths["token_ids"] / seconds
    assert 1.8 < np.quantile(words_a_second, 0.05) < np.quantile(words_a_second, 0.95) < 4.4
    whole = lengths["vision"] < 500
    assert np.corrcoef(lengths["audio"][whole], lengths["vision"][whole])[0, 1] > 0.99
    again = mosi_shapes()
    assert all(np.array_equal(again.sequences[name].lengths, lengths[name]) for name in lengths)


def test_text_without_an_encoder_is_features():
    made = make_trainer(case("text_only", batch_size=4), "padded")
    assert isinstance(made.train, Padded)
    assert made.train.batch([0, 1]).text.values.shape == (2, 50, 768)


# measuring


def test_what_is_timed_is_spread_evenly_over_the_widths():
    items = list(range(10))
    widths = np.array([9, 1, 8, 2, 7, 3, 6, 4, 5, 0])
    assert [int(widths[i]) for i in spread_evenly(items, widths, 5)] == [1, 3, 5, 7, 9]
    assert spread_evenly(items, widths, 1) == [8]  # of width 5


def test_the_time_is_the_mean_of_medians(monkeypatch):
    clock = iter([0, 1, 10, 12, 20, 29, 30, 32, 40, 43, 50, 52])
    monkeypatch.setattr(benchmark.time, "perf_counter", lambda: next(clock))
    seen = []
    assert time_evenly(seen.append, ["a", "b"], rounds=3) == (3 + 2) / 2
    assert seen == ["a", "b"] * 3


def test_the_cost_of_a_model_in_this_process():
    made = make_trainer(case("text_only"), "real")
    found = cost(made, steps=2, rounds=1, yardstick=True)
    assert found.keys() == {*Cost._fields} - {"model", "form", "error", "batch_size"}
    assert found["parameters"] == 768 + 1
    assert found["multiply_adds"] == 768
    assert all(value > 0 for value in found.values())
    assert made.step == 2 + 2  # warm-up and two timed steps


@pytest.mark.parametrize(("precision", "lower"), [("auto", False), ("bf16", True)])
def test_steps_and_answers_are_measured_in_the_precision_asked_for(precision, lower):
    made = make_trainer(case("text_only"), "real", precision)
    seen = set()
    (layer,) = (layer for layer in made.model.modules() if isinstance(layer, nn.Linear))
    layer.register_forward_hook(lambda _, __, output: seen.add((layer.training, output.dtype)))
    cost(made, steps=1, rounds=1)
    kind = torch.bfloat16 if lower else torch.float32
    assert seen == {(True, kind), (False, kind)}


def test_models_are_measured_in_processes_of_their_own_and_a_failure_is_a_line(tmp_path):
    encoder = tiny_bert(tmp_path / "bert")
    costs = bench(["text_only"], encoder=str(encoder), steps=1, rounds=1, threads=1, forms=["real"])
    assert [(one.model, one.form, one.error) for one in costs] == [("text_only", "real", "")]
    assert costs[0].peak > 50
    (encoder / "config.json").write_text("{")
    (failed,) = bench(["text_only"], encoder=str(encoder), steps=1, rounds=1, threads=1, forms=["real"])
    assert failed.error
    assert "\n" not in failed.error
    assert "Traceback" not in failed.error
    assert ratios([failed, *costs]) == [None, 1.0]


def test_an_unknown_model_encoder_or_precision_is_refused_before_anything_is_measured():
    with pytest.raises(UserError, match="did you mean 'bf16'"):
        bench(["mdf"], precision="bf61")
    with pytest.raises(UserError, match="did you mean 'mdf'"):
        bench(["mdff"])
    with pytest.raises(UserError, match="no asset is called 'minilmm'"):
        bench(["mdf"], encoder="minilmm")


def test_ratios_are_to_the_reference_of_the_same_form_else_to_the_fastest():
    def one(model, form, step):
        return Cost(model, form, step=step)

    costs = [one("mdf", "real", 6.0), one("text_only", "real", 3.0), one("mdf", "padded", 8.0), one("x", "padded", 2.0)]
    assert ratios(costs) == [2.0, 1.0, 4.0, 1.0]
    assert ratios([Cost("mdf", "real", "broken")]) == [None]


def test_bert_base_is_made_with_its_tokenizer(tmp_path, minilm):
    from sentiprism.text.encoders import load_backbone, load_tokenizer

    folder = encoder_folder("bert-base", tmp_path / "made")
    with torch.device("meta"):
        backbone = load_backbone(folder, pretrained=False)
    assert (backbone.config.hidden_size, backbone.config.num_hidden_layers) == (768, 12)
    assert backbone.config.vocab_size == len(load_tokenizer(folder)) == 30522
    assert encoder_folder("none", tmp_path) is None


# processes


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Measures a module of this code."""
    monkeypatch.syspath_prepend(tmp_path)

    def measured(code, **more):
        (tmp_path / "measured.py").write_text(code)
        return measure("measured", **more)

    return measured


def test_a_process_answers_with_its_last_line_or_is_refused_with_one(run):
    assert run("print('noise'); print('{\"a\": 1}')") == {"a": 1}
    assert run("") == {}
    assert run("import os; print(os.environ['X'])", environment={"X": "3"}) == 3
    with pytest.raises(UserError, match="ValueError: two lines"):
        run("raise ValueError('two lines')")
    with pytest.raises(UserError, match="exit status 3"):
        run("import sys; sys.exit(3)")
    with pytest.raises(UserError, match="ended by SIGKILL; check that there is enough memory"):
        run("import os; os.kill(os.getpid(), 9)")


def test_the_peak_of_a_process_is_its_own(run):
    """A child of a large process does not begin with its parent's peak."""
    ballast = np.ones(50_000_000)
    assert peak_memory() > 400
    code = "from sentiprism.machine import peak_memory; print(peak_memory())"
    assert 1 < run(code) < 200
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    assert peak_memory(children=True) > 1
    assert ballast[0] == 1


def test_the_machine_is_named_with_its_cores():
    assert f"{os.cpu_count()} cores, load " in machine()
