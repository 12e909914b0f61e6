"""The text side of a model: an encoder that is part of it, or features made in advance."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sentiprism.errors import UserError
from sentiprism.features.text import load_backbone
from sentiprism.types import ModalitySpec, Sequence

Adapt = Callable[[Tensor], Tensor]
"""Changes (B, T, D) vectors."""


class TextEncoder(nn.Module):
    """Hidden states of the text, whatever form it comes in.

    Its parameters, where it has any, are named ``backbone.*``.

    Args:
        spec: ``tokens`` are read by the encoder ``spec.encoder``; ``features`` pass through.
        pretrained: False builds the encoder with random weights, for weights that are loaded afterwards.

    Raises:
        UserError: token ids without an encoder, or with one that has fewer words than ``spec.width``.
    """

    width: int
    """D of the output."""
    contextual: bool
    """Whether a step's vector depends on the other steps, the first one ([CLS]) standing for the whole."""
    padding: int = 0
    """What stands where there is no token."""

    def __init__(self, spec: ModalitySpec, *, pretrained: bool = True) -> None:
        super().__init__()
        self.contextual = spec.encoder is not None
        self.backbone: nn.Module | None = None
        self.width = spec.width
        if spec.kind == "features":
            return
        if spec.encoder is None:
            raise UserError("token ids are given without a text encoder", "set text.encoder, for example to minilm")
        backbone = load_backbone(spec.encoder, pretrained=pretrained)
        config: Any = backbone.config
        if config.vocab_size < spec.width:
            cause = f"{spec.encoder} has {config.vocab_size} words, the token ids {spec.width}"
            raise UserError(cause, "choose the encoder whose tokenizer made the ids")
        if spec.frozen_layers:
            _freeze(backbone, spec.frozen_layers, spec.encoder)
        self.backbone, self.width, self.padding = backbone, config.hidden_size, config.pad_token_id or 0

    def forward(self, text: Sequence, adapt: Adapt | None = None) -> Sequence:
        """Encode (B, T) token ids, or pass (B, T, D) features through; padding comes out as zeros.

        A row does not depend on the other rows. One without text comes out as zeros.

        Args:
            text: ids or features.
            adapt: changes what the encoder's first layer reads, its embeddings, or the features (MAG). It is given
                every row, also those without text.
        """
        values, mask = text
        if self.backbone is None:
            values = values.masked_fill(~mask.unsqueeze(-1), 0.0)
            return Sequence(values if adapt is None else adapt(values).masked_fill(~mask.unsqueeze(-1), 0.0), mask)
        if adapt is not None:
            # a hook, for what follows the embeddings is called differently in every architecture
            hook = self.backbone.get_submodule("embeddings").register_forward_hook(
                lambda _, __, embedded: adapt(embedded)
            )
            try:
                return Sequence(self._encode(values, mask), mask)
            finally:
                hook.remove()
        if torch.compiler.is_compiling():  # a traced graph cannot choose rows by their values
            return Sequence(self._encode(values, mask), mask)
        rows = text.present.nonzero().squeeze(1)
        # a batch without any text goes through all the same: DDP waits for a gradient of every parameter
        if len(rows) in {0, len(mask)}:
            return Sequence(self._encode(values, mask), mask)
        hidden = self._encode(values[rows], mask[rows])  # (rows, T, D)
        return Sequence(hidden.new_zeros(*mask.shape, self.width).index_copy(0, rows, hidden), mask)

    def _encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        # attention over nothing is NaN: a row without text reads one padding token, and its output is zeroed
        first = torch.arange(mask.shape[1], device=mask.device) == 0
        read = mask | (first & ~mask.any(dim=1, keepdim=True))
        assert self.backbone is not None  # noqa: S101 - for mypy
        output = self.backbone(input_ids=ids.masked_fill(~mask, self.padding), attention_mask=read.long())
        hidden: Tensor = output.last_hidden_state
        return hidden.masked_fill(~mask.unsqueeze(-1), 0.0)


def _freeze(backbone: Any, layers: int, name: str) -> None:
    """Only the layers above learn; no gradient is computed for what lies below them."""
    stack = backbone.encoder.layer
    if layers > len(stack):
        raise UserError(f"{name} has {len(stack)} layers, {layers} are to be frozen", "freeze fewer of them")
    backbone.requires_grad_(False)  # MPNet's position bias too: it would draw a gradient through every layer
    for layer in stack[layers:]:
        layer.requires_grad_(True)
