"""AdamW with parameter groups by name, and its learning-rate schedule."""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from math import cos, pi

from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from sentiprism.errors import UserError, suggest
from sentiprism.models.base import Model
from sentiprism.training.compact import CompactAdamW
from sentiprism.training.config import OptimConfig
from sentiprism.training.engine import Engine

ENCODER = "text_encoder"
"""The parameter group whose layers may have rates of their own."""
LAYER = re.compile(r"\.layers?\.(\d+)\.")
"""Layer number in a parameter's name, from 0."""


def check_groups(model: Model, config: OptimConfig) -> None:
    """Refuse learning rates and freezing of parameter groups that do not exist.

    Raises:
        UserError: ``group_lr`` or ``freeze`` names a group that the model does not have, or every group is frozen.
    """
    groups = model.param_groups()
    named = {*groups, ENCODER}  # allowed also for models without text
    for field, names in (("group_lr", config.group_lr), ("freeze", config.freeze)):
        for name in names:
            if name not in named:
                raise UserError(f"optim.{field}: {model.name} has no parameter group {name!r}", suggest(name, named))
    trained = {
        name for name, parameters in groups.items() if parameters
    }  # FINE names its critics also when it has none
    if trained and trained <= {*config.freeze}:
        raise UserError(
            f"optim.freeze freezes all parameters of {model.name} in the first epoch", "leave out one group"
        )


def check_in_backward(config: OptimConfig, engine: Engine) -> None:
    """Refuse updates within the backward pass where gradients are needed after it.

    Raises:
        UserError: a setting or the engine needs all gradients of a step at once.
    """
    if not config.in_backward:
        return
    needs = {
        f"optim.accumulate={config.accumulate}": config.accumulate > 1,
        f"optim.clip={config.clip}": config.clip is not None,
        f"optim.clip_value={config.clip_value}": config.clip_value is not None,
        "precision fp16": engine.precision == "fp16",
        "training with several processes": engine.world > 1,
    }
    if found := next((what for what, needed in needs.items() if needed), None):
        raise UserError(
            f"optim.in_backward frees each gradient at once, but {found} needs them together",
            "leave out one of the two",
        )


def build_optimizer(model: Model, config: OptimConfig) -> Optimizer:
    """Build AdamW; each group is split by rate, and into matrices (with weight decay) and vectors (without)."""
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
    optimizer = CompactAdamW(groups) if config.moments == "compact" else AdamW(groups, fused=True)
    if config.in_backward:
        _update_in_backward(optimizer)
    return optimizer


def _update_in_backward(optimizer: Optimizer) -> None:
    """Update each parameter as soon as its gradient is complete, and free the gradient."""

    def update(parameter: Tensor, number: int) -> None:
        every = optimizer.param_groups
        optimizer.param_groups = [{**every[number], "params": [parameter]}]  # a step over all of them would be slow
        optimizer.step()
        optimizer.param_groups = every
        parameter.grad = None

    for number, group in enumerate(optimizer.param_groups):
        for parameter in group["params"]:
            parameter.register_post_accumulate_grad_hook(partial(update, number=number))


def _by_layer(
    model: Model, name: str, parameters: list[nn.Parameter], decay: float
) -> Iterator[tuple[float, list[nn.Parameter]]]:
    """Parameters of a group with the factor on its rate; the text encoder's layer by layer."""
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


def set_trained(optimizer: Optimizer, config: OptimConfig, epoch: int) -> None:
    """Disable gradients of groups that are frozen in this epoch; only for one process."""
    for group in optimizer.param_groups:
        if (epochs := config.freeze.get(group["name"])) is not None:
            for parameter in group["params"]:
                parameter.requires_grad_(epoch >= epochs)


def drop_frozen(optimizer: Optimizer, config: OptimConfig, epoch: int) -> None:
    """Drop gradients of groups that are frozen in this epoch: AdamW skips parameters without one."""
    for group in optimizer.param_groups:
        if epoch < config.freeze.get(group["name"], 0):
            for parameter in group["params"]:
                parameter.grad = None


def rate_factor(step: int, total: int, config: OptimConfig) -> float:
    """Factor on the learning rate at a step, counted from 0; above 0 from the first warm-up step."""
    warmup = round(config.warmup * total)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if config.schedule in {"constant", "plateau"}:
        return 1.0
    done = (step - warmup) / max(1, total - warmup)
    return 1 - done if config.schedule == "linear" else 0.5 * (1 + cos(pi * done))


def plateau_factor(better: Iterable[bool], config: OptimConfig) -> float:
    """Factor on the learning rate under the schedule ``plateau``; 1 under any other.

    Args:
        better: for each epoch so far, whether its valid score was the best until then. As nothing else is needed, a
            resumed run has the same rate.
        config: of the run.
    """
    factor, waited = 1.0, 0
    for best in better if config.schedule == "plateau" else ():
        waited = 0 if best else waited + 1
        if waited > config.plateau_patience:
            factor, waited = factor / 2, 0
    return factor


def set_rate(optimizer: Optimizer, factor: float) -> None:
    """Scale the base rate of every group."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
