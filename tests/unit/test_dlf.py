"""DLF's equations, with numbers computed by hand, and what all its variants keep."""

from itertools import product

import pytest
import torch
from torch.testing import assert_close

from makers_models import batch, build, pad, rows, small, specs
from sentiprism.errors import UserError
from sentiprism.models import create_model
from sentiprism.models.dlf import DLF
from sentiprism.nn.attention import Attention, attention_maps
from sentiprism.nn.blocks import last_step, masked_mean
from sentiprism.nn.objectives.triplet import triplet
from sentiprism.types import MODALITIES, Sequence, TargetSpec

VARIANTS = {
    "code": {"preset": "code"},
    "without FDM": {"disentangle": False},
    "without LFA": {"attractor": False},
    "vision dominant": {"dominant": "vision"},
    "code, audio dominant": {"preset": "code", "dominant": "audio"},
}
close = {"rtol": 1e-4, "atol": 1e-5}


def dlf(**config) -> DLF:
    return build("dlf", specs(), config={**small("dlf"), **config}).eval()


def without(given, modality: str, *samples: int):
    """The batch, ``modality`` missing in some samples."""
    values, mask = getattr(given, modality)
    mask = mask.clone()
    mask[list(samples)] = False
    return given._replace(**{modality: Sequence(values, mask)})


# the model


def test_eq1_to_eq8_losses_are_of_the_models_own_parts():
    model, given = dlf(), batch(specs(), 4)
    output = model(given)
    r = s = o = 0.0
    for m in MODALITIES:
        values, mask = getattr(given, m)
        low = Sequence(model.project[m](values, mask), mask)
        sh, sp = model.share(low).values, model.specify[m](low).values  # one network for all, one each
        again = model.decode[m](torch.cat([sh, sp], dim=-1))
        sp_again = model.specify[m](Sequence(again, mask)).values
        r = r + (low.values - again)[mask].norm(dim=-1).mean()
        s = s + (sp - sp_again)[mask].norm(dim=-1).mean()
        o = o + torch.nn.functional.cosine_similarity(sh, sp, dim=-1)[mask].clamp(min=0).mean()
        assert_close(output.features[f"shared.{m}"], masked_mean(sh, mask))
        assert_close(output.features[f"specific.{m}"], masked_mean(sp, mask))
    assert_close(torch.stack([output.losses[name] for name in "rso"]), torch.stack([r, s, o]))
    vectors = torch.stack([output.features[f"shared.{m}"] for m in MODALITIES], dim=1)
    gap = (given.labels["M"][:, None] - given.labels["M"]).abs()
    assert_close(output.losses["m"], triplet(vectors, torch.ones(4, 3, dtype=torch.bool), gap, 0.15))


@pytest.mark.parametrize("dominant", MODALITIES)
def test_eq10_the_dominant_modality_is_the_query_of_every_branch(dominant):
    model, given = dlf(dominant=dominant), batch(specs(), 3)
    with attention_maps(model) as maps:
        model(given)
    steps = {m: getattr(given, m).mask.shape[1] for m in MODALITIES}
    for m in MODALITIES:
        (seen,) = maps[f"branches.{dominant}_{m}.attend.layers.layers.0.attention"]
        assert seen.shape[2:] == (steps[dominant], steps[m])
    assert set(model.branches) == {f"{dominant}_{m}" for m in MODALITIES}


@pytest.mark.parametrize(("preset", "post"), [("paper", True), ("code", False)])
def test_eq11_the_sums_are_normalised_the_code_normalises_what_goes_in(preset, post):
    layer = dlf(preset=preset).branches["text_audio"].attend.layers.layers[0]
    x, source, mask = torch.randn(2, 3, 16), torch.randn(2, 3, 16), torch.ones(2, 3, dtype=torch.bool)
    if post:
        h = layer.norm(x + layer.attention(x, source, mask))
        expected = layer.feed_norm(h + layer.feed(h))
    else:
        h = x + layer.attention(layer.norm(x), layer.source_norm(source), mask)
        expected = h + layer.feed(layer.feed_norm(h))
    assert_close(layer(x, mask, Sequence(source, mask)), expected)


def test_eq12_fusion_joins_higher_specific_and_shared_features():
    model, given = dlf(), batch(specs(), 3)
    found = model(given).features
    joined = torch.cat([found[name] for name in ("text", "audio", "vision", "shared")], dim=1)
    assert_close(found["fused"], model.final(joined))
    assert_close(model(given).prediction, model.head(found["fused"]).squeeze(-1))
    found = model(without(given, "audio", 1)).features
    found["audio"] = found["audio"] * torch.tensor([[1.0], [0.0], [1.0]])
    joined = torch.cat([found[name] for name in ("text", "audio", "vision", "shared")], dim=1)
    assert_close(found["fused"], model.final(joined))


def test_eq14_hierarchical_predictions_each_have_their_loss():
    model, given = dlf(), without(batch(specs(), 4), "audio", 0, 2)
    output = model(given)
    label, found = given.labels["M"], output.features
    assert_close(output.losses["task"], (output.prediction - label).abs().mean())
    assert_close(output.losses["sh"], (model.shared_head(found["shared"]).squeeze(1) - label).abs().mean())
    audio = (model.specific_heads["audio"](found["audio"]).squeeze(1) - label).abs()
    assert_close(output.losses["sp_a"], audio[[1, 3]].mean())
    assert_close(
        output.losses["sp_v"], (model.specific_heads["vision"](found["vision"]).squeeze(1) - label).abs().mean()
    )


