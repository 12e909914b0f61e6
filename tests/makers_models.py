"""Models and batches for tests: those of the contracts, and what the tests of single models need beside them."""

import torch
from torch import nn

from sentiprism.contracts.inputs import (
    CLASSES,
    INTENSITY,
    STEPS,
    WIDTHS,
    batch,
    build,
    pad,
    rows,
    small,
    specs,
    without_gradient,
)
from sentiprism.contracts.inputs import without_modality as missing
from sentiprism.models.dpdf_lq.model import DPDFLQ
from sentiprism.models.fine.model import FINE
from sentiprism.types import MODALITIES, Batch, FeatureSpec, Sequence

__all__ = [
    "CLASSES",
    "INTENSITY",
    "STEPS",
    "WIDTHS",
    "batch",
    "build",
    "changed",
    "check_subset",
    "dpdf",
    "fine",
    "missing",
    "pad",
    "rows",
    "small",
    "specs",
    "watch",
    "with_context",
    "without_gradient",
]


def with_context(b: Batch, vocabulary: int, seed: int = 0) -> Batch:
    """The same samples, each but the last with up to five tokens of context."""
    draw = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, 6, (len(b.index),), generator=draw)
    lengths[-1] = 0
    mask = torch.arange(5) < lengths[:, None]
    return b._replace(context=Sequence(torch.randint(5, vocabulary, mask.shape, generator=draw) * mask, mask))


def fine(**config) -> FINE:
    """A small FINE that only answers."""
    return build("fine", specs(), config={**small("fine"), **config}).eval()


def dpdf(features: FeatureSpec | None = None, **config) -> DPDFLQ:
    """A small DPDF-LQ that only answers."""
    model = build("dpdf_lq", features or specs(), config={**small("dpdf_lq"), **config})
    return model.eval()


def changed(given, *modalities):
    """The batch with other values in ``modalities``."""
    return given._replace(
        **{m: Sequence(torch.randn_like(getattr(given, m).values), getattr(given, m).mask) for m in modalities}
    )


def check_subset(model: nn.Module, modalities: tuple[str, ...]) -> None:
    """A model of these modalities alone weighs them alone, and what the others hold changes nothing."""
    given = batch(specs(), 4)
    output = model(given)
    for name, column in zip(MODALITIES, output.weights["modality"].T, strict=True):
        same = torch.equal(model(changed(given, name)).prediction, output.prediction)
        assert not same if name in modalities else same
        assert (column > 0).all() if name in modalities else (column == 0).all()


def watch(module: nn.Module, seen: list) -> None:
    """Put what a module is given and what it answers into ``seen``, call by call."""
    module.register_forward_hook(lambda _, given, answer: seen.append((given, answer)))
