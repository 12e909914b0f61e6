"""Build a model by its name."""

from typing import TYPE_CHECKING, Any

from sentiprism.registry import Registry
from sentiprism.types import FeatureSpec, TargetSpec

if TYPE_CHECKING:  # they bring torch, which a model's name does without
    from sentiprism.models.base import Model, ModelConfig

MODELS: "Registry[Model]" = Registry(
    "sentiprism.models", "sentiprism.models.base:Model", "model", "sentiprism.models", needs=("Config", "citation")
)


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
