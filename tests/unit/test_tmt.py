"""TMT's and AMW's parts against numbers worked out by hand.

Neither paper's text numbers its equations; the tests name what they check.
"""

from math import exp, log

import pytest
import torch
from torch.testing import assert_close

from makers_models import batch, build, small, specs
from sentiprism.models.tmt import TMT
from sentiprism.models.tmt_amw import TMTAMW, ModalityWeights
from sentiprism.nn.attention import attention_maps
from sentiprism.nn.objectives.mmd import mmd
from sentiprism.nn.objectives.orthogonality import difference
from sentiprism.types import MODALITIES, Batch, FeatureSpec, Sequence

THREE = torch.tensor([True, True, True, False])


def tmt(name: str = "tmt", **config) -> TMT:
    return build(name, specs(), config={**small(name), **config}).eval()


# the losses


def test_orthogonality_of_two_samples():
    # centred and of length 1: A = (1, 0), (-1, 0) and B = (0, 1), (0, -1), so AᵀB = ((0, 2), (0, 0))
    a, b = torch.tensor([[3.0, 0.0], [1.0, 0.0]]), torch.tensor([[0.0, 5.0], [0.0, -4.0]])
    assert_close(difference(a, b, torch.ones(2, dtype=torch.bool)), torch.tensor(4 / 4), rtol=1e-4, atol=0)
    # + + - - beside + - + -: what they vary with has nothing in common
    a, b = torch.tensor([[1.0], [1.0], [-1.0], [-1.0]]), torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])
    assert_close(difference(a, b, torch.ones(4, dtype=torch.bool)), torch.tensor(0.0))


def test_orthogonality_is_the_mean_square_of_the_cross_product_and_its_gradient_passes_no_length():
    torch.manual_seed(0)
    a, b = torch.randn(5, 3, requires_grad=True), torch.randn(5, 4)

    def unit(x: torch.Tensor) -> torch.Tensor:
        x = x - x.mean(0)
        return x / (x.norm(dim=1, keepdim=True).detach() + 1e-6)

    expected = (unit(a).T @ unit(b)).square().mean()
    found = difference(a, b, torch.ones(5, dtype=torch.bool))
    assert_close(found, expected)
    assert_close(torch.autograd.grad(found, a)[0], torch.autograd.grad(expected, a)[0])


def test_mmd_of_one_sample_each():
    # distance² 4, mean over the pair 4, so the kernels are exp(-4 / w) with w = 1, 2, 4, 8, 16
    kernel = sum(exp(-4 / w) for w in (1, 2, 4, 8, 16))
    found = mmd(torch.tensor([[0.0]]), torch.tensor([[2.0]]), torch.tensor([True]))
    assert_close(found, torch.tensor(5 + 5 - 2 * kernel))


def test_mmd_of_two_samples_each():
    # x = 0, 1 and y = 1, 2: ordered squared distances among the four sum to 16; over 12 and 4 they give w = 1/3
    unit = 16 / 12 / 4

    def k(squared: float) -> float:
        return sum(exp(-squared / (unit * w)) for w in (1, 2, 4, 8, 16))

    expected = (2 * k(0) + 2 * k(1)) / 4 * 2 - 2 * (k(1) + k(4) + k(0) + k(1)) / 4
    x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0], [2.0]])
    assert_close(mmd(x, y, torch.ones(2, dtype=torch.bool)), torch.tensor(expected))
    assert_close(mmd(x, x.flip(0), torch.ones(2, dtype=torch.bool)), torch.tensor(0.0), atol=1e-6, rtol=0)


@pytest.mark.parametrize("loss", [mmd, difference])
def test_a_masked_loss_is_the_loss_of_the_others(loss):
    torch.manual_seed(0)
    a, b = torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    whole = torch.ones(3, dtype=torch.bool)
    masks = torch.stack([THREE, THREE.flip(0)])
    expected = torch.stack([loss(a[0, :3], b[0, :3], whole), loss(a[1, 1:], b[1, 1:], whole)])
    assert_close(loss(a, b, masks), expected)
    assert loss(a, b, torch.zeros_like(masks)).eq(0).all()


def test_a_loss_has_a_finite_gradient_where_all_samples_are_alike():
    for loss in (mmd, difference):
        same = torch.ones(4, 3, requires_grad=True)
        loss(same, same * 1, THREE).backward()
        assert same.grad.isfinite().all()


