"""Build models on torch's meta device, without allocating memory."""

import warnings
from typing import Any

from sentiprism.errors import UserError
from sentiprism.meta_device import on_meta_device
from sentiprism.models.base import Model, ModelConfig
from sentiprism.types import FeatureSpec, TargetSpec

USUAL = 100
"""Assumed default of a number whose default is None or 0."""
UNBUILT = (RuntimeError, ValueError, AssertionError, ArithmeticError, TypeError)
"""Exceptions of torch for widths that do not match, or are too large to count in bytes."""


def outline(
    name: str, features: FeatureSpec, target: TargetSpec, config: ModelConfig | dict[str, Any] | None = None
) -> Model:
    """Build a model without values: its layers, shapes and parameter groups, without memory and in limited time.

    Args:
        name: see ``list_models``.
        features: as for ``create_model``.
        target: as for ``create_model``.
        config: as for ``create_model``.

    Raises:
        UserError: as ``create_model``; or the configuration cannot be built, or has too many layers.
    """
    from sentiprism.models import MODELS, create_model

    if not isinstance(config, ModelConfig):
        config = MODELS[name].Config.parse(config or {}, f"configuration of {name}")
    what = f"{name} with this configuration"
    with on_meta_device(what, f"lower {largest(config)}"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns about widths of 0
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


def largest(config: ModelConfig) -> str:
    """Field of a configuration with an integer furthest above its default."""
    fields = type(config).model_fields
    numbers = {k: v for k, v in config if isinstance(v, int) and not isinstance(v, bool)}
    if not numbers:
        return "the widths"
    name = max(numbers, key=lambda k: numbers[k] / (fields[k].default or USUAL))
    return f"config.{name} (it is {numbers[name]:,})"
