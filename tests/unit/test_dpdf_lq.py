"""DPDF-LQ's two paths and their fusion, with numbers computed by hand."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from makers_models import batch, changed, dpdf, missing, pad, specs, watch
from makers_text import tiny_bert
from sentiprism.errors import UserError
from sentiprism.models.dpdf_lq.model import DPDFLQ
from sentiprism.nn.attention import attention_maps
from sentiprism.nn.learnable_query import DGLQA
from sentiprism.text.encoders import load_tokenizer
from sentiprism.training.experiments import load_experiment
from sentiprism.types import FeatureSpec, ModalitySpec, TargetSpec

# the global path


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


def test_the_global_path_hears_and_sees_in_either_preset():
    given = batch(specs(), 4)
    for preset in ("paper", "literal"):
        model = dpdf(preset=preset)
        before = model(given).features["global"]
        for m in ("text", "audio", "vision"):
            assert not torch.allclose(model(changed(given, m)).features["global"], before)


# the local path


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
def mosei(tmp_path):
    """Widths of MMSA's files, text through an encoder of BERT-base's size."""
    from transformers import BertConfig

    BertConfig().save_pretrained(tmp_path)
    widths = {"audio": 74, "vision": 35}
    text = ModalitySpec(kind="tokens", width=30522, encoder=str(tmp_path))
    return FeatureSpec(text=text, **{m: ModalitySpec(kind="features", width=w) for m, w in widths.items()})


def test_the_released_code_has_the_papers_number_of_parameters(mosei):
    """224.88 M in Section 4.5.4: those of preset ``code``, and those of the release that no prediction reads."""
    config = load_experiment("dpdf_lq/zhou2025_mosei").run["config"]
    with torch.device("meta"):
        model = DPDFLQ(mosei, TargetSpec(), DPDFLQ.Config.parse(config, "config"), pretrained=False)
    groups = {name: sum(p.numel() for p in group) for name, group in model.param_groups().items()}
    assert groups["text_encoder"] == 2 * 108_891_648
    d, hidden, inner, table = 128, 128, 8 * 64, 8 + 500
    layer = 4 * 2 * d + 3 * d * inner + inner * d + d + d * hidden + hidden + hidden * d + d
    spatial = 2 * 35 + 3 * (35 * 35 + 35) + 35 * 9 + 35  # norm, three point-wise maps, 3 x 3 depth-wise
    unread = {
        "poolers of BERT": 2 * (768 * 768 + 768),
        "encoders of audio and vision in the local path": (74 + 35 + 2) * d + 2 * (table * d + 8 * d + layer),
        "spatial attention, in both paths": 2 * spatial,
        "heads of each path": d + 1 + (d * d // 2 + d // 2) + d // 2 + 1,
        "positions of target steps": (8 + 50 + 8) * d,
    }
    assert sum(groups.values()) + sum(unread.values()) == 224_877_630


def test_eqs7_8_as_printed_keys_and_values_read_all_modalities():
    torch.manual_seed(0)
    layer, tokens, query = DGLQA(4, 3, 2, joint=True), torch.randn(2, 3, 5, 4), torch.randn(2, 6, 4)
    con = torch.cat([norm(x) for norm, x in zip(layer.norms, tokens.unbind(1), strict=True)], dim=-1)
    a = layer.attention
    q, expected = a.query(layer.query_norm(query)), []
    gate = layer.gate(con.mean(dim=1)).softmax(dim=1)
    for c in range(3):  # block c is the c-th third of what the projections give
        k, v = (part(con)[..., 4 * c : 4 * c + 4] for part in (a.key, a.value))
        heads = [((q[..., h] @ k[..., h].mT) / 2**0.5).softmax(dim=-1) @ v[..., h] for h in (slice(0, 2), slice(2, 4))]
        expected.append(gate[:, c, None, None] * torch.cat(heads, dim=-1))
    everything = torch.ones(2, 3, dtype=torch.bool)
    found, shares = layer(query, tokens, everything)
    assert_close(found, query + a.out(sum(expected)))
    assert_close(shares, gate)
    added = DGLQA(4, 3, 2, joint=True, add_normed=True)
    added.load_state_dict(layer.state_dict())
    assert_close(added(query, tokens, everything)[0], found + layer.query_norm(query))


def test_joint_keys_read_what_each_modality_says_and_nothing_of_a_missing_one():
    model, given = dpdf(joint_keys=True), batch(specs(), 3)
    with attention_maps(model) as maps:
        before = model(given).prediction
    found = [seen for name, seen in maps.items() if name.startswith("global_path.query.attentions.0")]
    assert [tuple(one.shape) for one in found[0]] == [(3, 4, 8, 8)] * 3  # one a modality
    assert_close(found[0][0].sum(-1), torch.ones(3, 4, 8))
    without = missing(given, "vision", 1)
    after = model(without).prediction
    assert_close(model(changed(without, "vision")).prediction[1], after[1])
    assert not torch.allclose(after[1], before[1])


def test_the_released_code_reads_with_one_reader_and_drops_two_tokens():
    model, seen = dpdf(preset="code"), []
    watch(model.global_path.readers[0], seen)
    model(batch(specs(), 3))
    assert len(model.global_path.readers) == 1
    assert [given[0][0].values.shape[1] for given, _ in seen] == [6, 6]  # of 8 tokens
    with pytest.raises(UserError, match="two tokens fewer"):
        dpdf(preset="code", tokens=2)
