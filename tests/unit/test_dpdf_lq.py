"""DPDF-LQ's equations, with numbers computed by hand."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from makers_models import batch, build, pad, small, specs
from makers_text import tiny_bert
from sentiprism.errors import UserError
from sentiprism.features.text import load_tokenizer
from sentiprism.models.dpdf_lq import DPDFLQ
from sentiprism.nn.attention import Attention
from sentiprism.nn.global_tokens import SpatialAttention, TokenCross, TokenEncoder
from sentiprism.nn.learnable_query import AHL, DGLQA, ChannelAttention, QueryEncoder, StandardQuery
from sentiprism.types import FeatureSpec, ModalitySpec, Sequence, TargetSpec

ALL = torch.ones(1, 3, dtype=torch.bool)
TOKENS = torch.tensor([[[[2.0, 0.0], [0.0, 3.0]], [[1.0, 1.0], [5.0, -1.0]], [[0.0, 4.0], [4.0, 0.0]]]])
"""(1, 3, 2, 2): two tokens of two numbers for text, audio, vision."""
QUERY = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])


def dpdf(features: FeatureSpec | None = None, **config) -> DPDFLQ:
    model = build("dpdf_lq", features or specs(), config={**small("dpdf_lq"), **config})
    return model.eval()


def plain(module: nn.Module) -> nn.Module:
    """Every projection of its attentions the identity, and no layer norm."""
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, Attention):
                for layer in (part.query, part.key, part.value, part.out):
                    layer.weight.copy_(torch.eye(layer.in_features))
                    layer.bias.zero_()
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.LayerNorm):
                setattr(parent, name, nn.Identity())
    return module


def attended(query: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """softmax(Q Kᵀ / √2) V of vectors of two numbers, written out."""
    rows = []
    for q in query:
        powers = [math.exp((q[0] * k[0] + q[1] * k[1]).item() / math.sqrt(2)) for k in source]
        rows.append(sum(p / sum(powers) * v for p, v in zip(powers, source, strict=True)))
    return torch.stack(rows)


def watch(module: nn.Module, seen: list) -> None:
    module.register_forward_hook(lambda _, given, answer: seen.append((given, answer)))


# representations


def test_eq1_to_eq3_global_tokens_are_the_first_rows_of_the_whole():
    encoder = TokenEncoder(5, 8, 2, 16, tokens=3, steps=4, head_width=4)
    mask = torch.arange(9) < torch.tensor([9, 2, 0])[:, None]
    given = Sequence(torch.randn(3, 9, 5), mask)  # longer than the table of positions
    whole, tokens = encoder(given), encoder(given, whole=False)
    assert_close(tokens.values, whole.values[:, :3])
    assert whole.mask.sum(1).tolist() == [12, 5, 0]
    assert (whole.values[2] == 0).all()
    by_hand = torch.cat(
        [encoder.tokens, encoder.project(given.values[0]) + encoder.positions.table[[0, 1, 2, *[3] * 6]]]
    )
    assert_close(whole.values[0], encoder.transformer.layers[0](by_hand[None], torch.ones(1, 12, dtype=torch.bool))[0])


def test_eq4_each_level_is_a_layer_more_of_the_text_and_the_same_audio_and_vision():
    path = dpdf(query_depth=4).global_path
    h, present = torch.randn(2, 3, 8, 16), torch.tensor([[True] * 3, [False, True, True]])
    h[1, 0] = 0.0
    scales = path._scales(h, present)
    assert len(scales) == 4
    assert torch.equal(scales[0], h)
    x = path.text_positions(h[:1, 0])
    for layer, scale in zip(path.text_layers, scales[1:], strict=True):
        x = layer(x, torch.ones(1, 8, dtype=torch.bool))
        assert_close(scale[:1, 0], x)
        assert torch.equal(scale[:, 1:], h[:, 1:])
        assert (scale[1, 0] == 0).all()
    assert [len(dpdf(query_depth=n).global_path.text_layers) for n in (1, 2, 3)] == [0, 1, 2]


# the query encoder


def test_eq5_to_eq15_dglqa():
    layer = plain(DGLQA(2, 3, 1))
    with torch.no_grad():
        layer.gate.weight.zero_()
        layer.gate.weight[1, 0] = 1.0  # audio's logit is the mean of the text's first channel
        layer.gate.weight[2, 5] = 0.5  # vision's is half the mean of its second
        layer.gate.bias.copy_(torch.tensor([0.0, 0.0, math.log(2.0)]))
    answer, gate = layer(QUERY, TOKENS, ALL)
    powers = torch.tensor([1.0, math.exp(1.0), 2 * math.exp(0.5 * 2.0)])  # means: 1 and 2
    assert_close(gate[0], powers / powers.sum())
    fused = sum(g * attended(QUERY[0], source) for g, source in zip(gate[0], TOKENS[0], strict=True))
    assert_close(answer[0], QUERY[0] + fused)


def test_eq13_eq14_a_missing_modality_has_no_share_and_is_not_attended_to():
    layer = plain(DGLQA(2, 3, 1))
    present = torch.tensor([[True, False, True]])
    answer, gate = layer(QUERY, TOKENS, present)
    other = TOKENS.clone()
    other[:, 1] = 77.0
    assert_close(layer(QUERY, other, present)[0], answer)
    assert gate[0, 1] == 0
    assert_close(gate.sum(), torch.tensor(1.0))
    fused = sum(gate[0, m] * attended(QUERY[0], TOKENS[0, m]) for m in (0, 2))
    assert_close(answer[0], QUERY[0] + fused)
    assert_close(layer(QUERY, TOKENS, torch.zeros_like(present))[0], QUERY)


def test_eq7_eq8_keys_and_values_come_from_one_projection():
    assert [name for name, _ in DGLQA(4, 3, 2).named_children()] == ["query_norm", "norms", "attention", "gate"]


def test_eq16_to_eq19_channel_attention():
    layer = ChannelAttention(2, reduction=2)
    with torch.no_grad():
        layer.squeeze.weight.fill_(1.0)
        layer.squeeze.bias.zero_()
        layer.excite.weight.copy_(torch.tensor([[2.0], [-1.0]]))
        layer.excite.bias.copy_(torch.tensor([0.0, 0.5]))
    query = torch.tensor([[[1.0, -2.0], [3.0, 0.0]]])  # z = (2, -1), W1 z = 1
    gelu = 0.5 * (1 + math.erf(1 / math.sqrt(2)))
    s = torch.tensor([1 / (1 + math.exp(-2 * gelu)), 1 / (1 + math.exp(gelu - 0.5))])
    assert_close(layer(query), query * s + query)


def test_modality_weights_are_the_mean_gate_over_the_layers():
    encoder = QueryEncoder(2, 2, 3, 1, tokens=2)
    for layer, bias in zip(encoder.attentions, ([math.log(2), 0, 0], [0, 0, math.log(6)]), strict=True):
        nn.init.zeros_(layer.gate.weight)
        layer.gate.bias.data = torch.tensor(bias)
    _, gate = encoder([TOKENS, TOKENS], ALL)
    assert_close(gate[0], (torch.tensor([0.5, 0.25, 0.25]) + torch.tensor([1, 1, 6]) / 8) / 2)


def test_standard_attention_is_one_softmax_over_all_tokens():
    layer = plain(StandardQuery(2, 3, 1))
    answer, gate = layer(QUERY, TOKENS, ALL)
    assert gate is None
    assert_close(answer[0], QUERY[0] + attended(QUERY[0], TOKENS[0].flatten(0, 1)))
    without = layer(QUERY, TOKENS, torch.tensor([[True, True, False]]))[0]
    assert_close(without[0], QUERY[0] + attended(QUERY[0], TOKENS[0, :2].flatten(0, 1)))


def test_ahl_lets_the_text_ask_audio_and_vision():
    layer = plain(AHL(2, 3, 1))
    answer, gate = layer(QUERY, TOKENS, ALL)
    assert gate is None
    asked = [attended(TOKENS[0, 0], TOKENS[0, m]) for m in (1, 2)]
    assert_close(answer[0], QUERY[0] + asked[0] + asked[1])
    assert_close(layer(QUERY, TOKENS, torch.tensor([[True, True, False]]))[0][0], QUERY[0] + asked[0])


# refinement


def test_eq20_to_eq25_refinement_of_the_query():
    path = dpdf().global_path
    with torch.no_grad():
        path.norm.running_mean.fill_(0.5)
        path.norm.running_var.fill_(4.0)
    seen: dict[str, list] = {"query": [], "balance": [], "first": [], "second": []}
    for name, module in zip(seen, (path.query, path.balance, *path.readers), strict=True):
        watch(module, seen[name])
    model_input = batch(specs(), 3)
    sequences = {m: getattr(model_input, m) for m in ("text", "audio", "vision")}
    found, _, _ = path(sequences, torch.ones(3, 3, dtype=torch.bool))

    query, width = functional.pad(seen["query"][0][1][0], (0, 0, 1, 1)), 16
    kernel, bias = path.convolution.weight[:, 0], path.convolution.bias
    convolved = sum(query[:, k : k + 8] * kernel[:, k] for k in range(3)) + bias
    refined = (functional.gelu(convolved) - 0.5) / math.sqrt(4.0 + path.norm.eps)  # Eq. 20, kernel 3
    g_in = seen["balance"][0][0][0]  # Eq. 22
    text, f = g_in[..., width : 2 * width], g_in[..., 2 * width :]
    assert_close(g_in[..., :width], refined)
    assert_close(seen["first"][0][0][0][0].values, refined)  # Eq. 21: the source is LQ'
    assert_close(f, seen["first"][0][1].unsqueeze(1).expand(-1, 8, -1))
    G = 1 / (1 + torch.exp(-seen["balance"][0][1]))  # Eq. 23
    assert_close(seen["second"][0][0][0][0].values, G * refined + (1 - G) * text)  # Eqs. 24, 25: the source is LQ''
    assert_close(found, seen["second"][0][1])


def test_eq24_balances_by_a_number_a_hand_can_compute_and_keeps_the_query_without_text():
    path = dpdf(query_depth=1).global_path
    nn.init.zeros_(path.balance.weight)
    nn.init.constant_(path.balance.bias, math.log(3.0))  # G = 3/4
    seen: list = []
    watch(path.readers[1], seen)
    query, top = torch.full((2, 8, 16), 4.0), torch.full((2, 3, 8, 16), 8.0)
    path._refine(query, top, torch.tensor([[True] * 3, [False, True, True]]))
    mixed = seen[0][0][0][0].values
    assert_close(mixed[0], torch.full((8, 16), 0.75 * 4 + 0.25 * 8))
    assert_close(mixed[1], query[1])


# cross-attention and the local path


def test_eq30_the_extra_token_reads_the_source_and_the_mean_takes_in_the_target():
    source = Sequence(TOKENS[:, 0], torch.ones(1, 2, dtype=torch.bool))
    target = Sequence(TOKENS[:, 1], torch.tensor([[True, False]]))
    cross = plain(TokenCross(1, 2, 1, 4, source=[2], target=[2]))
    nn.init.zeros_(cross.transformer.layers[0].feed[-1].weight)
    nn.init.zeros_(cross.transformer.layers[0].feed[-1].bias)
    for table in (*cross.source_positions, *cross.target_positions):
        nn.init.zeros_(table.table)
    keys = torch.cat([cross.source_token, TOKENS[0, 0]])
    token, step = (q + attended(q[None], keys)[0] for q in (cross.target_token[0], TOKENS[0, 1, 0]))
    assert_close(cross([source], [target])[0], (token + step) / 2)
    cross.target_positions = nn.ModuleList()
    assert_close(cross([source], [])[0], token)


def test_eq30_read_literally_nothing_of_the_target_reaches_token_0():
    """Layers over two sequences at full length: row 0 is what `TokenCross` gives without a target, exactly."""
    cross = TokenCross(3, 16, 4, 32, source=[9], target=[])
    source, target = torch.randn(2, 5, 16), torch.randn(2, 7, 16)
    real = torch.ones(2, 8, dtype=torch.bool)
    keys = torch.cat([cross.source_token.expand(2, 1, 16), cross.source_positions[0](source)], dim=1)
    queries = torch.cat([cross.target_token.expand(2, 1, 16), target], dim=1)
    alone = cross([Sequence(source, real[:, :5])], [])
    for asked in (queries, torch.cat([queries[:, :1], target * 9], dim=1)):
        assert_close(cross.transformer(asked, real, keys, real[:, :6])[:, 0], alone)


def changed(given, *modalities):
    return given._replace(
        **{m: Sequence(torch.randn_like(getattr(given, m).values), getattr(given, m).mask) for m in modalities}
    )


def test_the_literal_local_path_is_deaf_and_blind_and_the_default_is_not():
    given = batch(specs(), 4)
    for pool, reached in (("token0", False), ("mean", True), ("global_tokens", True)):
        model = dpdf(local_pool=pool)
        before = model(given).features["local"]
        for m in ("audio", "vision"):
            assert torch.equal(model(changed(given, m)).features["local"], before) is not reached
        assert not torch.allclose(model(changed(given, "text")).features["local"], before)
    assert dpdf(preset="literal").config.local_pool == "token0"
    assert dpdf().config.local_pool == "mean"


def test_the_global_path_hears_and_sees_in_either_preset():
    given = batch(specs(), 4)
    for preset in ("paper", "literal"):
        model = dpdf(preset=preset)
        before = model(given).features["global"]
        for m in ("text", "audio", "vision"):
            assert not torch.allclose(model(changed(given, m)).features["global"], before)


def test_pooling_over_learned_tokens_computes_the_rows_of_the_whole():
    """Rows of a cross-attention do not see each other, so leaving some out changes none."""
    tokens, whole = dpdf(local_pool="global_tokens"), dpdf(local_pool="mean")
    tables = "local_path.reader.target_positions"
    same = {name: value for name, value in whole.state_dict().items() if not name.startswith(tables)}
    tokens.load_state_dict(same, strict=False)
    for short, long in zip(
        tokens.local_path.reader.target_positions, whole.local_path.reader.target_positions, strict=True
    ):
        short.table.data = long.table[:8]
    rows: list = []
    for model in (tokens, whole):
        watch(model.local_path.reader.transformer, rows)
        model(batch(specs(), 3))
    few, many = rows[0][1], rows[1][1]
    assert_close(few[:, :9], many[:, :9])  # the extra token and audio's learned ones
    assert_close(few[:, 9:], many[:, 9 + 9 : 9 + 9 + 8])  # vision's, behind 9 steps of audio


def test_eq26_spatial_attention_scales_each_step():
    layer = SpatialAttention(1)
    with torch.no_grad():
        layer.depthwise.conv.weight.copy_(torch.tensor([[[1.0, 2.0, -1.0]]]))
        layer.depthwise.conv.bias.zero_()
        layer.pointwise.weight.fill_(0.5)
        layer.pointwise.bias.fill_(1.0)
    x, mask = torch.tensor([[[1.0], [2.0], [9.0]]]), torch.tensor([[True, True, False]])
    by_hand = [1 / (1 + math.exp(-(0.5 * 0 + 1))), 2 / (1 + math.exp(-(0.5 * 5 + 1)))]
    assert_close(layer(Sequence(x, mask)).values[0, :2, 0], torch.tensor(by_hand))


def test_eq29_audio_and_vision_have_positions_of_their_own():
    """More padding behind the audio moves no vision step to another position."""
    model, given = dpdf(), batch(specs(), 3)
    assert_close(model(pad(given, 5, garbage=50.0)).features["local"], model(given).features["local"])


# fusion


def test_eq31_to_eq34_the_fusion_gate():
    model, given = dpdf(), batch(specs(), 3)
    first, _, second = model.fusion_gate
    with torch.no_grad():
        for layer in (first, second):
            layer.weight.zero_()
            layer.bias.zero_()
        first.weight[0, 0], first.weight[0, 16] = 2.0, -1.0  # one number of each path
        second.weight[1, 0] = 3.0
    found, weights = model(given).features, model(given).weights
    z = 2 * found["global"][:, 0] - found["local"][:, 0]  # Eqs. 31, 32
    logit = 3 * z * 0.5 * (1 + torch.erf(z / math.sqrt(2)))
    local = 1 / (1 + torch.exp(-logit))  # Eq. 33: softmax of (0, logit)
    assert_close(weights["path"], torch.stack([1 - local, local], dim=1))
    assert_close(found["fused"], (1 - local)[:, None] * found["global"] + local[:, None] * found["local"])  # Eq. 34


def test_eq33_a_path_without_anything_to_read_has_no_share():
    model, given = dpdf(preset="literal"), batch(specs(), 3, missing=("text",))
    assert_close(model(given).weights["path"], torch.tensor([[1.0, 0.0]] * 3))
    assert (dpdf()(given).weights["path"] > 0).all()


def test_eq35_eq36_prediction_and_loss():
    model, given = dpdf(), batch(specs(), 4)
    output = model(given)
    predicted = output.features["fused"] @ model.head.weight[0] + model.head.bias
    assert_close(output.prediction, predicted)
    assert_close(output.losses["task"], (predicted - given.labels["M"]).square().mean())


# ablations

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
    model, given = dpdf(modalities=modalities), batch(specs(), 4)
    output = model(given)
    for name, column in zip(("text", "audio", "vision"), output.weights["modality"].T, strict=True):
        assert (column > 0).all() if name in modalities else (column == 0).all()
    for other in {"text", "audio", "vision"} - set(modalities):
        assert torch.equal(model(changed(given, other)).prediction, output.prediction)
    for name in modalities:
        assert not torch.allclose(model(changed(given, name)).prediction, output.prediction)


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


# encoders and size


def test_two_encoders_learn_at_the_encoders_rate_and_serve_one_path_each(tmp_path):
    tiny_bert(tmp_path)
    features = specs(tmp_path, len(load_tokenizer(tmp_path)))
    one, two = (dpdf(features, encoders=n) for n in (1, 2))
    sizes = [sum(p.numel() for p in model.param_groups()["text_encoder"]) for model in (one, two)]
    assert sizes[1] == 2 * sizes[0] > 0
    given = batch(features, 3)
    before = two(given).features
    nn.init.zeros_(two.text_encoder_local.backbone.embeddings.LayerNorm.weight)
    after = two(given).features
    assert torch.equal(after["global"], before["global"])
    assert not torch.allclose(after["local"], before["local"])
    assert dpdf(features, encoders=2, local_path=False).text_encoder_local is None


@pytest.fixture
def mosi(tmp_path):
    """Widths of the unaligned files, text through an encoder of BERT-base's size."""
    from transformers import BertConfig

    BertConfig().save_pretrained(tmp_path)
    widths = {"audio": 5, "vision": 20}
    text = ModalitySpec(kind="tokens", width=30522, encoder=str(tmp_path))
    return FeatureSpec(text=text, **{m: ModalitySpec(kind="features", width=w) for m, w in widths.items()})


def test_parameters_are_about_as_many_as_the_paper_counts(mosi):
    """224.88 M in Section 4.5.4, with two poolers of 0.59 M each that nothing reads and that are not here."""
    config = DPDFLQ.Config(encoders=2)
    with torch.device("meta"):
        model = DPDFLQ(mosi, TargetSpec(), config, pretrained=False)
    groups = {name: sum(p.numel() for p in group) for name, group in model.param_groups().items()}
    assert groups["text_encoder"] == 2 * 108_891_648
    poolers = 2 * 768 * 769
    total = (sum(groups.values()) + poolers) / 1e6
    assert total == pytest.approx(224.88, abs=0.5)
