"""DPDF-LQ's layers, each by itself, with numbers computed by hand."""

import math

import torch
from torch import nn
from torch.testing import assert_close

from sentiprism.nn.attention import Attention
from sentiprism.nn.global_tokens import SpatialAttention, TokenCross, TokenEncoder
from sentiprism.nn.learnable_query import AHL, DGLQA, ChannelAttention, QueryEncoder, StandardQuery
from sentiprism.types import Sequence

ALL = torch.ones(1, 3, dtype=torch.bool)
TOKENS = torch.tensor([[[[2.0, 0.0], [0.0, 3.0]], [[1.0, 1.0], [5.0, -1.0]], [[0.0, 4.0], [4.0, 0.0]]]])
"""(1, 3, 2, 2): two tokens of two numbers for text, audio, vision."""
QUERY = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])


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


# global tokens


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
    encoder = QueryEncoder(torch.randn(2, 2), 2, 3, 1)
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


# cross-attention and the local path


def test_eq30_the_extra_token_reads_the_source_and_the_mean_takes_in_the_target():
    source = Sequence(TOKENS[:, 0], torch.ones(1, 2, dtype=torch.bool))
    target = Sequence(TOKENS[:, 1], torch.tensor([[True, False]]))
    cross = plain(TokenCross(1, 2, heads=1, hidden=4, source=[2], target=[2]))
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
    cross = TokenCross(3, 16, heads=4, hidden=32, source=[9], target=[])
    source, target = torch.randn(2, 5, 16), torch.randn(2, 7, 16)
    real = torch.ones(2, 8, dtype=torch.bool)
    keys = torch.cat([cross.source_token.expand(2, 1, 16), cross.source_positions[0](source)], dim=1)
    queries = torch.cat([cross.target_token.expand(2, 1, 16), target], dim=1)
    alone = cross([Sequence(source, real[:, :5])], [])
    for asked in (queries, torch.cat([queries[:, :1], target * 9], dim=1)):
        assert_close(cross.transformer(asked, real, Sequence(keys, real[:, :6]))[:, 0], alone)


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
