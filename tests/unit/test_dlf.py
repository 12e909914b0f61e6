"""DLF's equations, with numbers computed by hand, and what its losses do to what it learns."""

from itertools import product

import pytest
import torch
from scipy.stats import spearmanr
from torch.testing import assert_close

from makers_models import CLASSES, batch, build, pad, rows, small, specs
from sentiprism.data.prepare import DataConfig, PreparedSplit, TextConfig, prepare
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.models import create_model
from sentiprism.models.dlf import DLF
from sentiprism.nn.attention import Attention, attention_maps
from sentiprism.nn.blocks import last_step, masked_mean
from sentiprism.nn.objectives.orthogonality import cosine_orthogonality
from sentiprism.nn.objectives.reconstruction import reconstruction
from sentiprism.nn.objectives.task import task_loss
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


# objectives

# two utterances, two modalities; cosines 0.6 inside an utterance, 0 and 0.96 between them inside a modality
FOUR = torch.tensor([[[1.0, 0.0], [0.6, 0.8]], [[0.0, 1.0], [0.8, 0.6]]])
BOTH = torch.ones(2, 2, dtype=torch.bool)
GAP = torch.tensor([[0.0, 2.0], [2.0, 0.0]])


def test_eq7_constant_margin_by_hand():
    # first modality: 0.4 - 1 + 0.15 < 0; second: 0.4 - 0.04 + 0.15; both utterances alike
    assert_close(triplet(FOUR, BOTH, GAP, 0.15), torch.tensor((0 + 0.51) / 2))


def test_eq7_margin_by_label_and_negatives_of_any_modality_by_hand():
    # µ = 0.15 · 2; first: (0, 0.4 - 0.2 + 0.3), second: (0.4 - 0.2 + 0.3, 0.4 - 0.04 + 0.3); both utterances alike
    assert_close(triplet(FOUR, BOTH, GAP, 0.15, "label"), torch.tensor((0.25 + 0.58) / 2))


def by_loops(vectors, present, gap, margin, form):
    """Eq. 7 as it is written, triple by triple."""
    index = [(b, m) for b, m in product(*map(range, present.shape)) if present[b, m]]
    cosine = torch.nn.functional.cosine_similarity
    anchors, triples = [], []
    for s in index:
        hinges = []
        for p, n in product(index, index):
            alike, apart = gap[s[0], p[0]] == 0 and s != p, gap[s[0], n[0]] > 0
            if form == "constant":
                alike, apart = alike and s[1] != p[1], apart and s[1] == n[1]
            if alike and apart:
                mu = margin if form == "constant" else margin * gap[s[0], n[0]]
                distances = (1 - cosine(vectors[s], vectors[x], dim=0) for x in (p, n))
                hinges.append((next(distances) - next(distances) + mu).clamp(min=0))
        triples += hinges
        anchors += [torch.stack(hinges).mean()] if hinges else []
    return torch.stack(triples if form == "constant" else anchors).mean()


@pytest.mark.parametrize("form", ["constant", "label"])
def test_eq7_all_triples_at_once_are_the_loops(form):
    draw = torch.Generator().manual_seed(0)
    vectors = torch.randn(5, 3, 4, generator=draw).requires_grad_()
    label = torch.tensor([1.0, -2.0, 1.0, 0.4, -2.0])
    present = torch.rand(5, 3, generator=draw) < 0.75
    gap = (label[:, None] - label).abs()
    ours, theirs = (f(vectors, present, gap, 0.15, form) for f in (triplet, by_loops))
    assert_close(ours, theirs)
    assert ours > 0
    assert_close(*(torch.autograd.grad(loss, vectors)[0] for loss in (ours, theirs)))


def test_eq7_a_missing_modality_is_in_no_triple():
    present = torch.tensor([[True, True], [True, False]])
    # what is left has a negative in the first modality only, farther than the margin
    assert triplet(FOUR, present, GAP, 0.15) == 0
    moved = FOUR.clone()
    moved[1, 1] = torch.tensor([5.0, -3.0])
    assert_close(triplet(moved, present, GAP, 0.15, "label"), triplet(FOUR, present, GAP, 0.15, "label"))


def test_eq7_without_a_triple_is_zero():
    assert triplet(FOUR, BOTH, torch.zeros(2, 2), 0.15) == 0
    assert triplet(FOUR[:1], BOTH[:1], GAP[:1, :1], 0.15, "label") == 0


