"""FINE's contrast by labels and its queue, with numbers computed by hand."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from makers_models import CLASSES, INTENSITY, batch, fine, missing, specs
from sentiprism.nn.objectives.contrastive import DynamicContrastiveQueue, compensate, contrastive_loss
from sentiprism.types import TargetSpec

SIMS = TargetSpec(low=-1, high=1)


def test_accon_is_smallest_at_the_angle_in_proportion_to_the_labels():
    theta = torch.linspace(0, math.pi, 1801)
    for gap in (0.25, 0.5, 5 / 6, 1.0):
        found = theta[compensate(theta.cos(), torch.tensor(gap)).argmin()]
        assert_close(found, torch.tensor(gap * math.pi), atol=0.01, rtol=0)


def test_accon_compensated_cosine_by_hand():
    # θ = 60°, gap 1/2: φ = 90°, cos 150°
    assert_close(compensate(torch.tensor(0.5), torch.tensor(0.5)), torch.tensor(-math.sqrt(3) / 2), atol=1e-5, rtol=0)
    # labels at the two ends: plain cosine
    assert_close(compensate(torch.tensor(0.3), torch.tensor(1.0)), torch.tensor(0.3), atol=1e-5, rtol=0)


def test_eq13_by_hand():
    """One positive at cos 0.5, one negative at cos 0.5 and gap 1/2, τ = 1/2; another anchor has no positive."""
    cosine = torch.tensor([[1.0, 0.5, 0.5], [0.5, 1.0, 0.2]])
    positive = torch.tensor([[False, True, False], [False, False, False]])
    negative = torch.tensor([[False, False, True], [True, False, True]])
    plain = -math.log(math.exp(1) / (math.exp(1) + math.exp(1)))
    assert_close(contrastive_loss(cosine, positive, negative, 0.5), torch.tensor(plain))
    angled = -math.log(math.exp(1) / (math.exp(1) + math.exp(-math.sqrt(3))))
    gap = torch.full_like(cosine, 0.5)
    assert_close(contrastive_loss(cosine, positive, negative, 0.5, gap), torch.tensor(angled), atol=1e-4, rtol=0)


def test_eq13_two_positives_are_averaged():
    cosine = torch.tensor([[0.0, 1.0, 0.0]])
    positive, negative = torch.tensor([[True, True, False]]), torch.tensor([[False, False, True]])
    log_all = math.log(1 + math.e + 1)
    expected = -((0 - log_all) + (1 - log_all)) / 2
    assert_close(contrastive_loss(cosine, positive, negative, 1.0), torch.tensor(expected))


def unit(*angles: float) -> torch.Tensor:
    return torch.tensor([[math.cos(a), math.sin(a)] for a in angles])


def test_the_queue_is_first_in_first_out_per_class():
    queue = DynamicContrastiveQueue(INTENSITY, 2, 3)
    assert queue.classes == 7
    every = torch.ones(4, dtype=torch.bool)
    queue.push(unit(0.1, 0.2, 0.3, 0.4), torch.tensor([1.0, -3.0, 1.2, 0.6]), every)
    assert_close(queue.labels[4], torch.tensor([0.6, 1.2, 1.0]))
    assert_close(queue.vectors[4], unit(0.4, 0.3, 0.1))
    assert queue.filled.sum(1).tolist() == [1, 0, 0, 0, 3, 0, 0]
    # the oldest of class 1 falls out, the one without modalities does not come in
    queue.push(unit(0.5, 0.6), torch.tensor([0.9, -3.0]), torch.tensor([True, False]))
    assert_close(queue.vectors[4], unit(0.5, 0.4, 0.3))
    assert queue.filled.sum(1).tolist() == [1, 0, 0, 0, 3, 0, 0]
    # more than the queue holds: the latest stay
    queue.push(unit(1.1, 1.2, 1.3, 1.4), torch.full((4,), 1.0), every)
    assert_close(queue.vectors[4], unit(1.4, 1.3, 1.2))


@pytest.mark.parametrize(
    ("target", "labels", "classes", "count"),
    [
        (INTENSITY, [-3.0, -0.4, 0.6, 3.0], [0, 3, 4, 6], 7),
        (SIMS, [-1.0, -0.4, 0.0, 1.0], [0, 1, 2, 4], 5),
        (CLASSES, [0, 1], [0, 1], 2),
    ],
)
def test_a_class_is_the_label_rounded(target, labels, classes, count):
    queue = DynamicContrastiveQueue(target, 2, 3)
    assert queue.classes == count
    assert queue.class_of(torch.tensor(labels)).tolist() == classes


def test_the_loss_sees_the_queue_as_it_would_see_more_of_a_batch():
    y, mask = torch.tensor([1.0, -2.0, 1.0, 0.0]), torch.ones(4, dtype=torch.bool)
    for form in ("accon", "scl"):
        queue = DynamicContrastiveQueue(INTENSITY, 2, 4, form=form)
        queue.push(unit(0.3, 1.0), y[2:], mask[2:])
        z = unit(0.1, 2.0, 0.3, 1.0)
        cosine = z[:2] @ z.T
        alike = torch.tensor([[False, False, True, False], [False] * 4])
        real = torch.tensor([[False, True, True, True], [True, False, True, True]])
        gap = (y[:2, None] - y).abs() / 6 if form == "accon" else None
        expected = contrastive_loss(cosine, alike, real & ~alike, 0.1, gap)
        assert_close(queue(z[:2], y[:2], mask[:2]), expected)


def test_positives_are_equal_labels_with_accon_and_equal_classes_with_scl():
    z, mask = unit(0.0, 0.5), torch.ones(2, dtype=torch.bool)
    y = torch.tensor([1.0, 1.2])  # one class, two labels
    accon, scl = (DynamicContrastiveQueue(INTENSITY, 2, 0, form=form) for form in ("accon", "scl"))
    assert accon(z, y, mask) == 0  # nobody has a positive
    assert_close(scl(z, y, mask), torch.tensor(0.0))  # the only other one is the positive
    far = torch.cat([z, unit(2.0)]), torch.tensor([1.0, 1.2, -3.0]), torch.ones(3, dtype=torch.bool)
    assert accon(*far) == 0
    assert scl(*far) > 0


def test_accon_makes_angles_proportional_to_labels_and_scl_spreads_classes_evenly():
    """Labels of six values on a circle: angles become π |Δy| / Δ_max; without compensation neighbours are 60° apart."""
    y = torch.arange(6.0).repeat(2) - 2.5
    gap = (y[:, None] - y).abs()
    for form, expected in (("accon", gap / 5 * math.pi), ("scl", torch.minimum(gap, 6 - gap) / 6 * 2 * math.pi)):
        torch.manual_seed(0)
        theta = nn.Parameter(0.1 * y + 0.02 * torch.randn(12))
        target = TargetSpec(low=-2.5, high=2.5)
        queue = DynamicContrastiveQueue(target, 2, 0, form=form, temperature=1.0, classes=6)
        optimizer = torch.optim.Adam([theta], lr=0.02)
        for _ in range(300):
            optimizer.zero_grad()
            z = torch.stack([theta.cos(), theta.sin()], dim=1)
            queue(z, y, torch.ones(12, dtype=torch.bool)).backward()
            optimizer.step()
        angle = (z @ z.T).detach().clamp(-1, 1).acos()
        assert_close(angle, expected, atol=0.02, rtol=0)


def test_the_model_fills_the_queue_after_a_step_and_only_then():
    model, given = fine(queue=4), missing(batch(specs(), 6), "text", 2)
    given = missing(missing(given, "audio", 2), "vision", 2)  # nothing is known of the third sample
    before = model(given)
    assert not model.contrast.filled.any()
    model.after_step(given, before)
    assert model.contrast.filled.sum() == 5
    assert not model.contrast.vectors.requires_grad
    assert "contrast.vectors" in model.state_dict()
    after = model(given)
    assert after.losses["cl"] != before.losses["cl"]
    assert_close(after.prediction, before.prediction)
