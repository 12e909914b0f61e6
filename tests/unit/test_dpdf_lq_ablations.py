"""DPDF-LQ's ablations: each trains whole and takes away what the paper says."""

import pytest
import torch
from torch.testing import assert_close

from makers_models import batch, check_subset, dpdf, specs, watch
from sentiprism.errors import UserError

ABLATIONS = {
    "w/o LPath": ({"local_path": False}, {"modality"}),
    "w/o GPath": ({"global_path": False}, set()),
    "w/o Gate": ({"gate": False}, {"modality", "path"}),
    "w/o DGLQA": ({"query": "none"}, {"path"}),
    "w/o GPath CA": ({"global_attention": False}, {"modality", "path"}),
    "swapped": ({"swap_attention": True, "global_pool": "mean"}, {"modality", "path"}),
    "swapped, token 0": (
        {"swap_attention": True, "global_pool": "mean", "preset": "literal"},
        {"modality", "path"},
    ),
    "Std.A": ({"query": "standard"}, {"path"}),
    "AHL": ({"query": "ahl"}, {"path"}),
    "literal": ({"preset": "literal"}, {"modality", "path"}),
    "literal, w/o GPath": ({"preset": "literal", "global_path": False}, set()),
    "literal, w/o T": ({"preset": "literal", "modalities": ("audio", "vision")}, {"modality"}),
    "pools": ({"global_pool": "mean", "local_pool": "global_tokens"}, {"modality", "path"}),
    "one layer": ({"query_depth": 1, "global_depth": 1, "local_depth": 1}, {"modality", "path"}),
    "code": ({"preset": "code"}, {"modality", "path"}),
    "code, w/o LPath": ({"preset": "code", "local_path": False}, {"modality"}),
    "code, w/o GPath": ({"preset": "code", "global_path": False}, set()),
    "code, w/o DGLQA": ({"preset": "code", "query": "none"}, {"path"}),
    "code, w/o GPath CA": ({"preset": "code", "global_attention": False}, {"modality", "path"}),
    "code, swapped": ({"preset": "code", "swap_attention": True, "global_pool": "mean"}, {"modality", "path"}),
    "code, Std.A": ({"preset": "code", "query": "standard"}, {"path"}),
    "code, AHL": ({"preset": "code", "query": "ahl"}, {"path"}),
    "code, w/o T": ({"preset": "code", "modalities": ("audio", "vision")}, {"modality"}),
    "Eqs. 7, 8 as printed": ({"joint_keys": True}, {"modality", "path"}),
    "w/o T": ({"modalities": ("audio", "vision")}, {"modality", "path"}),
    "w/o T, GPath CA": ({"modalities": ("audio", "vision"), "global_attention": False}, {"modality", "path"}),
    "w/o A&V": ({"modalities": ("text",)}, {"modality", "path"}),
    "w/o T&A": ({"modalities": ("vision",)}, {"modality", "path"}),
}


@pytest.mark.parametrize(("config", "said"), ABLATIONS.values(), ids=ABLATIONS)
def test_table2_an_ablation_trains_whole_and_says_what_it_still_has(config, said):
    model = dpdf(**config).train()
    output = model(batch(specs(), 4, missing=("vision",)))  # whatever is left
    assert output.prediction.isfinite().all()
    assert model(batch(specs(), 1)).prediction.isfinite().all()
    output = model(batch(specs(), 6))
    output.losses["task"].backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    assert set(output.weights) == said
    for shares in output.weights.values():
        assert_close(shares.sum(1), torch.ones(6))


@pytest.mark.parametrize("modalities", [("text",), ("audio",), ("vision",), ("text", "audio"), ("audio", "vision")])
def test_table2_a_subset_leaves_the_others_out(modalities):
    check_subset(dpdf(modalities=modalities), modalities)


def test_table2_what_replaces_a_removed_part():
    given = batch(specs(), 3)
    assert_close(dpdf(gate=False)(given).weights["path"], torch.full((3, 2), 0.5))
    for config, name in (({"local_path": False}, "global"), ({"global_path": False}, "local")):
        found = dpdf(**config)(given).features
        assert torch.equal(found["fused"], found[name])
    path, seen = dpdf(query="none").global_path, []
    watch(path.convolution, seen)
    h = [path.encoders[m](getattr(given, m), whole=False).values for m in path.modalities]
    path(
        dict(zip(path.modalities, given[:3], strict=True)), torch.tensor([[True] * 3, [True] * 3, [True, False, True]])
    )
    gathered = seen[0][0][0].transpose(1, 2)
    assert_close(gathered[0], (h[0] + h[1] + h[2])[0] / 3)
    assert_close(gathered[2], (h[0] + h[2])[2] / 2)


def test_swapped_the_query_asks_the_text_and_the_text_asks_audio_and_vision():
    given = batch(specs(), 3)
    model = dpdf(swap_attention=True, global_pool="mean")
    seen: list = []
    for reader in (*model.global_path.readers, model.local_path.reader):
        watch(reader, seen)
    model(given)
    for source, target in (handed for handed, _ in seen[:2]):
        assert source[0].values.shape == target[0].values.shape == (3, 8, 16)
    (first, asked), (second, _), (local, text) = (handed for handed, _ in seen)
    assert torch.equal(first[0].values, second[0].values)  # the text of the topmost level, both times
    assert not torch.equal(first[0].values, asked[0].values)
    assert [s.mask.shape[1] for s in local] == [8 + 9, 8 + 4]
    assert [s.mask.shape[1] for s in text] == [8 + 6]


def test_figure7_depths_are_fields():
    model = dpdf(query_depth=4, global_depth=3, local_depth=5)
    assert len(model.global_path.query.attentions) == 4
    assert [len(reader.transformer.layers) for reader in model.global_path.readers] == [3, 3]
    assert len(model.local_path.reader.transformer.layers) == 5


def test_what_cannot_be_is_named():
    with pytest.raises(UserError, match="only audio and vision"):
        dpdf(query="ahl", modalities=("audio", "vision"))
    with pytest.raises(UserError, match="never the query"):
        dpdf(swap_attention=True)
    with pytest.raises(UserError, match="no path is left"):
        dpdf(global_path=False, local_path=False)
    with pytest.raises(UserError, match="no path is left"):
        dpdf(preset="literal", global_path=False, modalities=("audio",))
