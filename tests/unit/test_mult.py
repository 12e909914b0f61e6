"""MulT's parts: who reads whom, at whose rate, and what becomes of it."""

import pytest
import torch
from torch.testing import assert_close

from makers_models import STEPS, batch, build, small, specs
from sentiprism.models.mult import MulT, MulTConfig
from sentiprism.nn.attention import attention_maps
from sentiprism.types import MODALITIES, Sequence


def mult(**config) -> MulT:
    return build("mult", specs(), config={**small("mult"), **config}).eval()


@torch.no_grad()
def test_six_crossmodal_transformers_read_unaligned_sequences_and_three_memories_read_what_they_drew():
    model, given = mult(depth=2, memory=3), batch(specs(), 2)
    with attention_maps(model) as maps:
        model(given)
    crossmodal = {name: seen for name, seen in maps.items() if "reads" in name}
    memories = {name: seen for name, seen in maps.items() if "memories" in name}
    assert len(crossmodal) == 6 * 2
    assert len(memories) == 3 * 3
    for name, seen in crossmodal.items():
        reader, source = next(part for part in name.split(".") if "_" in part).split("_")
        assert [tuple(one.shape) for one in seen] == [(2, 4, STEPS[reader], STEPS[source])]


@torch.no_grad()
def test_every_layer_reads_the_low_level_sequence_of_the_other_modality():
    """Layers differ in what they ask, never in what they are shown: Z^[0]."""
    model, given = mult(depth=3), batch(specs(), 2)
    shown = []
    for layer in model.crossmodal.reads["text_audio"].layers.layers:
        layer.attention.register_forward_hook(lambda module, args, _: shown.append(args[1]))
    for layer in model.crossmodal.reads["text_audio"].layers.layers:
        layer.source_norm = None
    model(given)
    assert len(shown) == 3
    assert_close(shown[1], shown[0])
    assert_close(shown[2], shown[0])


@torch.no_grad()
def test_the_last_real_step_of_each_memory_is_what_predicts():
    model, given = mult(), batch(specs(), 3)
    output, found = model(given), {}
    for m in MODALITIES:
        model.crossmodal.memories[m].register_forward_hook(lambda *args, m=m: found.update({m: args[-1]}))
    model(given)
    for m, (values, mask) in found.items():
        last = torch.stack([values[i, int(mask[i].sum()) - 1] for i in range(3)])
        assert_close(output.features[m], last)


@torch.no_grad()
def test_a_missing_modality_is_read_by_no_other():
    model, given = mult(), batch(specs(), 2)
    absent = given._replace(audio=Sequence(given.audio.values, torch.zeros_like(given.audio.mask)))
    with attention_maps(model) as maps:
        output = model(absent)
    assert all(not one.any() for name, seen in maps.items() if "_audio" in name for one in seen)
    assert not output.features["audio"].any()


@torch.no_grad()
def test_the_codes_preset_sees_no_later_step():
    model, given = mult(preset="code"), batch(specs(), 1)
    with attention_maps(model) as maps:
        model(given)
    (memory,) = maps["crossmodal.memories.text.layers.layers.0.attention"]
    assert not memory.triu(diagonal=1).any()
    assert MulTConfig().causal is False


@pytest.mark.parametrize("used", [("text",), ("audio", "vision")])
def test_fewer_modalities(used):
    model = mult(modalities=used)
    assert len(model.crossmodal.reads) == len(used) * (len(used) - 1)
    output = model(batch(specs(), 3))
    output.losses["task"].backward()
    assert all(p.grad is not None for p in model.parameters())


def test_widths_that_do_not_fit_are_refused():
    for wrong in ({"heads": 3}, {"kernel": 2}):
        with pytest.raises(ValueError, match=r"divide|odd"):
            MulTConfig(**wrong)


@pytest.mark.parametrize(("depth", "memory", "layers"), [(4, None, 4), (2, None, 3), (4, 1, 1)])
def test_memories_are_as_deep_as_the_crossmodal_transformers_and_at_least_three(depth, memory, layers):
    model = mult(depth=depth, memory=memory)
    assert [len(stack.layers.layers) for stack in model.crossmodal.memories.values()] == [layers] * 3
    assert len(model.crossmodal.reads["text_audio"].layers.layers) == depth
