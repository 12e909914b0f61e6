"""ConFEDE's pairs and losses by hand."""

import math

import torch
from torch.testing import assert_close

from makers_models import INTENSITY, batch, build, pad, small, specs
from sentiprism.models.confede import ConFEDE, contrast_pairs
from sentiprism.nn.objectives.contrastive import level_count, level_of, pairwise_contrast
from sentiprism.types import TargetSpec


def confede(**config) -> ConFEDE:
    config = {**small("confede"), "dropout": 0.0, "head_dropout": 0.0, **config}
    return build("confede", specs(), config=config)


def pairs(matrix: torch.Tensor, modalities: int) -> set:
    """(anchor's sample, its modality, key's sample, its kind, its modality) of every pair."""
    found = matrix.view(-1, modalities, matrix.shape[0] // modalities, 2, modalities).nonzero()
    return {tuple(row) for row in found.tolist()}


def test_pairs_attract_alike_samples_and_the_texts_companions_and_repel_the_rest():
    levels, present = torch.tensor([5, 5, 2]), torch.ones(3, 2, dtype=torch.bool)
    positive, negative = (pairs(matrix, 2) for matrix in contrast_pairs(levels, present))
    between = {(0, m, 1, 0, m) for m in (0, 1)} | {(1, m, 0, 0, m) for m in (0, 1)}
    assert positive == between | {(b, 0, b, 0, 1) for b in range(3)}
    apart = {(a, m, b, 0, m) for a, b in ((0, 2), (1, 2), (2, 0), (2, 1)) for m in (0, 1)}
    assert negative == apart | {(b, 0, b, 1, m) for b in range(3) for m in (0, 1)}


def test_a_missing_modality_is_in_no_pair():
    present = torch.tensor([[True, False], [True, True], [False, True]])
    for matrix in contrast_pairs(torch.tensor([1, 1, 1]), present):
        for a, m, b, _, n in pairs(matrix, 2):
            assert present[a, m]
            assert present[b, n]


def test_pairwise_contrast_has_one_positive_in_a_denominator():
    cosine = torch.tensor([[0.5, 0.1, -0.4]])
    positive, negative = torch.tensor([[True, True, False]]), torch.tensor([[False, False, True]])
    e = [math.exp(x / 0.5) for x in (0.5, 0.1, -0.4)]
    expected = -(math.log(e[0] / (e[0] + e[2])) + math.log(e[1] / (e[1] + e[2]))) / 2
    assert_close(pairwise_contrast(cosine, positive, negative, 0.5), torch.tensor(expected))
    assert pairwise_contrast(cosine, positive, negative & False, 0.5) == 0
    assert pairwise_contrast(cosine, positive & False, negative, 0.5) == 0


def test_labels_are_alike_where_they_round_to_one_level():
    assert level_count(INTENSITY) == 7
    assert level_of(torch.tensor([-3.0, -0.4, 0.4, 1.6, 3.0]), INTENSITY, 7).tolist() == [0, 3, 3, 5, 6]
    sims = TargetSpec(low=-1, high=1)
    assert level_of(torch.tensor([-1.0, 0.2, 0.4]), sims, level_count(sims)).tolist() == [0, 2, 3]


def test_predictions_narrow_as_in_the_code():
    model = confede(width=16)
    sizes = [[layer.out_features for layer in head[::2]] for head in (model.head, model.own_head)]
    assert sizes == [[32, 16, 8, 4, 1], [8, 4, 1]]


def test_the_codes_encoder_counts_the_padding_and_never_reads_what_is_in_it():
    model, given = confede(encoder="token").eval(), batch(specs(), 3)
    with torch.no_grad():
        clean, more, dirty = (model(b).prediction for b in (given, pad(given, 5, 0.0), pad(given, 0, 37.0)))
    assert_close(dirty, clean)
    assert not torch.allclose(more, clean)


def test_unimodal_loss_teaches_dissimilar_features_their_modalitys_own_label():
    model, given = confede().eval(), batch(specs(), 4)
    y = given.labels["M"]
    before = model(given)
    own = {"T": y + 1, "A": y - 1, "V": y}
    after = model(given._replace(labels={"M": y, **own}))
    assert_close(after.losses["task"], before.losses["task"])
    found = []
    for kind, labels in (("similar", {"T": y, "A": y, "V": y}), ("specific", own)):
        for name, label in zip(("text", "audio", "vision"), labels.values(), strict=True):
            found.append((model.own_head(after.features[f"{kind}.{name}"]).squeeze(1) - label).square())
    assert_close(after.losses["uni"], torch.stack(found).mean())


def test_the_prediction_reads_both_kinds_of_features_of_every_modality():
    model, given = confede().eval(), batch(specs(), 3)
    output = model(given)
    parts = [output.features[f"{k}.{m}"] for k in ("similar", "specific") for m in ("text", "audio", "vision")]
    assert_close(output.prediction, model.head(torch.cat(parts, dim=1)).squeeze(1))


def test_contrast_alone_brings_alike_samples_together_and_kinds_apart():
    torch.manual_seed(0)
    model, given = confede(), batch(specs(), 12)
    given = given._replace(labels={"M": torch.tensor([2.0, -2.0] * 6)})
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(100):
        optimizer.zero_grad()
        model(given).losses["cl"].backward()
        optimizer.step()
    found = model.eval()(given).features
    text, other = (torch.nn.functional.normalize(found[name], dim=1) for name in ("similar.text", "specific.text"))
    cosine = text @ text.T
    alike = given.labels["M"].unsqueeze(1) == given.labels["M"]
    assert cosine[alike].mean() > cosine[~alike].mean() + 0.8
    assert (text * other).sum(1).mean() < 0.2
