"""A peer for `peer.py`, as small as one can be: the mean of the words' embeddings, and a line."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

Step = Callable[[dict[str, Any]], object]


def build(task: dict[str, Any]) -> tuple[Step, Step]:
    """Make the functions that train on a batch and predict one.

    Args:
        task: ``widths`` of text (size of the vocabulary, or features per step), audio and vision; ``encoder``, the
            folder of the text encoder or None; ``threads``; ``batch_size``.

    Returns:
        A function that takes a training step (forward, backward, update), and one that predicts. Both get a batch:
        ``text``, ``audio``, ``vision``, each with its ``_mask`` (B, T), and ``label`` (B,), as numpy arrays.
    """
    torch.set_num_threads(task["threads"])
    width = task["widths"]["text"]
    model: nn.Module = nn.Linear(width, 1) if task["encoder"] is None else nn.EmbeddingBag(width, 1)
    optimizer = torch.optim.AdamW(model.parameters())

    def forward(batch: dict[str, Any]) -> torch.Tensor:
        values = torch.from_numpy(batch["text"])
        found: torch.Tensor = model(values.mean(1) if task["encoder"] is None else values)
        return found[:, 0]

    def train(batch: dict[str, Any]) -> None:
        optimizer.zero_grad()
        nn.functional.l1_loss(forward(batch), torch.from_numpy(batch["label"])).backward()
        optimizer.step()

    def predict(batch: dict[str, Any]) -> Any:
        with torch.inference_mode():
            return forward(batch).numpy()

    return train, predict
