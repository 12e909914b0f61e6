"""Self-MM's and TETFN's equations by hand, and the memory of train utterances that they need."""

import json
import math

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

from makers_models import CLASSES, INTENSITY, batch, build, missing, small, specs
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.models import load_model, save_model
from sentiprism.models.self_mm.label_generation import UnimodalLabels, momentum, relative_distance, shifted_label
from sentiprism.models.self_mm.model import SelfMM
from sentiprism.nn.branches import Stack
from sentiprism.nn.crossmodal import Crossmodal, Through
from sentiprism.nn.objectives.task import task_loss
from sentiprism.nn.row_memory import RowMemory
from sentiprism.training.train import train
from sentiprism.types import Sequence

INDEX = torch.tensor([4, 3])


def self_mm(**config) -> SelfMM:
    return build("self_mm", specs(), config={**small("self_mm"), "dropout": 0.0, **config})


def two_centres(form: str = "square") -> UnimodalLabels:
    """Utterances 0 and 1 of six are known: positive at (1, 0), negative at (-1, 0), for both tasks."""
    memory = UnimodalLabels(6, (2, 2), INTENSITY, form)
    vectors = torch.tensor([[1.0, 0.0], [-1.0, 0.0]]).unsqueeze(1).expand(2, 2, 2)
    memory.update(torch.tensor([0, 1]), vectors, torch.tensor([2.0, -1.0]), torch.ones(2, 1, dtype=torch.bool), 1)
    return memory


def test_relative_distance_value():
    centres = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])  # positive, negative
    x = torch.tensor([[0.0, 0.0], [1.0, 1.0]])  # squares: 1 and 1; 1 and 5, which √d divides out
    assert_close(relative_distance(x, centres.unsqueeze(1)), torch.tensor([0.0, 4.0]))
    assert_close(relative_distance(x, centres.unsqueeze(1), "norm"), torch.tensor([0.0, math.sqrt(5) - 1]))


def test_shifting_value_is_the_mean_of_the_ratio_and_the_difference():
    y, whole, own = torch.tensor([1.5, -2.0]), torch.tensor([2.0, -0.5]), torch.tensor([1.0, -0.8])
    assert_close(shifted_label(y, whole, own), (y * own / whole + y + own - whole) / 2)
    assert_close(shifted_label(y, whole, own)[0], torch.tensor(0.625))
    assert_close(shifted_label(y, whole, whole), y)
    assert shifted_label(y, torch.zeros(2), own).isfinite().all()


def test_momentum_update_gives_epoch_i_the_share_2_in_i_plus_1():
    before, now = torch.tensor(3.0), torch.tensor(0.0)
    assert_close(momentum(before, now, 2), torch.tensor(1.0))  # 1/3 of the old
    assert_close(momentum(before, now, 3), torch.tensor(1.5))  # 1/2 of it
    assert_close(momentum(before, now, 1), now)


def test_centres_are_means_by_the_sign_of_each_tasks_own_label():
    memory = two_centres()
    centres, count = memory.centres()
    assert_close(centres, torch.tensor([[1.0, 0.0], [-1.0, 0.0]]).unsqueeze(1).expand(2, 2, 2))
    assert count.tolist() == [[1, 1], [1, 1]]
    memory.labels[0, 1] = -0.5  # the modality of utterance 0 has become negative
    centres, count = memory.centres()
    assert count.tolist() == [[1, 0], [1, 2]]
    assert_close(centres[1, 1], torch.tensor([0.0, 0.0]))


def test_labels_are_the_multimodal_ones_in_the_first_epoch_and_shift_from_the_second():
    memory, label = two_centres(), torch.tensor([1.0, -3.0])
    present = torch.tensor([[True], [False]])
    # α of the whole is (9/4 - 1/4) / (1/4) = 8, of the modality (1 - 1) / 1 = 0
    vectors = torch.tensor([[[0.5, 0.0], [0.0, 0.0]]] * 2)
    assert_close(memory.read(INDEX, label), label.unsqueeze(1))
    memory.update(INDEX, vectors, label, present, 1)
    assert_close(memory.read(INDEX, label), label.unsqueeze(1))
    memory = two_centres()
    memory.update(INDEX, vectors, label, present, 2)
    new = 1 + (0 - 8) / 2 * (1 + 8) / 8  # -3.5, clipped to -3
    assert_close(memory.read(INDEX, label), torch.tensor([[1 / 3 * 1 + 2 / 3 * max(new, -3)], [-3.0]]))
    assert memory.known[INDEX].tolist() == [[1, 1], [0, 0]]  # what is missing belongs to no centre


