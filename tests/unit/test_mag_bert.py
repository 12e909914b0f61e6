"""The multimodal adaptation gate against numbers worked out by hand, and where it stands in the encoder."""

import pytest
import torch
from torch.testing import assert_close

from makers_models import batch, build, small, specs
from makers_text import tiny_bert
from sentiprism.models.mag_bert import AdaptationGate
from sentiprism.nn.text import TextEncoder
from sentiprism.text.encoders import load_tokenizer
from sentiprism.types import Batch, FeatureSpec, ModalitySpec, Sequence


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> FeatureSpec:
    folder = tiny_bert(tmp_path_factory.mktemp("encoder") / "tiny")
    return specs(folder, len(load_tokenizer(folder)))


def model(given: FeatureSpec, **config):
    return build("mag_bert", given, config={**small("mag_bert"), **config}).eval()


def there(values: list, real: bool = True) -> Sequence:
    made = torch.tensor(values)
    return Sequence(made, torch.full(made.shape[:2], real))


@pytest.fixture
def gate() -> AdaptationGate:
    """Two channels, one modality of one feature x: g = ReLU(z + x), W x = (2x, 0)."""
    made = AdaptationGate(2, [1], beta=0.5, dropout=0.0)
    with torch.no_grad():
        made.gates[0].weight.copy_(torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]))
        made.shifts[0].weight.copy_(torch.tensor([[2.0], [0.0]]))
        for layer in (made.gates[0], made.shifts[0]):
            layer.bias.zero_()
    return made


@torch.no_grad()
def test_the_displacement_is_gated_and_bounded_by_the_length_of_what_it_shifts(gate):
    z = torch.tensor([[[3.0, 4.0]]])
    # x = 0.1: H = (3.1 · 0.2, 0), shorter than β|z| = 2.5
    assert_close(gate.displacement(z, [there([[[0.1]]])]), torch.tensor([[[0.62, 0.0]]]))
    # x = 1: H = (4 · 2, 0) = (8, 0), cut to 2.5
    assert_close(gate.displacement(z, [there([[[1.0]]])]), torch.tensor([[[2.5, 0.0]]]))
    # x = -5: the gate is shut
    assert not gate.displacement(z, [there([[[-5.0]]])]).any()


@torch.no_grad()
def test_what_is_missing_adds_nothing_to_the_displacement(gate):
    z = torch.tensor([[[3.0, 4.0]]])
    assert not gate.displacement(z, [there([[[1.0]]], real=False)]).any()
    assert_close(gate(z, [there([[[1.0]]], real=False)]), gate.norm(z))


@torch.no_grad()
def test_modalities_add_up_to_one_displacement():
    torch.manual_seed(0)
    both = AdaptationGate(4, [2, 3], beta=1e6, dropout=0.0)
    z, one, other = torch.randn(2, 3, 4), torch.randn(2, 3, 2).tolist(), torch.randn(2, 3, 3).tolist()
    apart = [both.displacement(z, [there(one, first), there(other, not first)]) for first in (True, False)]
    assert_close(both.displacement(z, [there(one), there(other)]), apart[0] + apart[1])


@torch.no_grad()
def test_an_encoders_embeddings_can_be_changed_before_its_first_layer_reads_them(features):
    encoder, text, seen = TextEncoder(features.text).eval(), batch(features, 3).text, []

    def watch(embedded: torch.Tensor) -> torch.Tensor:
        seen.append(embedded)
        return embedded

    plain = encoder(text).values
    assert_close(encoder(text, watch).values, plain)
    assert_close(seen[0], encoder.backbone.embeddings(text.values))
    blank = encoder(text, torch.zeros_like).values
    assert_close(blank[0, 0], blank[0, 1])  # without words and positions all tokens are one
    assert_close(encoder(text).values, plain)  # and nothing of it stays


def test_a_change_that_fails_is_taken_back(features):
    encoder, text = TextEncoder(features.text).eval(), batch(features, 2).text
    with pytest.raises(ZeroDivisionError):
        encoder(text, lambda _: 1 / 0)
    assert not encoder.backbone.embeddings._forward_hooks


@torch.no_grad()
def test_audio_shifts_tokens_in_proportion_to_their_place(features):
    one = model(features, modalities=["text", "audio"])
    given, seen = batch(features, 1), []
    one.gate.register_forward_hook(lambda _, args, __: seen.append(args[1][0].values))
    frames = torch.arange(12.0).reshape(1, 12, 1).expand(-1, -1, 5)
    one(given._replace(audio=Sequence(frames, torch.ones(1, 12, dtype=torch.bool))))  # two frames a token
    assert_close(seen[0][0, :, 0], torch.tensor([0.5, 2.5, 4.5, 6.5, 8.5, 10.5]))


@torch.no_grad()
def test_without_text_a_stand_in_is_shifted_by_what_is_there(features):
    for given in (features, specs()):
        built, full = model(given), batch(given, 4, missing=("text",))
        quiet = Batch(*(Sequence(s.values, s.mask & (i != 1)) for i, s in enumerate(full[:3])), full.labels, full.index)
        answers = built(full).prediction, built(quiet).prediction
        assert not torch.isclose(answers[0], answers[1]).any()
        nothing = built(batch(given, 2, missing=("text", "audio", "vision"))).prediction
        assert_close(nothing[0], nothing[1])


def test_without_text_in_the_dataset_audio_is_shifted_by_vision():
    given = FeatureSpec(**{m: ModalitySpec(kind="features", width=w) for m, w in (("audio", 5), ("vision", 7))})
    built = model(given)
    built(batch(specs(), 3)._replace(text=Sequence(torch.zeros(3, 1, 0), torch.zeros(3, 1).bool()))).losses[
        "task"
    ].backward()
    assert all(p.grad is not None for p in built.parameters())


def test_text_alone_has_no_gate(features):
    built = model(features, modalities=["text"])
    assert not any("gate" in name for name, _ in built.named_parameters())
    assert built(batch(features, 2)).prediction.shape == (2,)
