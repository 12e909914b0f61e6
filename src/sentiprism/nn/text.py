"""The text side of a model: an encoder that is part of it, or features made in advance."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sentiprism.errors import UserError
from sentiprism.text.encoders import load_backbone, longest, segment_ids
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
    """Id of padding."""

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
        if spec.dropout is not None:
            for module in backbone.modules():
                if isinstance(module, nn.Dropout):
                    module.p = spec.dropout
        self.backbone, self.width, self.padding = backbone, config.hidden_size, config.pad_token_id or 0
        self.encoder, self.limit = spec.encoder, spec.max_tokens

    def forward(self, text: Sequence, adapt: Adapt | None = None, context: Sequence | None = None) -> Sequence:
        """Encode (B, T) token ids, or pass (B, T, D) features through; padding comes out as zeros.

        A row does not depend on the other rows. One without text comes out as zeros. Only the hidden states of the
        text's own tokens come out, whatever context was read with them.

        Args:
            text: ids or features.
            adapt: changes what the encoder's first layer reads, its embeddings, or the features (MAG). It is given
                every row, also those without text; of what is read with context, only the text's own steps change.
            context: (B, C) token ids that follow the text as a second segment; None = no row has any.
        """
        values, mask = text
        if self.backbone is None:
            values = values.masked_fill(~mask.unsqueeze(-1), 0.0)
            return Sequence(values if adapt is None else adapt(values).masked_fill(~mask.unsqueeze(-1), 0.0), mask)
        if adapt is not None:

            def changed(embedded: Tensor) -> Tensor:
                own = adapt(embedded[:, : mask.shape[1]])
                if context is None:
                    return own
                own = torch.where(mask.unsqueeze(-1), own, embedded[:, : mask.shape[1]])
                return torch.cat([own, embedded[:, mask.shape[1] :]], dim=1)

            # a hook, since the layers after the embeddings have different names in every architecture
            hook = self.backbone.get_submodule("embeddings").register_forward_hook(
                lambda _, __, embedded: changed(embedded)
            )
            try:
                return Sequence(self._encode(text, context), mask)
            finally:
                hook.remove()
        if torch.compiler.is_compiling():  # a traced graph cannot choose rows by their values
            return Sequence(self._encode(text, context), mask)
        rows = text.present.nonzero().squeeze(1)
        # a batch without any text is encoded too: DDP waits for a gradient of every parameter
        if len(rows) in {0, len(mask)}:
            return Sequence(self._encode(text, context), mask)
        some = None if context is None else Sequence(*(tensor[rows] for tensor in context))
        hidden = self._encode(Sequence(values[rows], mask[rows]), some)  # (rows, T, D)
        return Sequence(hidden.new_zeros(*mask.shape, self.width).index_copy(0, rows, hidden), mask)

    def _encode(self, text: Sequence, context: Sequence | None) -> Tensor:
        assert self.backbone is not None  # noqa: S101 - for mypy
        own = text.mask
        ids, mask, segments = text.values.masked_fill(~own, self.padding), own, {}
        if context is not None:
            ids, mask = _join(text, context, self.padding)
            if (
                torch.compiler.is_compiling()
            ):  # of any width: the longest text and the longest context may be of two rows
                most = self.limit or longest(self.encoder)
                ids, mask = ids[:, :most], mask[:, :most]
            segments = segment_ids(self.backbone, own.sum(dim=1), mask)
        # attention over nothing is NaN: a row without text reads one padding token, and its output is zeroed
        first = torch.arange(mask.shape[1], device=mask.device) == 0
        read = mask | (first & ~mask.any(dim=1, keepdim=True))
        output = self.backbone(input_ids=ids, attention_mask=read.long(), **segments)
        hidden: Tensor = output.last_hidden_state[:, : own.shape[1]]
        return hidden.masked_fill(~own.unsqueeze(-1), 0.0)


def _join(text: Sequence, context: Sequence, padding: int) -> tuple[Tensor, Tensor]:
    """Token ids of both segments, the second right behind the first, and their mask: (B, T), (B, C) -> (B, W) each.

    There is no padding between the two: positions are absolute, and a row must not depend on the others.
    """
    lengths, more = text.mask.sum(dim=1, keepdim=True), context.mask.sum(dim=1, keepdim=True)
    more = more * text.present.unsqueeze(1)  # a row without text reads no context
    T, C = text.mask.shape[1], context.mask.shape[1]
    ids = torch.cat([text.values.masked_fill(~text.mask, padding), torch.full_like(context.values, padding)], dim=1)
    places = lengths + torch.arange(C, device=lengths.device)  # (B, C); the last are padding, and stay so
    second = torch.where(context.mask & text.present.unsqueeze(1), context.values, padding)
    ids = ids.scatter(1, places, second)
    width = T + C if torch.compiler.is_compiling() else max(T, int((lengths + more).max()))
    return ids[:, :width], (torch.arange(T + C, device=lengths.device) < lengths + more)[:, :width]


def _freeze(backbone: Any, layers: int, name: str) -> None:
    """Train only the layers above; no gradient is computed for those below."""
    stack = backbone.encoder.layer
    if layers > len(stack):
        raise UserError(f"{name} has {len(stack)} layers, {layers} are to be frozen", "freeze fewer of them")
    backbone.requires_grad_(False)  # MPNet's position bias too: it would draw a gradient through every layer
    for layer in stack[layers:]:
        layer.requires_grad_(True)