def test_without_a_negative_centre_labels_stay():
    memory = UnimodalLabels(4, (2, 2), INTENSITY)
    for epoch in (1, 2):
        memory.update(torch.tensor([0]), torch.ones(1, 2, 2), torch.tensor([2.0]), torch.ones(1, 1).bool(), epoch)
    assert_close(memory.labels[0], torch.tensor([2.0, 2.0]))


def test_unimodal_losses_are_weighted_by_tanh_of_the_shift_over_what_is_there():
    model, given = self_mm().train(), batch(specs(), 3)
    audio = given.audio.mask.clone()
    audio[1] = False
    given = given._replace(audio=Sequence(given.audio.values, audio))
    assert model(given).losses["audio"] == 0  # no shift yet
    memory = model.remember(8)
    y = given.labels["M"]
    labels = torch.stack([y, y, y + 0.5, y - 1.0], dim=1)
    memory.write(given.index, vectors=torch.zeros(3, 4, 16), labels=labels, known=torch.ones(3, 4))
    output = model(given)
    answers = model.own_heads["audio"](output.features["audio"]).squeeze(1)
    errors = math.tanh(0.5) * (answers - (y + 0.5)).abs()
    assert_close(output.losses["audio"], (errors[0] + errors[2]) / 2)
    assert output.losses["text"] == 0
    assert_close(output.losses["task"], task_loss(output.prediction, y, INTENSITY, "l1"))
    assert model.eval()(given).losses["audio"] == 0  # rows of another split are not looked up


def test_classes_have_no_centres_and_are_learned_by_every_modality():
    model = build("self_mm", specs(), CLASSES, small("self_mm"))
    assert model.remember(8) is None
    assert model(batch(specs(), 4, target=CLASSES)).losses["audio"] > 0


def test_a_saved_model_has_no_memory(tmp_path):
    model = self_mm()
    model.remember(100)
    given = batch(specs(), 4)
    model.after_step(given, model(given))
    assert model.memory.written.sum() == 4
    save_model(model, tmp_path / "model", {})
    assert not any("memory" in name for name in load_file(tmp_path / "model" / "weights.safetensors"))
    assert load_model(tmp_path / "model").model.memory is None


@pytest.mark.parametrize("generate", [True, False])
def test_labels_made_in_the_second_epoch_teach_from_the_third_on(generate, home, tmp_path):
    data = synthetic_dataset("small", sizes=(48, 16, 16))
    settings = {"config": {**small("self_mm"), "generate": generate}, "optim": {"epochs": 3, "batch_size": 8}}
    run = train("self_mm", data, settings=settings, out=tmp_path / "run", device="cpu", quiet=True)
    lines = (run.seed_folder(1111) / "metrics.jsonl").read_text().splitlines()
    shifted = [[json.loads(line)["train"][m] > 0 for m in ("text", "audio", "vision")] for line in lines]
    assert shifted == [[False] * 3, [False] * 3, [generate] * 3]


def test_a_memory_of_two_processes_is_what_both_have_written():
    one, two = RowMemory(4, {"x": (2,)}), RowMemory(4, {"x": (2,)})
    for memory, row in ((one, 0), (two, 2)):
        memory.write(torch.tensor([3]), x=torch.full((1, 2), 7.0))  # both know row 3
        memory.fresh.zero_()
        memory.write(torch.tensor([row]), x=torch.full((1, 2), row + 1.0))
    sent = [[m.fresh.float(), m.x * m.fresh.unsqueeze(1)] for m in (one, two)]
    for memory in (one, two):
        means = iter((a + b) / 2 for a, b in zip(*sent, strict=True))
        memory.merge(lambda own, means=means: next(means))
    expected = torch.tensor([[1.0, 1.0], [0.0, 0.0], [3.0, 3.0], [7.0, 7.0]])
    for memory in (one, two):
        assert_close(memory.x, expected)
        assert memory.written.tolist() == [True, False, True, True]
        assert not memory.fresh.any()


def test_encoders_of_audio_and_vision_have_rates_of_their_own():
    model = self_mm()
    for name in ("audio", "vision"):
        theirs = {id(p) for part in (model.recurrent, model.after) for p in part[name].parameters()}
        assert {id(p) for p in model.param_groups()[name]} == theirs
    assert self_mm(modalities=["text"]).param_groups()["audio"] == []  # a rate that is given is no error


