"""What a model would be, before a byte of it is allocated: it is built on torch's meta device."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any

from sentiprism.errors import UserError
from sentiprism.models.base import Model, ModelConfig
from sentiprism.types import FeatureSpec, TargetSpec

if TYPE_CHECKING:
    from torch import nn

PARTS = 10_000
"""Layers and tensors that a model may have: a hundred times those of our largest, and built in seconds."""
USUAL = 100
"""Of a number whose default says nothing: None, or 0."""
UNBUILT = (RuntimeError, ValueError, AssertionError, ArithmeticError, TypeError)
"""What torch raises for widths that do not fit each other, or that no number of bytes can be counted for."""


def outline(
    name: str, features: FeatureSpec, target: TargetSpec, config: ModelConfig | dict[str, Any] | None = None
) -> Model:
    """Build a model without numbers: its layers, shapes and parameter groups, in no memory and bounded time.

    Args:
        name: see ``list_models``.
        features: as for ``create_model``.
        target: as for ``create_model``.
        config: as for ``create_model``.

    Raises:
        UserError: as ``create_model``; or the configuration cannot be built, or has more than `PARTS` parts.
    """
    import torch

    from sentiprism.models import MODELS, create_model

    if not isinstance(config, ModelConfig):
        config = MODELS[name].Config.parse(config or {}, f"configuration of {name}")
    what = f"{name} with this configuration"
    with torch.device("meta"), _counted(what, largest(config)), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, that widths are 0
        try:
            model = create_model(name, features, target, config, pretrained=False)
        except UNBUILT as error:
            if "overflow" in str(error).lower():
                raise UserError(f"{what} is larger than any memory", f"lower {largest(config)}") from None
            reason = str(error).split("\n", maxsplit=1)[0] or type(error).__name__
            raise UserError(f"{what} cannot be built: {reason}", "change the configuration") from error
    if not all(parameter.numel() for parameter in model.parameters()):
        raise UserError(f"{what} has layers of width 0", "raise its widths, or lower its heads")
    return model


def weigh(module: "nn.Module", *, training: bool = False) -> int:
    """Bytes of a module's parameters and buffers; in training with AdamW's gradients and two moments."""
    trained = sum(p.nbytes for p in module.parameters() if p.requires_grad)
    return sum(t.nbytes for t in (*module.parameters(), *module.buffers())) + 3 * trained * training


def largest(config: ModelConfig) -> str:
    """The whole number of a configuration that is furthest above its default."""
    fields = type(config).model_fields
    numbers = {k: v for k, v in config if isinstance(v, int) and not isinstance(v, bool)}
    if not numbers:
        return "the widths"
    name = max(numbers, key=lambda k: numbers[k] / (fields[k].default or USUAL))
    return f"config.{name} (it is {numbers[name]:,})"


@contextmanager
def _counted(what: str, field: str) -> Iterator[None]:
    """Refuse to build on and on: every tensor and layer of this thread is counted."""
    from torch.nn.modules import module as hooks

    built, thread = 0, get_ident()

    def count(*_: Any) -> None:
        nonlocal built
        built += get_ident() == thread
        if built > PARTS:
            raise UserError(f"{what} has more than {PARTS:,} layers and tensors", f"lower {field}")

    handles = [
        hooks.register_module_module_registration_hook(count),
        hooks.register_module_parameter_registration_hook(count),
        hooks.register_module_buffer_registration_hook(count),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
