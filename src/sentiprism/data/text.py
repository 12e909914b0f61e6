"""Text of a split as token ids or frozen hidden states."""

import numpy as np

from sentiprism.data.context import Before, context_ids, rows_before
from sentiprism.data.dataset import Split
from sentiprism.data.ragged import Ragged
from sentiprism.errors import UserError
from sentiprism.text.encoders import check_length, longest, tokenize
from sentiprism.text.frozen import encode_frozen
from sentiprism.types import ModalitySpec


def text_rows(
    split: Split, encoder: str, spec: ModalitySpec, before: Before | None = None
) -> tuple[Ragged, Ragged | None]:
    """Token ids with second segments, or hidden states of a frozen encoder for both.

    Args:
        split: has the texts, or stored token ids.
        encoder: the text encoder.
        spec: of the text; its width is checked if it is the size of a vocabulary.
        before: rows of the context of each row; by default the preceding ones in its video.

    Returns:
        (T,) ids or (T, D) states, T=0 without text; and (C,) ids of the context, None if the model itself does not use
        context.

    Raises:
        UserError: an id is outside the vocabulary, or a text is longer than the encoder can read.
    """
    ids, context = _token_ids(split, encoder, spec, before)
    if spec.kind == "tokens":
        highest = max((int(ids[int(i)].max()) for i in np.flatnonzero(ids.lengths)), default=0)
        if highest >= spec.width:
            raise UserError(
                f"{split.name}: token id {highest} is outside the {spec.width} words of {encoder}",
                "choose the encoder whose tokenizer made the ids",
            )
        return ids, context
    states = encode_frozen(encoder, ids, context=context)
    return Ragged(states.parts, states.part, states.starts, states.lengths, states.width), None


def _token_ids(
    split: Split, encoder: str, spec: ModalitySpec, before: Before | None = None
) -> tuple[Ragged, Ragged | None]:
    """(T,) ids of at most ``max_tokens`` per utterance, T=0 without text; and (C,) of its context."""
    most = spec.max_tokens or longest(encoder)
    check_length(encoder, most)
    ids = _own_ids(split, encoder, spec, most)
    if not spec.context:
        return ids, None
    before = rows_before(split, spec.context) if before is None else before
    return ids, context_ids(split, encoder, spec, before, ids.lengths, most)


def _own_ids(split: Split, encoder: str, spec: ModalitySpec, most: int) -> Ragged:
    if spec.source == "raw":
        texts = [words if words and words.strip() else None for words in split.texts or [None] * len(split)]
        return Ragged.from_rows(tokenize(encoder, texts, most), 0)
    if "token_ids" not in split.sequences:
        return Ragged.from_rows([None] * len(split), 0)
    stored = split.sequences["token_ids"]
    if stored.lengths.max(initial=0) <= most:
        return stored
    rows = (stored[i] for i in range(len(stored)))  # a truncated text keeps its final [SEP]
    cut = [np.append(row[: most - 1], row[-1:]) if len(row) > most else row for row in rows]
    return Ragged.from_rows(cut, 0)
