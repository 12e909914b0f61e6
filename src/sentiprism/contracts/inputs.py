"""Inputs for checking models: random batches of different lengths, and small models with seeded weights."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sentiprism.models import MODELS, Model, create_model
from sentiprism.types import MODALITIES, Batch, FeatureSpec, Modality, ModalitySpec, ModelOutput, Sequence, TargetSpec

INTENSITY = TargetSpec(low=-3, high=3)
CLASSES = TargetSpec(kind="classes", classes=("serious", "humorous"))
WIDTHS: dict[Modality, int] = {"text": 12, "audio": 5, "vision": 7}
STEPS: dict[Modality, int] = {"text": 6, "audio": 9, "vision": 4}


def specs(encoder: Path | None = None, vocabulary: int = 0) -> FeatureSpec:
    """Features of three modalities; text as tokens if an encoder is given."""
    given = {m: ModalitySpec(kind="features", width=WIDTHS[m]) for m in MODALITIES}
    if encoder is not None:
        given["text"] = ModalitySpec(kind="tokens", width=vocabulary, encoder=str(encoder))
    return FeatureSpec(**given)


def small(name: str) -> dict[str, Any]:
    """The small configuration that a model defines."""
    return MODELS[name].Config.small()


def build(
    name: str,
    features: FeatureSpec,
    target: TargetSpec = INTENSITY,
    config: dict[str, Any] | None = None,
    seed: int = 0,
) -> Model:
    """Build a model with seeded weights."""
    torch.manual_seed(seed)
    return create_model(name, features, target, config)


def batch(
    features: FeatureSpec,
    size: int = 6,
    *,
    target: TargetSpec = INTENSITY,
    missing: tuple[str, ...] = (),
    labels: bool = True,
    seed: int = 0,
) -> Batch:
    """Make a batch of different lengths, the first row full; ``missing`` modalities are missing in every row."""
    draw = torch.Generator().manual_seed(seed)
    sequences = []
    for name in MODALITIES:
        spec, steps = getattr(features, name), STEPS[name]
        lengths = torch.randint(2, steps + 1, (size,), generator=draw)
        lengths[0] = steps
        if name in missing:
            lengths.zero_()
        mask = torch.arange(steps) < lengths[:, None]
        if spec.kind == "tokens":
            values = torch.randint(5, spec.width, (size, steps), generator=draw) * mask
        else:
            values = torch.randn(size, steps, spec.width, generator=draw) * mask[..., None]
        sequences.append(Sequence(values, mask))
    if target.kind == "classes":
        y = torch.randint(0, len(target.classes), (size,), generator=draw)
    else:
        y = torch.empty(size).uniform_(target.low, target.high, generator=draw)
    text, audio, vision = sequences
    return Batch(text, audio, vision, labels={"M": y} if labels else {}, index=torch.arange(size))


def without_modality(given: Batch, modality: str, row: int) -> Batch:
    """Copy a batch with ``modality`` missing in one row."""
    values, mask = getattr(given, modality)
    mask = mask.clone()
    mask[row] = False
    changed: dict[str, Any] = {modality: Sequence(values, mask)}
    return given._replace(**changed)


def golden_batch() -> Batch:
    """Make the seeded batch of golden outputs, with vision missing in one utterance."""
    return without_modality(batch(specs(), 4, seed=3), "vision", 1)


def golden(output: ModelOutput) -> dict[str, Tensor]:
    """Tensors of an output that golden files store, by name."""
    weights = {f"weights.{key}": value for key, value in output.weights.items()}
    return {"prediction": output.prediction, **output.losses, **weights}


def without_gradient(model: nn.Module) -> list[str]:
    """Names of trainable parameters without a gradient.

    The embedding of an unused position or word has a zero gradient, but its table has a gradient.
    """
    return [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]


def rows(b: Batch, keep: Tensor) -> Batch:
    """Select samples of a batch, trimmed to the longest of them."""
    cut = []
    for s in b[:3]:
        longest = max(1, int(s.mask[keep].sum(1).max()))
        cut.append(Sequence(s.values[keep, :longest], s.mask[keep, :longest]))
    context = None if b.context is None else Sequence(*(part[keep] for part in b.context))
    labels = {k: v[keep] for k, v in b.labels.items()}
    text, audio, vision = cut
    return Batch(text, audio, vision, labels=labels, index=b.index[keep], context=context)


def pad(b: Batch, extra: int, garbage: float) -> Batch:
    """Copy a batch with more padding, and garbage in all padding."""
    padded = []
    for s in b[:3]:
        mask = torch.nn.functional.pad(s.mask, (0, extra))
        if s.values.is_floating_point():
            values = torch.nn.functional.pad(s.values, (0, 0, 0, extra))
            values = torch.where(mask[..., None], values, torch.full_like(values, garbage))
        else:
            values = torch.where(mask, torch.nn.functional.pad(s.values, (0, extra)), 7)
        padded.append(Sequence(values, mask))
    text, audio, vision = padded
    return b._replace(text=text, audio=audio, vision=vision)


def predict(model: Model, given: Batch) -> ModelOutput:
    """Predict in evaluation mode, without gradients."""
    model.eval()
    with torch.no_grad():
        output: ModelOutput = model(given)
    return output


def total_loss(model: Model, output: ModelOutput) -> Tensor:
    """The training loss: the weighted sum of the losses."""
    losses = [model.config.loss_weights[name] * loss for name, loss in output.losses.items()]
    return torch.stack(losses).sum()
