"""Refuse a training that does not fit in memory."""

from typing import TYPE_CHECKING

from sentiprism.data.prepare import PreparedSplit
from sentiprism.machine import check_room
from sentiprism.training.config import OptimConfig

if TYPE_CHECKING:
    from sentiprism.models.base import Model

NUMBER = 4
"""Bytes of a float32."""
COPIES = {"full": 2, "compact": 0.5}
"""Memory of the moments in copies of the weights."""


def check_memory(model: "Model", optim: OptimConfig, room: int, train: PreparedSplit | None = None) -> None:
    """Refuse a model whose training needs more memory than available.

    This counts a lower bound: weights, gradients, AdamW's moments, the weight average, the model's memory of each
    utterance, and the inputs of the largest batch.

    Args:
        model: its outline.
        optim: batch size, and what is kept beside the weights.
        room: bytes of memory.
        train: the split; None if not known yet.

    Raises:
        UserError: too little memory; the message says which setting to lower.
    """
    import torch

    from sentiprism.meta_device import weigh
    from sentiprism.models.outline import largest

    copies = (not optim.in_backward) + COPIES[optim.moments]
    held, batch = weigh(model, copies=copies), 0
    if optim.average is not None:
        held += weigh(model)
    if train is not None:
        with torch.device("meta"):
            kept = model.create_memory(len(train))
        held += 0 if kept is None else weigh(kept)
        rows = min(optim.batch_size, len(train))
        steps = {name: int(train.steps(name).max(initial=0)) for name in model.modalities}
        batch = NUMBER * rows * sum(count * model.input_widths[name] for name, count in steps.items())
    purpose, field = "weights, gradients and moments", largest(model.config)
    if batch > held:
        purpose, field = "training, most for the inputs of a batch", f"optim.batch_size (it is {optim.batch_size:,})"
    check_room(model.name, held + batch, purpose, f"lower {field}", room)
