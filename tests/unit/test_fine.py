"""FINE as a whole: its losses, the rows of its Tables 5 and 6, and what else can be set."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from makers_models import CLASSES, batch, build, changed, fine, missing, rows, small, specs, watch
from sentiprism.errors import UserError
from sentiprism.nn.objectives.contrastive import DynamicContrastiveQueue
from sentiprism.nn.objectives.moments import moment_discrepancy
from sentiprism.types import Sequence


def test_eq14_total_has_every_loss_by_name():
    weights = fine().config.loss_weights
    assert list(weights) == ["task", "up", "cl", "aux", "sha", "uni", "recon", "str", "utr", "critic"]


@pytest.mark.parametrize("extractor", ["transformer", "tcn", "lstm", "mlp", "none"])
def test_table6_other_extractors_ignore_padding_and_give_one_token(extractor):
    model, given = fine(extractor=extractor), batch(specs(), 4)
    values, mask = given.audio
    dirty = given._replace(audio=Sequence(torch.where(mask[..., None], values, 50.0), mask))
    output = model(given)
    assert_close(model(dirty).prediction, output.prediction)
    assert "expert" not in output.weights
    assert output.losses["aux"] == 0
    if extractor != "lstm":
        times = output.weights["time.audio"]
        assert_close(times.sum(1), torch.ones(4))
        assert (times[~mask] == 0).all()
    model.train()(given).losses["task"].backward()
    assert all(p.grad is not None for p in model.extractors.parameters())


def test_table6_misas_split_has_distances_in_the_place_of_information():
    model = fine(factorize="misa")
    losses = model(batch(specs(), 6)).losses
    assert losses["sha"] > 0
    assert losses["uni"] > 0
    assert losses["str"] == losses["utr"] == losses["critic"] == 0
    assert model.param_groups()["critics"] == []


def test_table6_without_factors_the_extracted_tokens_are_fused():
    losses = fine(factorize="none")(batch(specs(), 6)).losses
    assert all(losses[name] == 0 for name in ("sha", "uni", "recon", "str", "utr", "critic"))


def test_table6_a_term_that_is_off_is_not_built():
    assert set(fine(loss_weights={"str": 0, "utr": 0}).information.critics) == {"sha", "uni"}
    assert fine(loss_weights={"cl": 0}).contrast is None
    assert fine(loss_weights={"up": 0}).unimodal_heads is None
    assert fine(loss_weights={"recon": 0}).factorizer.decoder is None


def test_moment_discrepancy_by_hand():
    left, right = torch.tensor([[0.0], [1.0], [9.0]]), torch.tensor([[0.25], [0.75], [9.0]])
    mask = torch.tensor([True, True, False])
    # means are equal; second moments 1/4 and 1/16; third 0; fourth 1/16 and 1/256
    assert_close(moment_discrepancy(left, right, mask, 4), torch.tensor(3 / 16 + 15 / 256))
    assert moment_discrepancy(left, left, mask) == 0


def test_l_up_may_take_a_modalitys_own_label():
    given = batch(specs(), 5)
    own = given._replace(labels={**given.labels, "A": given.labels["M"] + 1})
    for option, differs in ((False, False), (True, True)):
        model = fine(unimodal_labels=option)
        assert (model(own).losses["up"] != model(given).losses["up"]).item() is differs


def test_l_up_is_of_a_modalitys_own_tokens_unless_cls_is_asked_for():
    given = batch(specs(), 4)
    others = changed(given, "text", "vision")
    for unimodal, own in (("tokens", True), ("cls", False)):
        model, seen = fine(unimodal=unimodal), []
        watch(model.unimodal_heads, seen)
        model(given)
        model(others)
        assert torch.equal(seen[0][1][1], seen[1][1][1]) is own  # audio's predictions
        assert not torch.allclose(seen[0][1][0], seen[1][1][0])


def test_l_up_leaves_a_missing_modality_out():
    model, given = fine(unimodal="cls"), batch(specs(), 3)
    without = missing(given, "vision", 1)
    output = model(without)
    read = output.features["fused"].view(3, 3, 16).transpose(0, 1)
    errors = (model.unimodal_heads(read).squeeze(-1) - given.labels["M"]).square()
    expected = (errors[0].mean() + errors[1].mean() + errors[2, [0, 2]].mean()) / 3
    assert_close(output.losses["up"], expected)


def test_losses_of_pairs_leave_a_sample_with_one_modality_out():
    model, given = fine(), batch(specs(), 5)
    lonely = missing(missing(given, "audio", 4), "vision", 4)
    short = rows(given, torch.arange(4))
    for name in ("sha", "uni", "str", "critic"):
        assert_close(model(lonely).losses[name], model(short).losses[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("modalities", [("text",), ("text", "audio")])
def test_table5_subsets(modalities):
    model, given = fine(modalities=modalities), batch(specs(), 5)
    output = model(given)
    assert output.weights["expert"].view(5, 3, 3).sum(2).gt(0).any(0).tolist() == [True, "audio" in modalities, False]
    assert (output.losses["sha"] != 0).item() is (len(modalities) > 1)
    assert output.losses["utr"] != 0


def test_classes_are_taught_by_cross_entropy_and_are_at_full_distance():
    model = build("fine", specs(), CLASSES, small("fine")).eval()
    given = batch(specs(), 8, target=CLASSES)
    output = model(given)
    assert_close(output.losses["task"], nn.functional.cross_entropy(output.prediction, given.labels["M"]))
    assert model.contrast.classes == 2
    model.after_step(given, output)
    z, y = output.features["contrast"], given.labels["M"]
    scl = DynamicContrastiveQueue(CLASSES, 16, 0, form="scl")(z, y, torch.ones(8, dtype=torch.bool))
    accon = DynamicContrastiveQueue(CLASSES, 16, 0)(z, y, torch.ones(8, dtype=torch.bool))
    assert_close(accon, scl, rtol=1e-3, atol=1e-3)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(UserError, match="must divide a width of 20"):
        build("fine", specs(), config={"width": 20})