def test_causal_attention_across_lengths_ends_at_the_sources_true_end():
    torch.manual_seed(0)
    attention = Attention(4, 1, causal=True)
    attention.seen = []
    mask = torch.arange(6) < torch.tensor([[4], [6]])
    query_mask = torch.arange(3) < torch.tensor([[2], [3]])
    attention(torch.randn(2, 3, 4), torch.randn(2, 6, 4), mask, query_mask)
    seen = (attention.seen[0][:, 0] > 0).sum(-1)
    assert seen[0, :2].tolist() == [3, 4]
    assert seen[1].tolist() == [4, 5, 6]


def test_last_step_is_the_last_real_one():
    values = torch.arange(12.0).view(3, 2, 2)
    mask = torch.tensor([[True, True], [True, False], [False, False]])
    assert_close(last_step(values, mask), torch.tensor([[2.0, 3.0], [4.0, 5.0], [0.0, 0.0]]))


# what every variant keeps


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS.keys())
def test_a_variant_answers_alike_in_any_batch_and_with_any_padding(config):
    model, given = dlf(**config), batch(specs(), 5)
    together = model(given).prediction
    alone = torch.cat([model(rows(given, torch.tensor([i]))).prediction for i in range(5)])
    assert_close(alone, together, **close)
    assert_close(model(pad(given, 3, garbage=50.0)).prediction, together, **close)


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS.keys())
@pytest.mark.parametrize("modality", MODALITIES)
def test_a_variant_works_where_a_sample_lacks_a_modality(config, modality):
    model, given = dlf(**config).train(), batch(specs(), 4)
    output = model(without(given, modality, 1))
    sum(model.config.loss_weights[k] * v for k, v in output.losses.items()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("modalities", [("text",), ("audio",), ("vision",), ("text", "audio"), ("audio", "vision")])
def test_table2_a_subset_leaves_the_others_out(modalities):
    model, given = dlf(modalities=modalities), batch(specs(), 4)
    before = model(given)
    assert model.dominant == modalities[0]
    for other in set(MODALITIES) - set(modalities):
        values, mask = getattr(given, other)
        assert torch.equal(model(given._replace(**{other: Sequence(values + 1, mask)})).prediction, before.prediction)


def test_where_the_dominant_modality_is_missing_a_learned_step_asks_in_its_place():
    model, given = dlf().train(), batch(specs(), 4)
    model(given).prediction.sum().backward()
    assert (model.stand_in.grad == 0).all()
    lacking = without(given, "text", 2)
    output = model(lacking)
    output.prediction.sum().backward()
    assert (model.stand_in.grad != 0).any()
    model.eval()
    for other in ("audio", "vision"):  # what it draws depends on what is there
        values, mask = getattr(lacking, other)
        moved = lacking._replace(**{other: Sequence(values.flip(-1), mask)})
        assert not torch.allclose(model(moved).features[other][2], model(lacking).features[other][2])


def test_table2_without_fdm_nothing_is_disentangled():
    model, given = dlf(disentangle=False), batch(specs(), 3)
    output = model(given)
    assert not {"share", "specify", "decode"} & {name.split(".")[0] for name, _ in model.named_parameters()}
    assert all(output.losses[name] == 0 for name in "rsmo")
    assert_close(output.features["shared.audio"], output.features["specific.audio"])


def test_table2_without_lfa_every_modality_is_a_query():
    model, given = dlf(attractor=False), without(batch(specs(), 3), "vision", 0)
    assert set(model.branches) == {f"{q}_{m}" for q, m in product(MODALITIES, MODALITIES)}
    low = {m: Sequence(model.project[m](*getattr(given, m)), getattr(given, m).mask) for m in MODALITIES}
    specific = {m: model.specify[m](x) for m, x in low.items()}
    drawn = [model.branches["text_text"](specific["text"])]
    drawn += [model.branches[f"text_{m}"](specific["text"], specific[m]) for m in ("audio", "vision")]
    expected = torch.stack([(drawn[0][0] + drawn[1][0]) / 2, *torch.stack(drawn).mean(dim=0)[1:]])
    assert_close(model(given).features["text"], model.specific_higher["text"](expected))


def test_pools_say_where_they_look():
    model, given = dlf(), without(batch(specs(), 3), "audio", 1)
    weights = model(given).weights
    assert set(weights) == {f"time.{m}" for m in MODALITIES}
    for m in MODALITIES:
        share, mask = weights[f"time.{m}"], getattr(given, m).mask
        assert_close(share.sum(1), mask.any(1).float())
        assert (share[~mask] == 0).all()
    assert dlf(preset="code")(given).weights == {}


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="10 heads do not divide a width of 16"):
        create_model("dlf", specs(), TargetSpec(), {"width": 16})
    with pytest.raises(UserError, match="odd"):
        create_model("dlf", specs(), TargetSpec(), {"kernel": 4})


@torch.no_grad()
def test_the_codes_fusion_squashes_what_the_specific_heads_read():
    model, given, seen = dlf(preset="code"), batch(specs(), 3), {}
    for m in MODALITIES:
        model.squash[m].register_forward_hook(lambda _, given, __, m=m: seen.update({m: given[0]}))
    features = model(given).features
    for m in MODALITIES:
        assert torch.equal(seen[m], features[m])  # HSp_m
