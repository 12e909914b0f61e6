"""AdamW with parameter groups by name, and its learning-rate schedule."""

from collections.abc import Iterable
from math import cos, pi

import torch
from torch.optim import AdamW

from sentiprism.errors import UserError, suggest
from sentiprism.models.base import Model
from sentiprism.training.config import OptimConfig


def check_groups(model: Model, config: OptimConfig) -> None:
    """Refuse learning rates that no parameter would take.

    Raises:
        UserError: ``group_lr`` names a group that the model does not have.
    """
    named = {*model.param_groups(), "text_encoder"}  # a model without text has no such group, and needs none
    for name in config.group_lr:
        if name not in named:
            raise UserError(f"optim.group_lr: {model.name} has no parameter group {name!r}", suggest(name, named))


def build_optimizer(model: Model, config: OptimConfig) -> AdamW:
    """Fused AdamW; each named group is split into matrices (decayed) and vectors (not)."""
    groups = []
    for name, parameters in model.param_groups().items():
        rate = config.group_lr.get(name, model.rates.get(name, config.lr))
        for decay, chosen in (
            (config.weight_decay, [p for p in parameters if p.ndim > 1]),
            (0.0, [p for p in parameters if p.ndim <= 1]),
        ):
            if chosen:
                groups.append({"params": chosen, "lr": rate, "base_lr": rate, "weight_decay": decay, "name": name})
    return AdamW(groups, fused=True)


def rate_factor(step: int, total: int, config: OptimConfig) -> float:
    """Factor on the learning rate at a step counted from 0; the first warm-up step is already above 0."""
    warmup = round(config.warmup * total)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if config.schedule in {"constant", "plateau"}:
        return 1.0
    done = (step - warmup) / max(1, total - warmup)
    return 1 - done if config.schedule == "linear" else 0.5 * (1 + cos(pi * done))


def plateau_factor(better: Iterable[bool], config: OptimConfig) -> float:
    """Factor of the schedule ``plateau`` on the learning rate; 1 under any other.

    Args:
        better: of each epoch so far, whether its valid score was the best one until then. Nothing else is needed, so
            that a resumed run has the rate it would have had.
        config: of the run.
    """
    factor, waited = 1.0, 0
    for best in better if config.schedule == "plateau" else ():
        waited = 0 if best else waited + 1
        if waited > config.plateau_patience:
            factor, waited = factor / 2, 0
    return factor


def set_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Scale every group's own rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