def test_a_linear_layer_follows_the_lstms_and_a_missing_modality_is_zero_all_the_same():
    model, given = self_mm().eval(), missing(batch(specs(), 3), "audio", 1)
    vectors, _, _ = model.encode(given)
    states = model.recurrent["audio"](given.audio.values)[0]
    assert_close(vectors["audio"][0], model.after["audio"](states[0, int(given.audio.mask[0].sum()) - 1]))
    assert (vectors["audio"][1] == 0).all()


@pytest.mark.parametrize("name", ["self_mm", "tetfn"])
def test_a_third_layer_stands_behind_the_representation_that_labels_are_made_from(name):
    model, given = build(name, specs(), config={**small(name), "task_layers": 3}).eval(), batch(specs(), 3)
    output = model(given)
    assert_close(output.prediction, model.head(model.middle["fused"](output.features["fused"]).relu()).squeeze(1))
    assert set(model.middle) == {"fused", "text", "audio", "vision"}


def test_zeros_behind_shorter_representations_change_no_label():
    narrow, wide = UnimodalLabels(4, (3, 2), INTENSITY), UnimodalLabels(4, (3, 3), INTENSITY)
    torch.manual_seed(0)
    for epoch in (1, 2):
        index, label = torch.arange(4), torch.tensor([2.0, -1.0, 0.5, -2.0])
        whole, own, there = torch.randn(4, 3), torch.randn(4, 2), torch.ones(4, 1).bool()
        narrow.update(index, [whole, own], label, there, epoch)
        wide.update(index, torch.stack([whole, torch.cat([own, torch.zeros(4, 1)], 1)], 1), label, there, epoch)
    assert not torch.allclose(narrow.labels[:, 1], narrow.labels[:, 0])
    assert_close(narrow.centres(), wide.centres())
    assert_close(narrow.labels, wide.labels)


def test_modalities_have_widths_of_their_own():
    model = self_mm(own_widths={"audio": 5})
    output = model(batch(specs(), 3))
    assert {m: f.shape[1] for m, f in output.features.items()} == {"text": 16, "audio": 5, "vision": 16, "fused": 16}
    model.remember(6)
    model.after_step(batch(specs(), 3), output)
    assert (model.memory.vectors[:3, 2, 5:] == 0).all()


def test_tetfn_adds_positions_in_the_text_enhanced_transformers_alone():
    model = build("tetfn", specs(), config=small("tetfn"))
    found = {name: part.position_form for name, part in model.named_modules() if isinstance(part, Stack)}
    enhanced = {name for name, form in found.items() if form is not None}
    between = ("crossmodal.reads.audio_vision", "crossmodal.reads.vision_audio")
    assert enhanced == {f"{name}.{stage}" for name in between for stage in ("lower", "upper")}


def test_tetfn_audio_reads_vision_through_the_text():
    torch.manual_seed(0)
    mixed = Crossmodal(("text", "audio", "vision"), 8, 2, 1, 1, through=("text", "sinusoidal"), dropout=0.0).eval()
    kinds = {name: isinstance(read, Through) for name, read in mixed.reads.items()}
    assert {name for name, through in kinds.items() if through} == {"audio_vision", "vision_audio"}
    draw = [Sequence(torch.randn(2, n, 8), torch.ones(2, n, dtype=torch.bool)) for n in (3, 4, 5)]
    x = dict(zip(("text", "audio", "vision"), draw, strict=True))
    read = mixed.reads["audio_vision"]
    lower = read.lower(x["vision"], x["text"])
    assert_close(mixed._read("audio", "vision", x).values, read.upper(x["audio"], lower).values)
    assert lower.values.shape == (2, 5, 8)
    vectors, weights = mixed(x)
    assert {m: v.shape for m, v in vectors.items()} == dict.fromkeys(x, (2, 16))
    assert_close(weights["time.audio"].sum(1), torch.ones(2))


def test_tetfn_unimodal_representations_are_maxima_over_real_steps():
    model, given = build("tetfn", specs(), config=small("tetfn")).eval(), batch(specs(), 4)
    vectors, _, _ = model.encode(given)
    values, mask = model._project("audio", given)
    rows = [values[i, mask[i]].max(dim=0).values for i in range(4)]
    assert_close(vectors["audio"], torch.stack(rows))
