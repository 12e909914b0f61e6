"""Text encoders: their networks, and what a saved model needs of them."""

import inspect
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiprism.errors import UserError
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
from sentiprism.text.weights import check_size, load_weights

if TYPE_CHECKING:  # tokenising does not need torch
    from torch import Tensor, nn

__all__ = [
    "Encoder",
    "check_length",
    "check_vocabulary",
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
