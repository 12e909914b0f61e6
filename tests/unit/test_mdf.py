"""MDF's equations, with numbers computed by hand."""

import math

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.testing import assert_close

from makers_models import CLASSES, batch, build, check_subset, missing, rows, small, specs
from makers_text import tiny_bert
from sentiprism.errors import UserError
from sentiprism.models.mdf import MDF
from sentiprism.nn.blocks import BiLSTM, masked_mean, masked_softmax
from sentiprism.nn.objectives.heterogeneity import heterogeneity
from sentiprism.nn.objectives.task import task_error, task_loss
from sentiprism.nn.objectives.weighting import error_weights, weight_loss
from sentiprism.text.encoders import load_backbone, load_tokenizer
from sentiprism.types import Sequence, TargetSpec

ALL = torch.ones(1, 3, dtype=torch.bool)


def mdf(**config) -> MDF:
    model = build("mdf", specs(), config={**small("mdf"), **config})
    return model.eval()


def linear_predictor(model: MDF) -> MDF:
    """Replace the Predictor by the mean of the representation, which a hand can compute."""
    width = model.predictor[-1].in_features * 2
    model.predictor = nn.Linear(width, 1)
    with torch.no_grad():
        model.predictor.weight.fill_(1 / width)
        model.predictor.bias.zero_()
    return model


def test_eq1_text_is_the_last_hidden_state_at_cls(tmp_path):
    tiny_bert(tmp_path)
    features = specs(tmp_path, len(load_tokenizer(tmp_path)))
    model, given = build("mdf", features, config=small("mdf")).eval(), batch(features, 4)
    with torch.no_grad():
        hidden = load_backbone(tmp_path)(input_ids=given.text.values, attention_mask=given.text.mask.long())
        assert_close(model(given).features["text"], hidden.last_hidden_state[:, 0])


def test_eq2_eq3_may_read_a_contextual_encoders_states_too(tmp_path):
    tiny_bert(tmp_path)
    features = specs(tmp_path, len(load_tokenizer(tmp_path)))
    model, given = build("mdf", features, config={**small("mdf"), "text_pool": "lstm"}).eval(), batch(features, 4)
    with torch.no_grad():
        hidden = load_backbone(tmp_path)(input_ids=given.text.values, attention_mask=given.text.mask.long())
        states = Sequence(hidden.last_hidden_state, given.text.mask)
        text = model(given).features["text"]
        assert_close(text, model.mappers["text"](model.recurrent["text"](states)))
    assert text.shape[-1] == small("mdf")["width"] != hidden.last_hidden_state.shape[-1]


def test_eq2_bilstm_is_the_packed_bidirectional_lstm():
    torch.manual_seed(0)
    ours, reference = BiLSTM(5, 3), nn.LSTM(5, 3, batch_first=True, bidirectional=True)
    state = {f"ahead.{k}": v for k, v in reference.state_dict().items() if not k.endswith("_reverse")}
    state |= {f"back.{k.removesuffix('_reverse')}": v for k, v in reference.state_dict().items() if "_reverse" in k}
    ours.load_state_dict(state)
    values, lengths = torch.randn(4, 7, 5), torch.tensor([7, 1, 4, 2])
    packed = pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
    last = torch.cat(list(reference(packed)[1][0]), dim=-1)
    assert_close(ours(Sequence(values, torch.arange(7) < lengths[:, None])), last)


def test_eq2_a_missing_sequence_gives_zero():
    mask = torch.tensor([[True, True], [False, False]])
    assert BiLSTM(4, 3)(Sequence(torch.randn(2, 2, 4), mask))[1].eq(0).all()


def test_eq3_hidden_null_is_half_the_width_rounded_up():
    model = mdf(audio_hidden=None, vision_hidden=None)
    assert model.recurrent["audio"].width == 2 * math.ceil(5 / 2)
    assert model.recurrent["vision"].width == 2 * math.ceil(7 / 2)


def test_eq4_eq5_sound_is_audio_less_its_textual_component():
    model, given = mdf(), batch(specs(), 4)
    found = model(given).features
    assert_close(found["textual"], model.extractor(found["audio"]))
    assert_close(found["sound"], found["audio"] - found["textual"])


def test_eq6_alignment_compares_predictions_of_text_and_textual_component():
    model = linear_predictor(mdf())
    given = batch(specs(), 3)
    output = model(given)
    distance = output.features["textual"].mean(1) - output.features["text"].mean(1)
    assert_close(output.losses["a"], distance.square().mean())
    audio = given.audio._replace(mask=given.audio.mask & torch.tensor([[True], [True], [False]]))
    partly = model(given._replace(audio=audio))
    assert_close(partly.losses["a"], distance[:2].square().mean())


