"""Load networks from a folder or the Hugging Face hub at one revision, never with their code or pickles."""

import hashlib
import os
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from sentiprism.assets.registry import digest
from sentiprism.assets.sources import UnavailableError, hub_snapshot
from sentiprism.errors import UserError, shorten
from sentiprism.reading import check_folder, read_json
from sentiprism.recipe import Network, Recipe
from sentiprism.text.tokens import CONFIG, MOST_BYTES, READ, load_errors, read_config
from sentiprism.text.weights import load_weights, weight_files

PREPROCESSOR = "preprocessor_config.json"
"""File with the preprocessing of a network's inputs."""
UNUSED = ("masked_spec_embed", "mask_token", "pooler.")
"""Parts of names of weights that only training or other heads need; many checkpoints lack them."""
SNAPSHOT = "snapshots"
"""Folder in the hub's cache whose subfolders are named after commits."""


def resolve_network(model: str, revision: str | None = None) -> tuple[Path, str]:
    """Find or download the folder of a network; returns it with its revision.

    Args:
        model: a folder, or a name on the hub.
        revision: a commit on the hub; None = the newest. For a folder, its expected revision.

    Raises:
        UserError: there is no such network, it cannot be downloaded, or the folder has another revision.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not os.path.lexists(folder / CONFIG):
            raise UserError(f"{folder} is not a network: it has no config.json", "give a Hugging Face model folder")
        check_folder(folder, READ, MOST_BYTES, "file of a network")
        read_json(folder / CONFIG, what="configuration of a network")
        found = _content(folder)
        if revision is not None and revision != found:
            cause = f"{folder} has another network than the one that the features were made with"
            raise UserError(cause, "restore that one, or extract and train again")
        return folder, found
    if not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", model):
        raise UserError(f"{model} is not a folder with a pretrained network", "check the path")
    try:
        folder = hub_snapshot(model, revision=revision)
    except UnavailableError as error:
        raise UserError(f"network {model!r} is not available: {error}", "give its folder") from None
    return folder, folder.name if folder.parent.name == SNAPSHOT else _content(folder)


@lru_cache(maxsize=4)
def check_recipe(recipe: Recipe, describe: Callable[[Any, Network], Recipe]) -> None:
    """Refuse a recipe that does not match its network, since a saved model is not trusted.

    Args:
        recipe: of frames.
        describe: makes the recipe of a network from its configuration.

    Raises:
        UserError: the network is not available, has other columns, or cannot be used.
    """
    assert recipe.network is not None  # noqa: S101 - set for learned extractors
    folder, revision = resolve_network(recipe.network.model, recipe.network.revision)
    expected = describe(read_network_config(folder), recipe.network.model_copy(update={"revision": revision}))
    if (difference := expected.difference(recipe)) is not None:
        cause = f"the features do not match {shorten(recipe.network.model, 80)}: {difference}"
        raise UserError(cause, "get a complete copy of the model, or extract and train again")


def _content(folder: Path) -> str:
    names = [path for path in (folder / CONFIG, folder / PREPROCESSOR) if path.is_file()]
    parts = [digest(path) for path in (*names, *weight_files(folder))]
    return f"sha256:{hashlib.sha256(' '.join(parts).encode()).hexdigest()}"


def read_network_config(folder: Path) -> Any:
    """Read the configuration of a network, or of its vision part if it also has a text part."""
    config = read_config(folder)
    return getattr(config, "vision_config", config)


@lru_cache(maxsize=2)
def load_network(network: Network) -> tuple[Any, Any]:
    """Load a network on the fastest available device, and its preprocessor; the last two stay loaded.

    Raises:
        UserError: it cannot be loaded, or is not of a supported kind.
    """
    import torch
    from transformers import (
        MODEL_MAPPING,
        AutoFeatureExtractor,
        AutoImageProcessor,
        CLIPVisionModel,
        SiglipVisionModel,
    )

    folder, _ = resolve_network(network.model, network.revision)
    config = read_network_config(folder)
    sides = {"clip_vision_model": CLIPVisionModel, "siglip_vision_model": SiglipVisionModel}
    architecture = sides.get(config.model_type) or MODEL_MAPPING.get(type(config), None)
    if architecture is None or isinstance(architecture, tuple):
        raise UserError(f"{folder} is a {config.model_type} model, which is not supported", "give another one")
    loaded = load_weights(folder, architecture, config, unused=UNUSED)
    if getattr(config, "is_encoder_decoder", False):
        loaded = loaded.get_encoder()
    pictures = loaded.main_input_name == "pixel_values"
    with load_errors(folder, PREPROCESSOR):
        kind = AutoImageProcessor if pictures else AutoFeatureExtractor
        # always resize with Pillow, since torchvision gives other values
        how = {"backend": "pil"} if pictures else {}
        prepare = kind.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False, **how)
    return loaded.to("cuda" if torch.cuda.is_available() else "cpu"), prepare


def read_layer(output: Any, layer: int | str) -> Any:
    """(B, T, D) states of a layer, or (B, T, L·D) of all L layers, without the input of the first layer."""
    import torch

    if layer == "last":
        return output.last_hidden_state
    if layer == "all":
        return torch.cat(list(output.hidden_states[1:]), dim=-1)
    return output.hidden_states[layer]


def name_columns(config: Any, layer: int | str) -> tuple[str, ...]:
    """Names of the columns of a layer's states.

    Raises:
        UserError: the layer does not exist.
    """
    layers = int(getattr(config, "encoder_layers", None) or config.num_hidden_layers)
    if isinstance(layer, int) and not 0 <= layer <= layers:
        raise UserError(f"the network has no layer {layer}", f"choose 0 to {layers}, last or all")
    width = int(getattr(config, "d_model", None) or config.hidden_size)
    if layer == "all":
        return tuple(f"layer_{n:02d}_state_{i:04d}" for n in range(1, layers + 1) for i in range(width))
    return tuple(f"state_{i:04d}" for i in range(width))
