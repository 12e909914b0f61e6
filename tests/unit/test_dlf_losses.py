"""DLF's losses, with numbers computed by hand, and what they do to what it learns."""

from itertools import product

import pytest
import torch
from scipy.stats import spearmanr
from torch.testing import assert_close

from makers_models import CLASSES, small
from makers_store import store_at
from sentiprism.data.config import DataConfig, TextConfig
from sentiprism.data.prepare import PreparedSplit, prepare
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.models import create_model
from sentiprism.nn.objectives.orthogonality import cosine_orthogonality
from sentiprism.nn.objectives.reconstruction import reconstruction
from sentiprism.nn.objectives.task import task_loss
from sentiprism.nn.objectives.triplet import triplet
from sentiprism.types import MODALITIES, Sequence, TargetSpec

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


# what the losses do, on the synthetic dataset


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """Trained without and with L_o and L_m: the model, and the batch it was trained on."""
    with store_at(tmp_path_factory.mktemp("home")):
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


def test_the_weights_of_l_r_and_l_s_fit_their_distance(learned):
    """At the start norms weigh in the total about what the code's mean squares do."""
    given, found = learned[1], []
    features = learned[0][0].features
    for settings in ({}, {"distance": "square", "loss_weights": {"r": 0.1, "s": 0.1}}):
        torch.manual_seed(0)
        model = create_model("dlf", features, TargetSpec(), settings).eval()
        with torch.no_grad():
            losses = model(given).losses
        found.append([model.config.loss_weights[name] * losses[name].item() for name in ("r", "s")])
    for ours, codes in zip(*found, strict=True):
        assert 0.5 < ours / codes < 2
    assert create_model("dlf", features, TargetSpec(), {"preset": "code"}).config.loss_weights["r"] == 0.1


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