def test_eq6_may_stop_at_the_text():
    for detach, reached in ((False, True), (True, False)):
        model = mdf(detach_text=detach)
        model(batch(specs(), 3)).losses["a"].backward()
        assert (model.mappers["text"][0].weight.grad is not None) is reached


def test_eq7_heterogeneity_of_three_vectors():
    # LN((2, 0)) = LN((1, -1)) = (1, -1); LN((0, 4)) = (-1, 1): per ordered pair 1, -1, -1
    h = torch.tensor([[[2.0, 0.0], [1.0, -1.0], [0.0, 4.0]]])
    assert_close(heterogeneity(h, ALL), torch.tensor(-2.0), rtol=1e-4, atol=1e-4)
    assert_close(heterogeneity(h, ALL, "abs"), torch.tensor(6.0), rtol=1e-4, atol=1e-4)
    assert_close(heterogeneity(h, ALL, "square"), torch.tensor(6.0), rtol=1e-4, atol=1e-4)
    only_first_two = torch.tensor([[True, True, False]])
    assert_close(heterogeneity(h, only_first_two), torch.tensor(2.0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("form", "cosine"), [("signed", -0.5), ("abs", 0.0), ("square", 0.0)])
def test_eq7_minimum_is_120_degrees_signed_and_right_angles_else(form, cosine):
    torch.manual_seed(0)
    h = nn.Parameter(torch.randn(1, 3, 8))
    optimizer = torch.optim.Adam([h], lr=0.05)
    for step in range(600):
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * (1 - step / 600)
        optimizer.zero_grad()
        heterogeneity(h, ALL, form).backward()
        optimizer.step()
    normed = torch.nn.functional.layer_norm(h, (8,))[0]
    cosines = (normed @ normed.T / 8)[~torch.eye(3, dtype=torch.bool)]
    assert_close(cosines, torch.full((6,), cosine), atol=0.02, rtol=0)


def test_eq8_weights_are_the_generators_softmax_over_what_is_there():
    assert_close(
        masked_softmax(
            torch.tensor([[1.0, 5.0, 1.0], [9.0, 0.0, 0.0]]), torch.tensor([[True, False, True], [False] * 3])
        ),
        torch.tensor([[0.5, 0.0, 0.5], [1 / 3, 1 / 3, 1 / 3]]),
    )
    model, given = mdf(), batch(specs(), 3)
    output = model(given)
    h_c = torch.cat([output.features[name] for name in ("text", "sound")], dim=1)
    vision = model.mappers["vision"](model.recurrent["vision"](given.vision))
    logits = model.generator(torch.cat([h_c, vision], dim=1))
    assert_close(output.weights["modality"], logits.softmax(dim=1))


def test_eq9_eq12_prediction_is_of_the_weighted_sum():
    model, given = mdf(), batch(specs(), 3)
    output = model(given)
    h = torch.stack([output.features[name] for name in ("text", "sound", "vision")], dim=1)
    fused = (output.weights["modality"].unsqueeze(-1) * h).sum(1)
    assert_close(output.features["fused"], fused)
    assert_close(output.prediction, model.predictor(fused).squeeze(-1))


def test_eq10_weights_from_errors():
    errors = torch.tensor([[0.4, 0.9, 1.9]])  # 1 / (e + 0.1) = 2, 1, 0.5
    powers = torch.tensor([[math.exp(2), math.exp(1), math.exp(0.5)]])
    assert_close(error_weights(errors, ALL, 0.1), powers / powers.sum())
    two = torch.tensor([[True, False, True]])
    assert_close(error_weights(errors, two, 0.1)[0, 0], torch.tensor(math.exp(2) / (math.exp(2) + math.exp(0.5))))
    # the literal small constant: one error below the others takes everything
    assert_close(error_weights(torch.tensor([[0.01, 0.5, 0.6]]), ALL, 1e-8), torch.tensor([[1.0, 0.0, 0.0]]))


def test_eq10_uses_each_modalitys_own_prediction():
    model, given = linear_predictor(mdf()), batch(specs(), 4)
    output = model(given)
    alone = torch.stack([output.features[n].mean(1) for n in ("text", "sound", "vision")], dim=1)
    errors = (given.labels["M"].unsqueeze(1) - alone).abs()
    assert_close(output.weights["modality_target"], (1 / (errors + 0.1)).softmax(dim=1))


def test_eq11_weight_loss():
    w, target = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]]), torch.tensor([[0.4, 0.3, 0.3], [0.0, 1.0, 0.0]])
    assert_close(weight_loss(w, target), torch.tensor((0.04 + 0.04 + 2.0) / 2))


