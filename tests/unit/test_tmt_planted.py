"""What TMT's orthogonality and AMW's weights are for, on problems whose answer is planted."""

import pytest
import torch

from makers_models import build, rows
from sentiprism.models.tmt import TMT
from sentiprism.types import MODALITIES, Batch, FeatureSpec, ModalitySpec, Sequence

TINY = {"width": 16, "heads": 2, "head_width": 8, "depth": 1, "cross_depth": 1, "dropout": 0.1}
FEATURES = FeatureSpec(**{m: ModalitySpec(kind="features", width=6) for m in MODALITIES})


def planted(signals: torch.Tensor, label: torch.Tensor, seed: int, noise: float = 0.5) -> Batch:
    """Three steps of noise a modality; (N, 3, K) signals are added to the first K features of each step."""
    draw = torch.Generator().manual_seed(seed)
    sequences = []
    for signal in signals.unbind(1):
        values = noise * torch.randn(len(label), 3, 6, generator=draw)
        values[..., : signal.shape[-1]] += signal[:, None]
        sequences.append(Sequence(values, torch.ones(len(label), 3, dtype=torch.bool)))
    return Batch(*sequences, labels={"M": label}, index=torch.arange(len(label)))


def fit(name: str, data: Batch, steps: int, lr: float, **config) -> TMT:
    model, draw = build(name, FEATURES, config={**TINY, **config}), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(steps):
        losses = model(rows(data, torch.randint(0, len(data.index), (32,), generator=draw))).losses
        optimizer.zero_grad()
        sum(model.config.loss_weights[key] * loss for key, loss in losses.items()).backward()
        optimizer.step()
    return model.eval()


def uniform(*shape: int, seed: int) -> torch.Tensor:
    return torch.empty(shape).uniform_(-3, 3, generator=torch.Generator().manual_seed(seed))


def test_orthogonality_takes_correlation_out_of_the_parts_and_leaves_the_task():
    """Each modality carries a third of the label; unseen samples are judged."""
    third = [uniform(256, 3, 1, seed=seed) / 2 for seed in (0, 1)]
    train, test = (planted(own, own.sum((1, 2)), seed=seed, noise=0.3) for seed, own in enumerate(third))
    small_ = {"width": 8, "invariant_tokens": 2, "specific_tokens": 1, "dropout": 0.0, "embed_dropout": 0.0}
    correlation, loss = {}, {}
    for weight in (0.0, 0.003):
        losses = {"task": 1.0, "orth": weight, "sim": 0.0}
        output = fit("tmt", train, 130, 1e-2, preset="paper", loss_weights=losses, **small_)(test)
        parts = [output.features[key] for key in ("shared", *(f"specific.{m}" for m in MODALITIES))]
        matrix = torch.corrcoef(torch.cat(parts, dim=1).T).abs().unflatten(0, (4, 8)).unflatten(2, (4, 8))
        blocks = matrix.mean(dim=(1, 3))
        correlation[weight] = blocks[~torch.eye(4, dtype=torch.bool)].mean()
        loss[weight] = output.losses["orth"]
        assert output.losses["task"] < 0.1 * test.labels["M"].var()
    assert loss[0.003] < 0.2 * loss[0.0]
    assert correlation[0.0] > 0.8
    assert correlation[0.003] < 0.55


@pytest.mark.parametrize("informative", range(3), ids=MODALITIES)
def test_amw_weights_follow_the_modality_that_carries_the_label(informative):
    label = uniform(256, seed=informative)
    signals = torch.zeros(256, 3, 1)
    signals[:, informative, 0] = label
    model = fit("tmt_amw", planted(signals, label, 0), 120, 5e-3, placement="before_disentangle")
    shares = model.weighting(torch.zeros(1, 3, 16), torch.ones(1, 3, dtype=torch.bool))[0].mean(1)
    others = [share for i, share in enumerate(shares.tolist()) if i != informative]
    assert shares[informative] > max(others) + 0.01


def test_dynamic_amw_weights_follow_it_sample_by_sample():
    """In each sample one modality carries the label, and says so; the two others carry another number."""
    signals = torch.stack([uniform(512, 3, seed=0), torch.full((512, 3), -2.0)], dim=-1)
    carrier = torch.randint(0, 3, (512,), generator=torch.Generator().manual_seed(1))
    signals[torch.arange(512), carrier, 1] = 2.0
    data = planted(signals, signals[torch.arange(512), carrier, 0], 2)
    options = {"placement": "before_disentangle", "dynamic": True}
    shares = fit("tmt_amw", rows(data, torch.arange(384)), 100, 1e-2, **options)(data).weights["modality"][384:]
    assert (shares.argmax(1) == carrier[384:]).float().mean() > 0.8
