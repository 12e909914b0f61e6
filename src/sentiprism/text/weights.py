"""Load pretrained weights from safetensors."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiprism.errors import UserError
from sentiprism.machine import check_room
from sentiprism.meta_device import on_meta_device, weigh
from sentiprism.text.tokens import refusals

if TYPE_CHECKING:
    from torch import nn


def load_weights(folder: Path, architecture: Any, config: Any, *, unused: tuple[str, ...] = (), **options: Any) -> Any:
    """Load a network with the weights of a folder, float32, in eval mode.

    Args:
        folder: of `sentiprism.text.tokens.resolve` or `sentiprism.features.learned.networks.resolve_network`.
        architecture: a class of transformers.
        config: of the network.
        unused: parts of the names of weights that may be missing, for nothing of them is used.
        options: of the architecture.

    Raises:
        UserError: no safetensors weights, weights of another architecture, or too little memory.
    """
    import torch

    check_size(folder, partial(architecture, config, **options))
    if not weight_files(folder):
        raise UserError(f"{folder} has no safetensors weights", "convert them: pickled weights are not opened")
    with refusals(folder, "weights"):
        network, found = architecture.from_pretrained(
            str(folder),
            config=config,
            attn_implementation="sdpa" if getattr(architecture, "_supports_sdpa", False) else "eager",
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **options,
        )
    if missing := sorted(key for key in found["missing_keys"] if not any(part in key for part in unused)):
        raise UserError(f"the weights in {folder} have no {missing[0]}", "give the weights that config.json describes")
    return network.eval()


def check_size(folder: Path, build: "Callable[[], nn.Module]") -> None:
    """Refuse an architecture that this machine has no room for, before any of it is allocated."""
    what, remedy = f"the encoder of {folder / 'config.json'}", "fix that file, or give a smaller encoder"
    with refusals(folder, "config.json"), on_meta_device(what, remedy):
        network = build()
    check_room(what, weigh(network), "its weights", remedy)


def weight_files(folder: Path) -> list[Path]:
    """Files of a folder's weights, as far as they may be opened."""
    return sorted(folder.glob("model*.safetensors"))
