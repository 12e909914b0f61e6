"""Networks by name: a folder or a name on the Hugging Face hub, at one revision; never code or pickles of theirs."""

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
from sentiprism.text.tokens import CONFIG, MOST_BYTES, READ, read_config, refusals
from sentiprism.text.weights import load_weights, weight_files

PREPROCESSOR = "preprocessor_config.json"
"""How a network wants its sound or pictures."""
UNUSED = ("masked_spec_embed", "mask_token", "pooler.")
"""Of names of weights that only training or other heads need: many checkpoints are without them."""
SNAPSHOT = "snapshots"
"""Of the hub's cache: its folders are called as commits."""


def resolve_network(model: str, revision: str | None = None) -> tuple[Path, str]:
    """Local folder of a network and its revision.

    Args:
        model: a folder, or a name on the hub.
        revision: of the hub: a commit; None = the newest. Of a folder, what it must be.

    Raises:
        UserError: there is no such network, it cannot be had now, or the folder has another revision.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not os.path.lexists(folder / CONFIG):
            raise UserError(f"{folder} is not a network: it has no config.json", "give a Hugging Face model folder")
        check_folder(folder, READ, MOST_BYTES, "file of a network")
        read_json(folder / CONFIG, what="configuration of a network")
        found = _content(folder)
        if revision is not None and revision != found:
            cause = f"{folder} holds another network than the one that the features were made with"
            raise UserError(cause, "put that one back, or extract and train anew")
        return folder, found
    if not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", model):
        raise UserError(f"there is no folder {model} of a network", "check the path")
    try:
        folder = hub_snapshot(model, revision=revision)
    except UnavailableError as error:
        raise UserError(f"no network {model!r} here: {error}", "give a folder of it") from None
    return folder, folder.name if folder.parent.name == SNAPSHOT else _content(folder)


@lru_cache(maxsize=4)
def check_recipe(recipe: Recipe, describe: Callable[[Any, Network], Recipe]) -> None:
    """Refuse a recipe that is not what its network makes: a saved model may say anything.

    Args:
        recipe: of frames.
        describe: the recipe of a network, by its configuration.

    Raises:
        UserError: the network cannot be had, has other columns, or cannot be used so.
    """
    assert recipe.network is not None  # noqa: S101 - of a learned extractor
    folder, revision = resolve_network(recipe.network.model, recipe.network.revision)
    expected = describe(read_network_config(folder), recipe.network.model_copy(update={"revision": revision}))
    if (difference := expected.difference(recipe)) is not None:
        cause = f"the features are not those that {shorten(recipe.network.model, 80)} makes: {difference}"
        raise UserError(cause, "get a whole copy of the model, or extract and train anew")


def _content(folder: Path) -> str:
    names = [path for path in (folder / CONFIG, folder / PREPROCESSOR) if path.is_file()]
    parts = [digest(path) for path in (*names, *weight_files(folder))]
    return f"sha256:{hashlib.sha256(' '.join(parts).encode()).hexdigest()}"


def read_network_config(folder: Path) -> Any:
    """Architecture of a network; that of the pictures' side where it reads texts too."""
    config = read_config(folder)
    return getattr(config, "vision_config", config)


@lru_cache(maxsize=2)
def load_network(network: Network) -> tuple[Any, Any]:
    """A network on the fastest device that is here, and what prepares its input; the last two stay loaded.

    Raises:
        UserError: it cannot be loaded, or is of no kind that can be used.
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
        raise UserError(f"{folder} is a {config.model_type} model, which is not known here", "give another one")
    loaded = load_weights(folder, architecture, config, unused=UNUSED)
    if getattr(config, "is_encoder_decoder", False):
        loaded = loaded.get_encoder()
    pictures = loaded.main_input_name == "pixel_values"
    with refusals(folder, PREPROCESSOR):
        kind = AutoImageProcessor if pictures else AutoFeatureExtractor
        # pictures are resized by Pillow wherever the program runs: torchvision's numbers are others
        how = {"backend": "pil"} if pictures else {}
        prepare = kind.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False, **how)
    return loaded.to("cuda" if torch.cuda.is_available() else "cpu"), prepare


def read_layer(output: Any, layer: int | str) -> Any:
    """(B, T, D) states of a layer, or (B, T, L·D) of all; what the first layer reads is none of these L."""
    import torch

    if layer == "last":
        return output.last_hidden_state
    if layer == "all":
        return torch.cat(list(output.hidden_states[1:]), dim=-1)
    return output.hidden_states[layer]


def name_columns(config: Any, layer: int | str) -> tuple[str, ...]:
    """Columns of a layer's states.

    Raises:
        UserError: there is no such layer.
    """
    layers = int(getattr(config, "encoder_layers", None) or config.num_hidden_layers)
    if isinstance(layer, int) and not 0 <= layer <= layers:
        raise UserError(f"the network has no layer {layer}", f"choose 0 to {layers}, last or all")
    width = int(getattr(config, "d_model", None) or config.hidden_size)
    if layer == "all":
        return tuple(f"layer_{n:02d}_state_{i:04d}" for n in range(1, layers + 1) for i in range(width))
    return tuple(f"state_{i:04d}" for i in range(width))
