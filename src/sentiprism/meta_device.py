"""Build networks on the meta device, to compute their memory without allocating it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any

from sentiprism.errors import UserError

if TYPE_CHECKING:
    from torch import nn

PARTS = 10_000
"""Most layers and tensors of a network: a hundred times those of our largest model, and still built in seconds."""


def weigh(module: "nn.Module", *, copies: float = 0) -> int:
    """Bytes of a module's parameters and buffers, and of ``copies`` (gradients, moments) of those that are trained."""
    trained = sum(p.nbytes for p in module.parameters() if p.requires_grad)
    return sum(t.nbytes for t in (*module.parameters(), *module.buffers())) + int(copies * trained)


@contextmanager
def on_meta_device(what: str, remedy: str) -> Iterator[None]:
    """Context that builds networks without memory, with a limit on the number of layers and tensors.

    Args:
        what: what is built, for the message.
        remedy: how to get fewer layers.

    Raises:
        UserError: there are more than `PARTS`.
    """
    import torch
    from torch.nn.modules import module as hooks

    built, thread = 0, get_ident()

    def count(*_: Any) -> None:
        nonlocal built
        built += get_ident() == thread
        if built > PARTS:
            raise UserError(f"{what} has more than {PARTS:,} layers and tensors", remedy)

    handles = [
        hooks.register_module_module_registration_hook(count),
        hooks.register_module_parameter_registration_hook(count),
        hooks.register_module_buffer_registration_hook(count),
    ]
    try:
        with torch.device("meta"):
            yield
    finally:
        for handle in handles:
            handle.remove()
