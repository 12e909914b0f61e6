"""ALMT: the text asks at every depth, and what the answer can know of it."""

import pytest
import torch
from torch.testing import assert_close

from makers_models import batch, build, small, specs
from sentiprism.errors import UserError
from sentiprism.nn.attention import TransformerLayer
from sentiprism.nn.global_tokens import token_scales
from sentiprism.nn.learnable_query import AHL, ChannelAttention, QueryEncoder
from sentiprism.nn.positions import LearnedPositions
from sentiprism.types import FeatureSpec, ModalitySpec

DEEP = small("almt") | {"depth": 3}


def test_the_hyper_modality_adds_what_the_text_finds_in_audio_and_in_vision():
    layer = AHL(4, 3, 1)
    tokens, query = torch.randn(1, 3, 2, 4), torch.randn(1, 2, 4)
    present = torch.ones(1, 3, dtype=torch.bool)
    text, *others = (norm(one) for norm, one in zip(layer.norms, tokens.unbind(1), strict=True))
    expected = query
    for attention, other in zip(layer.attentions, others, strict=True):
        scores = attention.query(text) @ attention.key(other).transpose(1, 2) / 2  # √d = 2
        expected = expected + attention.out(scores.softmax(dim=-1) @ attention.value(other))
    assert_close(layer(query, tokens, present)[0], expected)


@pytest.mark.parametrize("placed", [True, False])
def test_scales_are_the_leading_tokens_at_each_depth_and_the_others_as_they_are(placed):
    layers = torch.nn.ModuleList(TransformerLayer(8, 2, 16) for _ in range(2))
    h, present = torch.randn(2, 3, 4, 8), torch.tensor([[True, True, True], [False, True, True]])
    positions = LearnedPositions(4, 8)
    scales = token_scales(h, present, positions, layers, placed=placed)
    assert len(scales) == 3
    assert torch.equal(scales[0][0, 0], positions(h[:, 0])[0] if placed else h[0, 0])
    assert torch.equal(scales[0][:, 1:], h[:, 1:])
    assert (scales[0][1, 0] == 0).all()
    for scale in scales[1:]:
        assert torch.equal(scale[:, 1:], h[:, 1:])
        assert (scale[1, 0] == 0).all()  # missing
        assert not torch.allclose(scale[0, 0], h[0, 0])
    assert not torch.allclose(scales[1][0, 0], scales[2][0, 0])


def test_the_code_normalises_the_hyper_modality_before_it_adds_to_it():
    torch.manual_seed(0)
    plain, normed = (AHL(4, 2, 1, norm_query=norm) for norm in (False, True))
    plain.load_state_dict(normed.state_dict(), strict=False)
    tokens, query, present = torch.randn(1, 2, 3, 4), torch.randn(1, 3, 4), torch.ones(1, 2, dtype=torch.bool)
    normed_query = torch.nn.functional.layer_norm(query, (4,))
    assert_close(normed(query, tokens, present)[0], plain(normed_query, tokens, present)[0])


def test_without_channel_attention_a_query_encoder_is_its_attentions_alone():
    encoder = QueryEncoder(torch.randn(3, 8), 2, 2, 2, form="ahl", reduction=None)
    assert not any(isinstance(module, ChannelAttention) for module in encoder.modules())
    tokens, present = torch.randn(1, 2, 3, 8), torch.ones(1, 2, dtype=torch.bool)
    expected = encoder.query.expand(1, -1, -1)
    for attention in encoder.attentions:
        expected, _ = attention(expected, tokens, present)
    assert_close(encoder([tokens, tokens], present)[0], expected)


@pytest.mark.parametrize(("preset", "says"), [("paper", True), ("code", False)])
def test_the_extra_token_alone_says_nothing_of_the_text(preset, says):
    """With nothing to hear or see, the authors' form gives every text one answer."""
    model = build("almt", specs(), config=DEEP | {"preset": preset}).eval()
    given = batch(specs(), missing=("audio", "vision"))
    spread = model(given).prediction.std().item()
    assert (spread > 1e-4) == says


def test_in_the_authors_form_the_text_steers_where_is_looked():
    model, given = build("almt", specs(), config=DEEP | {"preset": "code"}).eval(), batch(specs())
    other = given._replace(text=given.text._replace(values=given.text.values.flip(0)))
    assert not torch.allclose(model(other).prediction, model(given).prediction, atol=1e-6)


def test_every_depth_of_the_text_is_asked_by():
    model = build("almt", specs(), config=DEEP)
    model(batch(specs())).prediction.sum().backward()
    assert len(model.hyper.attentions) == 3
    assert len(model.guide_layers) == 2
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.guide_layers.parameters())


def test_another_modality_may_lead():
    model = build("almt", specs(), config=small("almt") | {"guide": "vision"})
    assert model.order == ("vision", "text", "audio")
    two = FeatureSpec(audio=ModalitySpec(kind="features", width=5), vision=ModalitySpec(kind="features", width=7))
    assert build("almt", two, config=small("almt")).order == ("audio", "vision")


def test_one_modality_has_no_hyper_modality_to_answer_for_it():
    alone = FeatureSpec(text=specs().text)
    model = build("almt", alone, config=DEEP)
    assert len(model.hyper.attentions) == 0
    with pytest.raises(UserError, match="text alone makes none"):
        build("almt", alone, config=DEEP | {"preset": "code"})