def test_losses_are_means_over_modalities_and_pairs_of_token_means():
    model, given = tmt(), batch(specs(), 5)
    mask = given.audio.mask.clone()
    mask[[1, 3]] = False
    given = given._replace(audio=given.audio._replace(mask=mask))
    output = model(given)
    f, all_, some = output.features, torch.ones(5, dtype=torch.bool), given.audio.present
    own = {m: f[f"specific.{m}"] for m in MODALITIES}
    first = [difference(f["shared"], own[m], some if m == "audio" else all_) for m in MODALITIES]
    text_vision = difference(own["text"], own["vision"], all_)
    pairs = [difference(own["audio"], own[m], some) for m in ("text", "vision")] + [text_vision]
    assert_close(output.losses["orth"], sum(first) / 3 + sum(pairs) / 3)
    similar = [mmd(f[m], own[m], some if m == "audio" else all_) for m in MODALITIES]
    assert_close(output.losses["sim"], sum(similar) / 3)
    gone = model(given._replace(audio=given.audio._replace(mask=torch.zeros_like(mask))))
    shared, text, vision = (gone.features[key] for key in ("shared", "specific.text", "specific.vision"))
    first = (difference(shared, text, all_) + difference(shared, vision, all_)) / 2
    assert_close(gone.losses["orth"], first + difference(text, vision, all_))


# the model


def test_the_released_settings_are_the_defaults_but_for_how_they_start():
    config, released = TMT.Config(), TMT.Config(preset="paper")
    assert (config.input_norm, config.position_std) == (True, 0.02)
    assert (released.input_norm, released.position_std) == (False, 1.0)
    assert (config.width, config.heads, config.head_width, config.depth, config.cross_depth) == (256, 8, 64, 2, 2)
    assert (config.invariant_tokens, config.specific_tokens, config.dropout) == (6, 2, 0.5)
    assert config.loss_weights == {"task": 10, "orth": 0.01, "sim": 1}
    assert TMT.Config(preset="acc3").loss_weights == {"task": 1, "orth": 0.05, "sim": 0.05}
    paper, released = TMTAMW.Config(preset="paper"), TMTAMW.Config(preset="tmt")
    assert (paper.width, paper.depth, paper.heads) == (128, 4, 8)
    assert (released.width, released.depth, released.cross_depth) == (256, 2, 2)


def test_projected_features_are_means_over_real_frames():
    model, given = tmt(), batch(specs(), 3)
    for modality in MODALITIES:
        values, mask = getattr(given, modality)
        mapped = model.norms[modality](model.projections[modality](values))
        expected = torch.stack([mapped[i, : int(mask[i].sum())].mean(0) for i in range(3)])
        assert_close(model(given).features[modality], expected)


def test_prediction_is_of_the_sum_of_both_mutual_readings():
    model, given = tmt(), batch(specs(), 3)
    seen = {}

    def keep(name):
        return lambda module, inputs, output: seen.__setitem__(name, (inputs, output))

    for name in ("specific_reads", "invariant_reads"):
        getattr(model, name).register_forward_hook(keep(name))
    output = model(given)
    (own, _, shared, _), specific = seen["specific_reads"]
    (query, _, source, _), invariant = seen["invariant_reads"]
    assert own.shape == (3, 6, 16)
    assert shared.shape == (3, 6, 16)
    assert torch.equal(own, source)
    assert torch.equal(query, shared)
    assert_close(output.features["fused"], specific + invariant)
    assert_close(output.prediction, model.head(specific + invariant).squeeze(-1))
    assert_close(output.features["shared"], shared.mean(1))
    assert_close(output.features["specific.audio"], own[:, 2:4].mean(1))


def test_a_missing_modalitys_tokens_and_frames_are_seen_by_none():
    model, given = tmt(), batch(specs(), 4)
    mask = given.vision.mask.clone()
    mask[1] = False
    with attention_maps(model) as maps, torch.no_grad():
        model(given._replace(vision=given.vision._replace(mask=mask)))
    frames = 12 + given.text.mask.shape[1] + given.audio.mask.shape[1]
    for name, (seen,) in maps.items():
        vision = seen[:, :, :, 10:12] if "disentangler" in name else seen[:, :, :, 4:6]
        if "specific_reads" in name:
            continue  # it reads the invariant tokens
        assert vision[1].eq(0).all(), name
        assert vision[0].gt(0).all(), name
        if "disentangler" in name:
            assert seen[1, :, :, frames:].eq(0).all()
            assert seen[0, :, :, frames:].sum() > 0


def test_only_the_tokens_come_out_of_the_last_layer():
    with attention_maps(model := tmt(depth=2)) as maps, torch.no_grad():
        model(batch(specs(), 2))
    first, last = (maps[f"disentangler.layers.{i}.attention"][0] for i in range(2))
    assert first.shape[-2] == first.shape[-1] == last.shape[-1]
    assert last.shape[-2] == 12


def test_sequences_may_be_longer_than_the_table_of_positions():
    model, given = tmt(positions=2), batch(specs(), 2)
    assert model(given).prediction.isfinite().all()
    assert len(model.positions["audio"].table) == 2


