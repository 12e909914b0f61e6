"""Models: one paper, one file. A file added here is found by its name, nothing else is touched."""

from typing import TYPE_CHECKING, Any

from sentiprism.models.artifact import SavedModel, load_model, save_model
from sentiprism.models.create import MODELS, create_model, list_models

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


def __getattr__(name: str) -> Any:
    if name not in {"Model", "ModelConfig"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sentiprism.models import base

    return getattr(base, name)
