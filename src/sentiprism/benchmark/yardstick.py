"""A fixed training step, to which times of any version on any machine are compared."""

from collections.abc import Callable
from typing import Any

VERSION = 1
"""Raised with any change of the step: times in other units cannot be compared."""
BATCH, STEPS, WIDTH, HEADS, LAYERS = 16, 32, 256, 4, 2


def make_yardstick() -> Callable[[Any], None]:
    """Make a function that takes one training step of a small Transformer encoder; its argument is ignored.

    Nothing of this project is part of it, so that it is as fast in all versions.
    """
    import torch
    from torch import nn

    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, dropout=0.0, batch_first=True)
        model = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        given = torch.randn(BATCH, STEPS, WIDTH)
    optimizer = torch.optim.AdamW(model.parameters())

    def take_step(_: Any) -> None:
        optimizer.zero_grad()
        model(given).square().mean().backward()
        optimizer.step()

    return take_step
