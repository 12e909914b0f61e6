"""Models: one paper, one file. A file added here is found by its name, nothing else is touched."""

from typing import TYPE_CHECKING, Any

from sentiprism.models.artifact import SavedModel, load_model, save_model
from sentiprism.registry import Registry
from sentiprism.types import FeatureSpec, TargetSpec

if TYPE_CHECKING:  # they bring torch, which a model's name and a saved model's description do without
    from sentiprism.models.base import Model, ModelConfig

__all__ = [
    "MODELS",
    "Model",
    "ModelConfig",
    "SavedModel",
    "create_model",
    "list_models",
    "load_model",
    "save_model",
]

MODELS: "Registry[Model]" = Registry(
    "sentiprism.models", "sentiprism.models.base:Model", "model", "sentiprism.models", needs=("Config", "citation")
)


def __getattr__(name: str) -> Any:
    if name not in {"Model", "ModelConfig"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sentiprism.models import base

    return getattr(base, name)


def list_models() -> list[str]:
    """Names of all models."""
    return list(MODELS)


def create_model(
    name: str,
    features: FeatureSpec,
    target: TargetSpec,
    config: "ModelConfig | dict[str, Any] | None" = None,
    *,
    pretrained: bool = True,
) -> "Model":
    """Build a model by name.

    Args:
        name: see `list_models`.
        features: kind and width of each modality, as `sentiprism.data.prepare` gives it.
        target: what is predicted.
        config: the model's configuration, or a mapping of the fields that differ from the defaults.
        pretrained: load the text encoder's weights.

    Raises:
        UserError: unknown name, unknown or wrong field, or no modality in common with the dataset.
    """
    from sentiprism.models.base import ModelConfig

    model = MODELS[name]
    if not isinstance(config, ModelConfig):
        config = model.Config.parse(config or {}, f"configuration of {name}")
    return model(features, target, config, pretrained=pretrained)
