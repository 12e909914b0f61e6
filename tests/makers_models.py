"""Inputs the contracts are checked on: any model, text as features or as tokens of a tiny BERT; small models."""

from pathlib import Path

import torch
from torch import nn

from sentiprism.models import MODELS, Model, create_model
from sentiprism.models.dpdf_lq import DPDFLQ
from sentiprism.models.fine import FINE
from sentiprism.types import MODALITIES, Batch, FeatureSpec, ModalitySpec, ModelOutput, Sequence, TargetSpec

INTENSITY = TargetSpec(low=-3, high=3)
CLASSES = TargetSpec(kind="classes", classes=("serious", "humorous"))
WIDTHS = {"text": 12, "audio": 5, "vision": 7}
STEPS = {"text": 6, "audio": 9, "vision": 4}


def specs(encoder: Path | None = None, vocabulary: int = 0) -> FeatureSpec:
    """Three modalities; text as tokens where an encoder is given."""
    given = {m: ModalitySpec(kind="features", width=WIDTHS[m]) for m in MODALITIES}
    if encoder is not None:
        given["text"] = ModalitySpec(kind="tokens", width=vocabulary, encoder=str(encoder))
    return FeatureSpec(**given)


def build(
    name: str,
    features: FeatureSpec,
    target: TargetSpec = INTENSITY,
    config: dict | None = None,
    seed: int = 0,
) -> Model:
    """A model with seeded weights."""
    torch.manual_seed(seed)
    return create_model(name, features, target, config)


def small(name: str) -> dict:
    """Configuration with small widths and depths, from the fields of its own that the model shares with others."""
    wanted = {"width": 16, "heads": 4, "text_hidden": 8, "audio_hidden": 8, "vision_hidden": 8}
    wanted |= {"head_width": 4, "hidden": 32, "positions": 16}
    wanted |= {"experts": 3, "critic_width": 32}
    # one layer a stack: deeper ones are the unit tests' matter, and every layer makes an export slower
    wanted |= dict.fromkeys(("depth", "memory", "cross_depth", "extractor_depth", "fusion_depth"), 1)
    wanted |= dict.fromkeys(("global_depth", "local_depth", "adapter_depth"), 1)
    wanted |= {"fusion_width": 16, "encoder_width": 16, "adapter_width": 8}
    return {key: value for key, value in wanted.items() if key in MODELS[name].Config.model_fields}


def batch(
    features: FeatureSpec,
    size: int = 6,
    *,
    target: TargetSpec = INTENSITY,
    missing: tuple[str, ...] = (),
    labels: bool = True,
    seed: int = 0,
) -> Batch:
    """Ragged lengths, the first row full; ``missing`` modalities are missing in every row."""
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
    return Batch(*sequences, labels={"M": y} if labels else {}, index=torch.arange(size))


def without_gradient(model: nn.Module) -> list[str]:
    """Names of parameters that should learn, and that no gradient came to.

    A position or word that no sample used has a zero row, but its table has a gradient.
    """
    return [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]


def golden(output: ModelOutput) -> dict[str, torch.Tensor]:
    """What a golden file holds of an output, by the names it has there."""
    weights = {f"weights.{key}": value for key, value in output.weights.items()}
    return {"prediction": output.prediction, **output.losses, **weights}


def rows(b: Batch, keep: torch.Tensor) -> Batch:
    """Some samples of a batch, trimmed to the longest among them."""
    cut = []
    for s in b[:3]:
        longest = max(1, int(s.mask[keep].sum(1).max()))
        cut.append(Sequence(s.values[keep, :longest], s.mask[keep, :longest]))
    context = None if b.context is None else Sequence(*(part[keep] for part in b.context))
    labels = {k: v[keep] for k, v in b.labels.items()}
    return Batch(*cut, labels=labels, index=b.index[keep], context=context)


def pad(b: Batch, extra: int, garbage: float) -> Batch:
    """The same samples with more padding, and garbage in all padding."""
    padded = []
    for s in b[:3]:
        mask = torch.nn.functional.pad(s.mask, (0, extra))
        if s.values.is_floating_point():
            values = torch.nn.functional.pad(s.values, (0, 0, 0, extra))
            values = torch.where(mask[..., None], values, torch.full_like(values, garbage))
        else:
            values = torch.where(mask, torch.nn.functional.pad(s.values, (0, extra)), 7)
        padded.append(Sequence(values, mask))
    return Batch(*padded, labels=b.labels, index=b.index, context=b.context)


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


def missing(given, modality: str, row: int):
    """The batch, ``modality`` missing in one row."""
    values, mask = getattr(given, modality)
    mask = mask.clone()
    mask[row] = False
    return given._replace(**{modality: Sequence(values, mask)})


def dpdf(features: FeatureSpec | None = None, **config) -> DPDFLQ:
    """A small DPDF-LQ that only answers."""
    model = build("dpdf_lq", features or specs(), config={**small("dpdf_lq"), **config})
    return model.eval()


def changed(given, *modalities):
    """The batch with other values in ``modalities``."""
    return given._replace(
        **{m: Sequence(torch.randn_like(getattr(given, m).values), getattr(given, m).mask) for m in modalities}
    )


def watch(module: nn.Module, seen: list) -> None:
    """Put what a module is given and what it answers into ``seen``, call by call."""
    module.register_forward_hook(lambda _, given, answer: seen.append((given, answer)))
