"""A saved model that recordings can be fed to: untrained, so that its answers mean nothing and differ for all that."""

from pathlib import Path

import torch

from makers_models import small
from makers_text import tiny_bert
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.models import create_model, save_model
from sentiprism.recipe import Recipe
from sentiprism.types import FeatureSpec, ModalitySpec, TargetSpec


def spec(recipe: Recipe) -> ModalitySpec:
    width = len(recipe.columns)
    return ModalitySpec(kind="features", width=width, recipe=recipe, mean=(0.0,) * width, std=(20.0,) * width)


def features(text: Path) -> FeatureSpec:
    """Tokens of a tiny encoder, frames of the voice, one mean of the face an utterance."""
    tiny_bert(text)
    return FeatureSpec(
        text=ModalitySpec(kind="tokens", width=1157, encoder=str(text), source="raw", max_tokens=40),
        audio=spec(EXTRACTORS["speech"].recipe),
        vision=spec(EXTRACTORS["action_units"].recipe.with_step("utterance")),
    )


def saved_model(
    folder: Path,
    given: FeatureSpec,
    name: str = "mdf",
    target: TargetSpec | None = None,
    **metadata: object,
) -> Path:
    torch.manual_seed(0)
    model = create_model(name, given, target or TargetSpec(), small(name))
    save_model(model, folder, {"dataset": "none", **metadata})
    return folder