def test_eq11_target_has_no_gradient():
    model = mdf()
    model(batch(specs(), 4)).losses["w"].backward()
    assert all(p.grad is None for p in model.predictor.parameters())
    assert all(p.grad is not None for p in model.generator.parameters())


def test_eq13_task_losses():
    y, prediction = torch.tensor([1.0, -2.0]), torch.tensor([0.0, -2.5])
    target = TargetSpec()
    assert_close(task_loss(prediction, y, target), torch.tensor((1 + 0.25) / 2))
    assert_close(task_loss(prediction, y, target, "l1"), torch.tensor(0.75))
    assert_close(task_error(prediction, y, target), torch.tensor([1.0, 0.5]))
    logits = torch.tensor([[0.0, math.log(3)]])  # p = 1/4, 3/4
    assert_close(task_loss(logits, torch.tensor([1]), CLASSES), torch.tensor(-math.log(0.75)))
    assert_close(task_error(logits, torch.tensor([1]), CLASSES), torch.tensor([0.25]))


def test_eq14_total_is_the_sum_of_four():
    assert mdf().config.loss_weights == {"task": 1, "a": 1, "o": 1, "w": 1, "uni": 0}
    assert mdf(loss_weights={"o": 0}).config.loss_weights == {"task": 1, "a": 1, "o": 0, "w": 1, "uni": 0}


@pytest.mark.parametrize("modalities", [("text",), ("audio",), ("vision",), ("text", "audio"), ("text", "vision")])
def test_table3_a_subset_leaves_the_others_out(modalities):
    check_subset(mdf(modalities=modalities), modalities)


def test_table3_a_prime_alone_is_fused_and_the_text_is_there_for_l_a():
    model, given = mdf(modalities=("text", "audio"), fuse=("audio",)), batch(specs(), 4)
    output = model(given)
    assert_close(output.weights["modality"], torch.tensor([[0.0, 1.0, 0.0]] * 4))
    assert_close(output.features["fused"], output.features["sound"])
    assert output.losses["a"] > 0
    assert output.losses["o"] == 0
    values, mask = given.text
    other = given._replace(text=Sequence(values + 1, mask))
    assert torch.equal(model(other).prediction, output.prediction)
    assert not torch.equal(model(other).losses["a"], output.losses["a"])
    with pytest.raises(UserError, match="fuse names vision, and text, audio are used"):
        mdf(modalities=("text", "audio"), fuse=("vision",))


def test_the_optional_unimodal_loss_is_the_predictors_on_each_modality_that_is_there():
    model, given = mdf(), missing(batch(specs(), 4), "vision", 2)
    output, y = model(given), given.labels["M"]
    colours = {"text": "text", "audio": "sound", "vision": "vision"}
    errors = [(model.predictor(output.features[f]).squeeze(1) - y).square() for f in colours.values()]
    assert_close(output.losses["uni"], (errors[0].mean() + errors[1].mean() + errors[2][[0, 1, 3]].mean()) / 3)


def test_table3_without_sound_the_audio_is_whole():
    model = mdf(sound=False)
    output = model(batch(specs(), 3))
    assert not hasattr(model, "extractor")
    assert "sound" not in output.features
    assert output.losses["a"] == 0


def test_masked_mean_ignores_padding():
    values = torch.tensor([[[1.0], [3.0], [99.0]], [[5.0], [5.0], [5.0]]])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    assert_close(masked_mean(values, mask), torch.tensor([[2.0], [0.0]]))


def test_weight_generator_learns_who_is_right():
    """L_w alone moves w to w*: the modality whose prediction is nearest gets the weight."""
    model, given = mdf(width=64), batch(specs(), 32)
    optimizer = torch.optim.Adam(model.generator.parameters(), lr=1e-2)
    before = model(given).losses["w"].item()
    for _ in range(200):
        optimizer.zero_grad()
        model(given).losses["w"].backward()
        optimizer.step()
    output = model(rows(given, torch.arange(32)))
    assert output.losses["w"] < 0.2 * before
    agree = output.weights["modality"].argmax(1) == output.weights["modality_target"].argmax(1)
    assert agree.float().mean() > 0.8