@pytest.mark.parametrize("name", ["tmt", "tmt_amw"])
def test_a_dataset_may_have_two_modalities(name):
    features = FeatureSpec(text=specs().text, audio=specs().audio)
    model, given = build(name, features, config=small(name)), batch(specs(), 3)
    output = model(given._replace(vision=Sequence(torch.zeros(3, 1, 0), torch.zeros(3, 1, dtype=torch.bool))))
    assert len(model.tokens) == 6 + 2 * 2
    assert "specific.vision" not in output.features
    assert output.prediction.isfinite().all()


# adaptive modality weighting


def test_amw_shares_are_softmax_over_modalities_feature_by_feature():
    weighting = ModalityWeights(3, 2)
    with torch.no_grad():
        weighting.matrix.copy_(torch.tensor([[log(2.0), 0.0], [0.0, 0.0], [0.0, log(6.0)]]))
    present = torch.tensor([[True, True, True], [True, False, True]])
    found = weighting(torch.randn(2, 3, 2), present)
    assert_close(found[0], torch.tensor([[2 / 4, 1 / 8], [1 / 4, 1 / 8], [1 / 4, 6 / 8]]))
    assert_close(found[1], torch.tensor([[2 / 3, 1 / 7], [0.0, 0.0], [1 / 3, 6 / 7]]))


def planted_shares(model: TMTAMW) -> torch.Tensor:
    """W of log 1, log 2, log 5 in every feature: shares of 1/8, 2/8, 5/8."""
    with torch.no_grad():
        model.weighting.matrix.copy_(torch.tensor([1.0, 2.0, 5.0]).log()[:, None].expand(3, 16))
    return torch.tensor([1 / 8, 2 / 8, 5 / 8])


def read_by(model: TMTAMW, part: str, given: Batch) -> tuple[torch.Tensor, ...]:
    """Inputs of a part of the model in one pass."""
    seen = []
    hook = getattr(model, part).register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
    model(given)
    hook.remove()
    return seen[0]


def test_amw_after_disentangling_scales_each_modalitys_tokens_by_three_shares():
    model, given = tmt("tmt_amw"), batch(specs(), 3)
    before = read_by(model, "specific_reads", given)[0]
    shares = planted_shares(model)
    after = read_by(model, "specific_reads", given)[0]
    assert_close(after, before * (3 * shares).repeat_interleave(2)[:, None])
    assert_close(model(given).weights["modality"], shares.expand(3, 3))


def test_amw_before_disentangling_scales_frames():
    model, given = tmt("tmt_amw", placement="before_disentangle"), batch(specs(), 3)
    before = read_by(model, "embed_dropout", given)[0]
    shares = planted_shares(model)
    after = read_by(model, "embed_dropout", given)[0]
    steps = [getattr(given, m).mask.shape[1] for m in MODALITIES]
    x = torch.cat([model.norms[m](model.projections[m](getattr(given, m).values)) for m in MODALITIES], dim=1)
    factor = (3 * shares).repeat_interleave(torch.tensor(steps))[:, None]
    real = torch.cat([s.mask for s in given[:3]], dim=1)
    assert_close((after - before)[:, 12:][real], (x * (factor - 1))[real], rtol=1e-4, atol=1e-5)
    assert_close(model(given).weights["modality"], shares.expand(3, 3))


def test_amw_sum_is_one_token_the_weighted_sum_of_token_means():
    model, given = tmt("tmt_amw", placement="sum"), batch(specs(), 3)
    shares = planted_shares(model)
    tokens, real, _, _ = read_by(model, "specific_reads", given)
    f = model(given).features
    assert tokens.shape == (3, 1, 16)
    assert real.all()
    assert_close(tokens[:, 0], sum(w * f[f"specific.{m}"] for w, m in zip(shares, MODALITIES, strict=True)))


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("placement", ["after_disentangle", "before_disentangle"])
def test_amw_starts_as_tmt(placement, dynamic):
    sizes = {"width": 16, "heads": 4, "depth": 2, "cross_depth": 2}
    plain, model = tmt(**sizes), tmt("tmt_amw", placement=placement, dynamic=dynamic, **sizes)
    told = model.load_state_dict(plain.state_dict(), strict=False)
    assert set(told.missing_keys) == {f"weighting.{part}" for part in ("matrix", *["say"] * dynamic)}
    given = batch(specs(), 4)
    mask = given.text.mask.clone()
    mask[2] = False
    given = given._replace(text=given.text._replace(mask=mask))
    one, other = plain(given), model(given)
    assert_close(other.prediction, one.prediction)
    assert_close(other.losses, one.losses)
    assert_close(other.weights["modality"][2], torch.tensor([0.0, 0.5, 0.5]))
