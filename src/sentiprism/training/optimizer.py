"""AdamW with parameter groups by name, and its learning-rate schedule."""

import re
from collections.abc import Iterable, Iterator
from math import cos, pi

import torch
from torch import nn
from torch.optim import AdamW

from sentiprism.errors import UserError, suggest
from sentiprism.models.base import Model
from sentiprism.training.config import OptimConfig

ENCODER = "text_encoder"
"""The parameter group whose layers may have rates of their own."""
LAYER = re.compile(r"\.layers?\.(\d+)\.")
"""The number of a layer in a parameter's name, from 0."""


def check_groups(model: Model, config: OptimConfig) -> None:
    """Refuse learning rates and frozen stages that no parameter would take.

    Raises:
        UserError: ``group_lr`` or ``freeze`` names a group that the model does not have, or every group is frozen.
    """
    groups = model.param_groups()
    named = {*groups, ENCODER}  # a model without text has no such group, and needs none
    for field, names in (("group_lr", config.group_lr), ("freeze", config.freeze)):
        for name in names:
            if name not in named:
                raise UserError(f"optim.{field}: {model.name} has no parameter group {name!r}", suggest(name, named))
    trained = {name for name, parameters in groups.items() if parameters}  # FINE without critics names them too
    if trained and trained <= {*config.freeze}:
        raise UserError(f"optim.freeze leaves {model.name} no parameters to train at first", "leave out one group")


def build_optimizer(model: Model, config: OptimConfig) -> AdamW:
    """Fused AdamW; each named group is split by rate, and into matrices (decayed) and vectors (not)."""
    groups = []
    for name, everything in model.param_groups().items():
        usual = config.group_lr.get(name, model.rates.get(name, config.lr))
        for factor, parameters in _by_layer(model, name, everything, config.layer_decay):
            rate = usual * factor
            for decay, chosen in (
                (config.weight_decay, [p for p in parameters if p.ndim > 1]),
                (0.0, [p for p in parameters if p.ndim <= 1]),
            ):
                if chosen:
                    groups.append({"params": chosen, "lr": rate, "base_lr": rate, "weight_decay": decay, "name": name})
    return AdamW(groups, fused=True)


def _by_layer(
    model: Model, name: str, parameters: list[nn.Parameter], decay: float
) -> Iterator[tuple[float, list[nn.Parameter]]]:
    """A group's parameters with the factor on its rate; those of the text encoder layer by layer, from below."""
    if name != ENCODER or decay == 1:
        yield 1.0, parameters
        return
    numbers = {id(p): LAYER.search(own) for own, p in model.named_parameters()}
    layers: dict[int, list[nn.Parameter]] = {}
    for parameter in parameters:
        found = numbers[id(parameter)]
        layers.setdefault(0 if found is None else int(found[1]) + 1, []).append(parameter)
    top = max(layers)
    for layer in sorted(layers):
        yield decay ** (top - layer), layers[layer]


def set_trained(optimizer: torch.optim.Optimizer, config: OptimConfig, epoch: int) -> None:
    """Compute no gradients for groups that this epoch does not train; not for a model that is wrapped for processes."""
    for group in optimizer.param_groups:
        if (epochs := config.freeze.get(group["name"])) is not None:
            for parameter in group["params"]:
                parameter.requires_grad_(epoch >= epochs)


def drop_frozen(optimizer: torch.optim.Optimizer, config: OptimConfig, epoch: int) -> None:
    """Forget gradients of groups that this epoch does not train: AdamW leaves what has none as it is."""
    for group in optimizer.param_groups:
        if epoch < config.freeze.get(group["name"], 0):
            for parameter in group["params"]:
                parameter.grad = None


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