def test_eq7_orders_distances_by_label():
    torch.manual_seed(0)
    vectors = torch.nn.Parameter(torch.randn(15, 3, 8))
    label = torch.linspace(-3, 3, 5).repeat(3)
    gap, everything = (label[:, None] - label).abs(), torch.ones(15, 3, dtype=torch.bool)

    def distances() -> torch.Tensor:
        unit = torch.nn.functional.normalize(vectors.detach().flatten(0, 1), dim=1)
        return 1 - unit @ unit.T

    wide = gap.repeat_interleave(3, 0).repeat_interleave(3, 1)
    off = ~torch.eye(45, dtype=torch.bool)
    before = spearmanr(distances()[off], wide[off]).statistic
    optimizer = torch.optim.Adam([vectors], lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        triplet(vectors, everything, gap, 0.15, "label").backward()
        optimizer.step()
    assert abs(before) < 0.2
    assert spearmanr(distances()[off], wide[off]).statistic > 0.8


def test_eq8_non_negative_cosine_by_hand():
    one = torch.tensor([[1.0, 0.0], [2.0, 0.0], [1.0, 1.0]])
    other = torch.tensor([[0.6, 0.8], [-1.0, 0.0], [5.0, 5.0]])
    first_two = torch.tensor([True, True, False])
    assert_close(cosine_orthogonality(one, other, first_two), torch.tensor(0.3))
    assert_close(cosine_orthogonality(one, other, first_two, "abs"), torch.tensor(0.8))
    assert cosine_orthogonality(one, other, torch.zeros(3, dtype=torch.bool)) == 0


def test_eq4_eq6_distances_by_hand():
    made, original = torch.tensor([[3.0, 4.0], [1.0, 1.0], [9.0, 9.0]]), torch.tensor([[0.0, 0.0], [1.0, 1.0], [0, 0]])
    first_two = torch.tensor([True, True, False])
    assert_close(reconstruction(made, original, first_two, "norm"), torch.tensor(2.5))
    assert_close(reconstruction(made, original, first_two, "square"), torch.tensor(12.5 / 2))
    made.requires_grad_()
    reconstruction(made, original, first_two, "norm").backward()
    assert_close(made.grad, torch.tensor([[0.3, 0.4], [0.0, 0.0], [0.0, 0.0]]))


def test_eq13_over_the_samples_that_count():
    prediction, label = torch.tensor([1.0, 0.0, 9.0]), torch.tensor([0.0, 3.0, 0.0])
    some = torch.tensor([True, True, False])
    assert_close(task_loss(prediction, label, TargetSpec(), "l1", some), torch.tensor(2.0))
    assert_close(task_loss(prediction, label, TargetSpec(), "mse", some), torch.tensor(5.0))
    assert task_loss(prediction, label, TargetSpec(), "l1", ~torch.ones(3, dtype=torch.bool)) == 0
    logits = torch.tensor([[0.0, 0.0], [9.0, 0.0]])
    counted = task_loss(logits, torch.tensor([1, 1]), CLASSES, counted=torch.tensor([True, False]))
    assert_close(counted, torch.tensor(2.0).log())


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
    assert_close(layer(x, mask, source), expected)


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


# what the losses do, on the synthetic dataset


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """Trained without and with L_o and L_m: the model, and the batch it was trained on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SENTIPRISM_HOME", str(tmp_path_factory.mktemp("home")))
        data = synthetic_dataset("small", sizes=(24, 4, 4), widths=(12, 8, 8), missing=0.0)
        features = prepare(data, DataConfig(text=TextConfig(encoder=None)))
        given = PreparedSplit(data.train, features).batch(torch.arange(24).numpy())
    found = []
    for weights in ({"o": 0, "m": 0}, {"o": 1, "m": 5}):
        torch.manual_seed(0)
        config = {"depth": 1, "memory": 0, "orthogonality": "abs", "loss_weights": weights}
        model = create_model("dlf", features, TargetSpec(), {**small("dlf"), **config})
        optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
        for _ in range(30):
            optimizer.zero_grad()
            losses = model(given).losses
            sum(model.config.loss_weights[name] * loss for name, loss in losses.items()).backward()
            optimizer.step()
        found.append(model.eval())
    return found, given


def test_eq8_shared_and_specific_become_orthogonal_with_l_o_and_not_without(learned):
    models, given = learned
    found = []
    for model in models:
        cosines = []
        for m in MODALITIES:
            values, mask = getattr(given, m)
            low = Sequence(model.project[m](values, mask), mask)
            pair = model.share(low).values[mask], model.specify[m](low).values[mask]
            cosines.append(torch.nn.functional.cosine_similarity(*pair, dim=-1).abs())
        found.append(torch.cat(cosines).mean())
    assert found[0] > 0.3
    assert found[1] < 0.1


def test_eq7_one_utterance_comes_together_with_l_m_and_not_without(learned):
    """Distance of the shared vectors of one utterance, against that of one modality between utterances."""
    models, given = learned
    ratio = []
    for model in models:
        found = model(given).features
        unit = torch.nn.functional.normalize(torch.stack([found[f"shared.{m}"] for m in MODALITIES], dim=1), dim=-1)
        inside = 1 - (unit @ unit.mT)[:, ~torch.eye(3, dtype=torch.bool)].mean()
        of_one_modality = unit.transpose(0, 1)
        between = 1 - (of_one_modality @ of_one_modality.mT)[:, ~torch.eye(24, dtype=torch.bool)].mean()
        ratio.append(inside / between)
    assert ratio[1] < 0.6 * ratio[0]
