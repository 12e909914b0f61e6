"""Text encoders: networks, and cached frozen hidden states."""

import hashlib
import inspect
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from sentiprism.assets.registry import digest
from sentiprism.errors import UserError
from sentiprism.files import atomic_folder, exclusive, home
from sentiprism.progress import progress
from sentiprism.reading import check_regular
from sentiprism.text.tokens import (
    ORIGIN,
    Encoder,
    check_length,
    check_vocabulary,
    load_errors,
    load_tokenizer,
    longest,
    origin,
    read_config,
    resolve,
    tokenize,
    tokenize_context,
    vocabulary,
)
from sentiprism.text.weights import check_size, load_weights, weight_files

if TYPE_CHECKING:  # tokenising does not need torch
    from torch import Tensor, nn

STATES = ("values.npy", "lengths.npy")
"""Files of cached hidden states."""

__all__ = [
    "Encoded",
    "Encoder",
    "Rows",
    "check_length",
    "check_vocabulary",
    "encode_frozen",
    "load_backbone",
    "load_tokenizer",
    "longest",
    "resolve",
    "save_text_recipe",
    "segment_ids",
    "tokenize",
    "tokenize_context",
    "vocabulary",
]


class Rows(Protocol):
    """N rows of token ids, each (T,) with its own length; T=0 if the text is missing."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> npt.NDArray[Any]: ...


class Encoded(NamedTuple):
    """Unpadded hidden states of N texts."""

    values: npt.NDArray[np.float32]
    """(sum of T, D), memory-mapped, all texts concatenated."""
    lengths: npt.NDArray[np.int64]
    """(N,), 0 if the text is missing."""


def load_backbone(encoder: Encoder, *, pretrained: bool = True) -> "nn.Module":
    """Load the encoder's network without a pooler, float32, in eval mode; `config.hidden_size` is its width.

    Scaled-dot-product attention is used if transformers has it for the architecture (not for MPNet).

    Args:
        encoder: see `resolve`.
        pretrained: False builds the architecture with random weights, to load others afterwards.

    Raises:
        UserError: no safetensors weights, weights of another architecture, or an encoder-decoder.
    """
    from transformers import MODEL_MAPPING

    folder = resolve(encoder, weights=pretrained)
    config = read_config(folder)
    architecture = MODEL_MAPPING.get(type(config), None)
    if architecture is None or isinstance(architecture, tuple) or getattr(config, "is_encoder_decoder", False):
        raise UserError(f"{folder} is a {config.model_type} model, not a text encoder", "give a BERT-like encoder")
    options: dict[str, Any] = {}
    if "add_pooling_layer" in inspect.signature(architecture).parameters:
        options["add_pooling_layer"] = False
    if not pretrained:
        check_size(folder, partial(architecture, config, **options))
        attention = "sdpa" if getattr(architecture, "_supports_sdpa", False) else "eager"
        config._attn_implementation = attention  # the constructor has no argument for it
        with load_errors(folder, "config.json"):
            return architecture(config, **options).float().eval()  # type: ignore[no-any-return]
    return load_weights(folder, architecture, config, **options)  # type: ignore[no-any-return]


def import_encoder(encoder: Encoder) -> None:
    """Import the libraries of an encoder and its tokenizer, which takes seconds at first; weights are not loaded."""
    from transformers import MODEL_MAPPING

    MODEL_MAPPING.get(type(read_config(resolve(encoder, weights=False))), None)
    load_tokenizer(encoder)


def save_text_recipe(encoder: Encoder, folder: Path) -> None:
    """Save tokenizer and configuration without weights; ``folder`` can then be used as an encoder."""
    source = resolve(encoder, weights=False)
    load_tokenizer(encoder).save_pretrained(str(folder))
    read_config(source).save_pretrained(str(folder))
    (folder / ORIGIN).write_text(json.dumps({"encoder": origin(encoder)}), encoding="utf-8")


def encode_frozen(
    encoder: Encoder,
    ids: Rows,
    *,
    context: Rows | None = None,
    batch_size: int = 32,
    device: str = "cpu",
    layer: int = -1,
) -> Encoded:
    """Compute hidden states of a frozen encoder, cached by the hash of weights and ids with context.

    Args:
        encoder: see `resolve`.
        ids: N rows of token ids.
        context: N rows that the encoder reads as second segments; their states are not returned.
        batch_size: rows per batch; it changes the result by rounding only and is not part of the hash.
        device: device of the encoder.
        layer: hidden states to return: -1 the last layer's, 0 the embeddings, and so on.

    Raises:
        UserError: a row is longer than the encoder can read, or the layer does not exist.
    """
    rows = [np.asarray(ids[i], dtype=np.int32) for i in range(len(ids))]
    lengths = np.asarray([len(row) for row in rows], dtype=np.int64)
    more = [np.asarray(context[i], dtype=np.int32) for i in range(len(ids))] if context is not None else []
    read = [np.concatenate(pair) for pair in zip(rows, more, strict=True)] if any(len(row) for row in more) else rows
    check_length(encoder, max(map(len, read), default=0))
    folder = home("cache", "text", _content(encoder, layer, lengths, read))
    found = _open(folder, lengths)
    if found is not None:
        return found
    try:
        with exclusive(folder):
            if (found := _open(folder, lengths)) is not None:  # another process was first
                return found
            with atomic_folder(folder, replace=True) as temporary:  # damaged files are computed again
                _encode(encoder, read, lengths, temporary, batch_size=batch_size, device=device, layer=layer)
            found = _open(folder, lengths)
    except OSError as error:
        remedy = "free space there or set SENTIPRISM_HOME to another folder"
        raise UserError(f"hidden states cannot be cached in {folder.parent} ({error})", remedy) from None
    if found is None:
        raise UserError(f"hidden states in {folder} cannot be read", "check the disk")
    return found


def _open(folder: Path, lengths: npt.NDArray[np.int64]) -> Encoded | None:
    """Cached states; None if missing or damaged."""
    try:
        for name in STATES:
            check_regular(folder / name)
        found = Encoded(np.load(folder / STATES[0], mmap_mode="r"), np.load(folder / STATES[1]))
    except (UserError, OSError, ValueError, EOFError):
        return None
    whole = np.array_equal(found.lengths, lengths) and found.values.ndim == 2 and len(found.values) == lengths.sum()
    return found if whole else None


def _encode(
    encoder: Encoder,
    rows: list[npt.NDArray[np.int32]],
    own: npt.NDArray[np.int64],
    folder: Path,
    *,
    batch_size: int,
    device: str,
    layer: int,
) -> None:
    import torch

    backbone = load_backbone(encoder).to(device)
    config: Any = backbone.config
    if not -config.num_hidden_layers - 1 <= layer <= config.num_hidden_layers:
        raise UserError(f"{encoder} has no layer {layer}", f"use 0 to {config.num_hidden_layers}, or -1 for the last")
    lengths = np.asarray([len(row) for row in rows], dtype=np.int64)
    starts = np.cumsum(own) - own
    order = np.argsort(-lengths, kind="stable")
    order = order[own[order] > 0]
    shape = (int(own.sum()), config.hidden_size)
    # a plain file, because a memory map crashes the process if the disk is full
    with (
        torch.no_grad(),
        (folder / STATES[0]).open("wb") as file,
        progress(f"encoding {len(order)} texts with {encoder}", total=shape[0]) as advance,
    ):
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        begin = file.tell()
        for first in range(0, len(order), batch_size):
            batch = order[first : first + batch_size]
            widths = torch.from_numpy(lengths[batch])
            mask = torch.arange(int(widths.max()))[None] < widths[:, None]
            ids = torch.full(mask.shape, config.pad_token_id or 0)
            ids[mask] = torch.from_numpy(np.concatenate([rows[i] for i in batch]).astype(np.int64))
            first_segment = torch.from_numpy(own[batch])
            segments = segment_ids(backbone, first_segment, mask) if (first_segment < widths).any() else {}
            output = backbone(
                input_ids=ids.to(device),
                attention_mask=mask.long().to(device),
                output_hidden_states=layer != -1,
                **{name: tensor.to(device) for name, tensor in segments.items()},
            )
            hidden = output.last_hidden_state if layer == -1 else output.hidden_states[layer]
            for row, index in zip(hidden.float().cpu().numpy(), batch, strict=True):
                file.seek(begin + int(starts[index]) * config.hidden_size * 4)
                file.write(row[: own[index]].astype("<f4").tobytes())
            advance(int(own[batch].sum()))
    np.save(folder / STATES[1], own)


def segment_ids(backbone: "nn.Module", own: "Tensor", mask: "Tensor") -> "dict[str, Tensor]":
    """Arguments with the segment of each token; {} for an encoder without segments.

    Args:
        backbone: see `load_backbone`.
        own: (B,) number of tokens of the first segment.
        mask: (B, T) of both segments.
    """
    import torch

    config: Any = backbone.config
    known = "token_type_ids" in inspect.signature(backbone.forward).parameters
    if not known or (getattr(config, "type_vocab_size", None) or 0) < 2:  # MPNet and RoBERTa
        return {}
    places = torch.arange(mask.shape[1], device=mask.device)
    return {"token_type_ids": (mask & (places >= own.unsqueeze(1))).long()}


def _content(encoder: Encoder, layer: int, lengths: npt.NDArray[np.int64], read: list[npt.NDArray[np.int32]]) -> str:
    """Hash of the weights and inputs; ``lengths`` are those of the first segments."""
    folder = resolve(encoder)
    parts = [digest(path) for path in (folder / "config.json", *weight_files(folder))]
    key = hashlib.sha256("\n".join([*parts, str(layer)]).encode())
    key.update(lengths.tobytes())
    if sum(map(len, read)) > lengths.sum():
        key.update(np.asarray([len(row) for row in read], np.int64).tobytes())
    for row in read:
        key.update(row.tobytes())
    return key.hexdigest()
