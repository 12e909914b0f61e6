"""Load pretrained weights from safetensors."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiprism.errors import UserError
from sentiprism.machine import check_room
from sentiprism.meta_device import on_meta_device, weigh
from sentiprism.text.tokens import load_errors

if TYPE_CHECKING:
    from torch import nn


def load_weights(folder: Path, architecture: Any, config: Any, *, unused: tuple[str, ...] = (), **options: Any) -> Any:
    """Load a network with the weights of a folder, float32, in eval mode.

    Args:
        folder: from `sentiprism.text.tokens.resolve` or `sentiprism.features.learned.networks.resolve_network`.
        architecture: a class of transformers.
        config: configuration of the network.
        unused: parts of the names of weights that may be missing because they are not used.
        options: arguments of the architecture.

    Raises:
        UserError: no safetensors weights, weights of another architecture, or too little memory.
    """
    import torch

    check_size(folder, partial(architecture, config, **options))
    if not weight_files(folder):
        raise UserError(f"{folder} has no safetensors weights", "convert the weights: pickled files are not opened")
    with load_errors(folder, "weights"):
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
        raise UserError(f"the weights in {folder} lack {missing[0]}", "give weights that match config.json")
    return network.eval()


def check_size(folder: Path, build: "Callable[[], nn.Module]") -> None:
    """Refuse an architecture that does not fit in memory, before allocating it."""
    what, remedy = f"the encoder of {folder / 'config.json'}", "fix that file, or give a smaller encoder"
    with load_errors(folder, "config.json"), on_meta_device(what, remedy):
        network = build()
    check_room(what, weigh(network), "its weights", remedy)


def weight_files(folder: Path) -> list[Path]:
    """Safetensors files of a folder's weights."""
    return sorted(folder.glob("model*.safetensors"))
