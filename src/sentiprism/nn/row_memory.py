"""Memory for each train utterance during training: part of checkpoints, not of the saved model."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class RowMemory(nn.Module):
    """Tensors with one entry for each utterance of the train split, found by ``batch.index``.

    Of several processes each writes the rows of its own part of a batch; `merge` makes one memory of theirs.

    Args:
        rows: N, utterances of the train split.
        shapes: shapes for one utterance, by name; each becomes a buffer of that name, (N, *shape).
    """

    written: Tensor
    """(N,) bool, rows that hold something."""
    fresh: Tensor
    """(N,) bool, rows this process has written since the last `merge`."""

    def __init__(self, rows: int, shapes: dict[str, tuple[int, ...]]) -> None:
        super().__init__()
        self.names = tuple(shapes)
        for name, shape in shapes.items():
            self.register_buffer(name, torch.zeros(rows, *shape))
        self.register_buffer("written", torch.zeros(rows, dtype=torch.bool))
        self.register_buffer("fresh", torch.zeros(rows, dtype=torch.bool), persistent=False)

    @torch.no_grad()
    def write(self, index: Tensor, **values: Tensor) -> None:
        """Put ``values``, (B, *shape) by name, in the rows ``index`` (B,) int64."""
        for name, value in values.items():
            kept = self.get_buffer(name)
            kept[index] = value.to(kept.dtype)
        self.written[index] = True
        self.fresh[index] = True

    @torch.no_grad()
    def merge(self, mean: Callable[[Tensor], Tensor]) -> None:
        """Merge rows that the other processes have written since the last call; all processes must call it.

        Args:
            mean: of a tensor over the processes, on every process.
        """
        share = mean(self.fresh.float())  # of the processes that have written a row
        somebody = share > 0
        for name in self.names:
            kept = self.get_buffer(name)
            beside = [-1] + [1] * (kept.ndim - 1)
            total = mean(kept * self.fresh.view(beside)) / share.clamp(min=torch.finfo(share.dtype).tiny).view(beside)
            kept.copy_(torch.where(somebody.view(beside), total, kept))
        self.written |= somebody
        self.fresh.zero_()
