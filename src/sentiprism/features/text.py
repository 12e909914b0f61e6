"""Text encoders: their tokenizers, their networks, and their hidden states made once and kept.

An encoder is named by an asset (``minilm``), by a Hugging Face folder, or by its name on the hub. Whatever it is, it
is brought to a local folder first, and only that folder is loaded: no remote code, no pickled weights.
"""

import hashlib
import inspect
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from filelock import FileLock
from torch import nn

from sentiprism.errors import UserError, suggest
from sentiprism.features.assets import ASSETS, digest, fetch
from sentiprism.features.progress import progress
from sentiprism.features.sources import Unavailable, hub_snapshot
from sentiprism.files import atomic_folder, home

SMALLEST_VOCABULARY = 1_000
"""transformers makes a tokenizer of 5 words, without a word, of a folder that has none."""

VOCABULARIES = {"bert-base-uncased": "sha256:KNOWN"}
"""Fingerprints of vocabularies that datasets name."""

_PADDED_POSITIONS = frozenset({"camembert", "data2vec-text", "mpnet", "roberta", "xlm-roberta", "xlm-roberta-xl"})
"""Architectures whose first position is pad_token_id + 1, so that the last ones of their table are out of reach."""

Encoder = str | Path


class Rows(Protocol):
    """N rows of token ids, each (T,) of its own length; T=0 where the text is missing."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> npt.NDArray[Any]: ...


class Encoded(NamedTuple):
    """Hidden states of N texts at their true lengths."""

    values: npt.NDArray[np.float32]
    """(sum of T, D), memory-mapped, row after row."""
    lengths: npt.NDArray[np.int64]
    """(N,), 0 where the text is missing."""


def resolve(encoder: Encoder, *, weights: bool = True) -> Path:
    """Local folder of an encoder; an asset or a hub name is fetched at first use.

    Args:
        encoder: asset name, folder or hub name, in this order.
        weights: False where a hub name's weights are not needed.

    Raises:
        UserError: there is no such encoder, or it cannot be had now.
    """
    if isinstance(encoder, str) and encoder in ASSETS:
        return fetch(encoder)
    folder = Path(encoder).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise UserError(f"{folder} is no text encoder: it has no config.json", "give a Hugging Face model folder")
        return folder
    if isinstance(encoder, Path) or not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", encoder):
        raise UserError(f"no text encoder folder {encoder}", "check the path")
    try:
        return hub_snapshot(encoder, weights=weights)
    except Unavailable as error:
        remedy = f"{suggest(encoder, ASSETS)} Or give a folder".replace("choose", "Choose")
        raise UserError(f"no text encoder {encoder!r} here: {error}", remedy) from None


def load_tokenizer(encoder: Encoder) -> Any:
    """The encoder's own tokenizer (a `transformers.PreTrainedTokenizerBase`), cached per process.

    Raises:
        UserError: there is none, or its vocabulary has less than `SMALLEST_VOCABULARY` words.
    """
    folder = resolve(encoder, weights=False)
    stamp = max(path.stat().st_mtime_ns for path in folder.iterdir())  # a folder may be replaced while we run
    return _load_tokenizer(folder, stamp)


@lru_cache(maxsize=8)
def _load_tokenizer(folder: Path, stamp: int) -> Any:  # noqa: ARG001 - part of the cache's key
    from transformers import AutoTokenizer

    with _refusals(folder, "tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    if len(tokenizer) < SMALLEST_VOCABULARY:
        cause = f"the tokenizer in {folder} knows {len(tokenizer)} words"
        raise UserError(cause, "add its files (tokenizer.json or vocab.txt) to that folder")
    return tokenizer


def longest(encoder: Encoder) -> int:
    """Tokens the encoder has positions for, [CLS] and [SEP] among them."""
    config, tokenizer = _config(resolve(encoder, weights=False)), load_tokenizer(encoder)
    positions = getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length
    if config.model_type in _PADDED_POSITIONS:
        positions -= config.pad_token_id + 1
    return int(min(positions, tokenizer.model_max_length))


def check_length(encoder: Encoder, tokens: int) -> None:
    """Raise a `UserError` where a text of ``tokens`` tokens is longer than the encoder can read."""
    if tokens > (most := longest(encoder)):
        raise UserError(f"{tokens} tokens are more than {encoder} has positions for", f"use at most {most} tokens")


def tokenize(encoder: Encoder, texts: Sequence[str | None], max_tokens: int) -> list[npt.NDArray[np.int32]]:
    """Token ids from [CLS] to [SEP], each text at its true length.

    Args:
        encoder: see `resolve`.
        texts: N transcripts; None = missing.
        max_tokens: longer texts are cut to this many tokens, [CLS] and [SEP] among them.

    Returns:
        N arrays (T,), T=0 where the text is missing.

    Raises:
        UserError: the encoder cannot read so many tokens, or they leave no room for a word.
    """
    if max_tokens < 3:
        raise UserError(f"max_tokens={max_tokens} leaves no room for a word", "use at least 3")
    check_length(encoder, max_tokens)
    present = [text for text in texts if text is not None]
    tokenizer = load_tokenizer(encoder)
    read = (
        tokenizer(present, truncation=True, max_length=max_tokens, padding=False, return_attention_mask=False)
        if present
        else {"input_ids": []}
    )
    rows = iter(read["input_ids"])
    return [np.asarray([] if text is None else next(rows), dtype=np.int32) for text in texts]


def vocabulary(encoder: Encoder) -> str:
    """Which ids mean which words: a name of `VOCABULARIES`, else ``sha256:<hex>`` over the words in order of ids."""
    words = sorted((index, word) for word, index in load_tokenizer(encoder).get_vocab().items())
    text = "\n".join(f"{index}\t{word}" for index, word in words)
    fingerprint = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    return next((name for name, known in VOCABULARIES.items() if known == fingerprint), fingerprint)


def check_vocabulary(encoder: Encoder, stored: str) -> None:
    """Raise a `UserError` where ids that were made with the vocabulary ``stored`` mean other words to the encoder.

    Args:
        encoder: see `resolve`.
        stored: what `vocabulary` answered when the ids were made, or the hub name of the tokenizer that made them.
    """
    if stored in {vocabulary(encoder), Path(encoder).name}:
        return
    cause = f"the dataset's token ids are of the vocabulary {stored}, which {encoder} does not read"
    raise UserError(cause, "choose an encoder with that vocabulary, or tokenise the transcripts anew")


def load_backbone(encoder: Encoder, *, pretrained: bool = True) -> nn.Module:
    """The encoder's network without a pooler, float32, in eval mode; `config.hidden_size` is its width.

    Scaled-dot-product attention is used where transformers has it for the architecture (BERT and RoBERTa have it).

    Args:
        encoder: see `resolve`.
        pretrained: False builds the architecture with random weights, for weights that are loaded afterwards.

    Raises:
        UserError: no safetensors weights, weights of another architecture, or an encoder-decoder.
    """
    from transformers import MODEL_MAPPING

    folder = resolve(encoder, weights=pretrained)
    config = _config(folder)
    architecture = MODEL_MAPPING[type(config)] if type(config) in MODEL_MAPPING else None
    if architecture is None or isinstance(architecture, tuple) or getattr(config, "is_encoder_decoder", False):
        raise UserError(f"{folder} is a {config.model_type} model, not a text encoder", "give a BERT-like encoder")
    options: dict[str, Any] = {}
    if "add_pooling_layer" in inspect.signature(architecture).parameters:
        options["add_pooling_layer"] = False
    attention = "sdpa" if getattr(architecture, "_supports_sdpa", False) else "eager"
    if not pretrained:
        config._attn_implementation = attention  # noqa: SLF001 - a plain constructor has no argument for it
        return architecture(config, **options).float().eval()  # type: ignore[no-any-return]
    if not _weights(folder):
        raise UserError(f"{folder} holds no safetensors weights", "convert them: pickled weights are not opened")
    with _refusals(folder, "weights"):
        backbone, found = architecture.from_pretrained(
            str(folder),
            config=config,
            attn_implementation=attention,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **options,
        )
    if found["missing_keys"]:
        missing = min(found["missing_keys"])
        raise UserError(f"the weights in {folder} have no {missing}", "give the weights that config.json describes")
    return backbone.eval()  # type: ignore[no-any-return]


def save_text_recipe(encoder: Encoder, folder: Path) -> None:
    """Write what rebuilds tokenizer and architecture, without weights: ``folder`` is then an encoder by itself."""
    source = resolve(encoder, weights=False)
    load_tokenizer(encoder).save_pretrained(str(folder))
    _config(source).save_pretrained(str(folder))


def encode_frozen(
    encoder: Encoder, ids: Rows, *, batch_size: int = 32, device: str = "cpu", layer: int = -1
) -> Encoded:
    """Hidden states of a frozen encoder, made once: they are kept by the hash of weights and ids.

    Args:
        encoder: see `resolve`.
        ids: N rows of token ids.
        batch_size: rows read at a time; it moves the result by rounding only and is not part of the hash.
        device: where the encoder runs.
        layer: which hidden states: -1 the last layer's, 0 the embeddings, and so on.

    Raises:
        UserError: a row is longer than the encoder can read, or there is no such layer.
    """
    rows = [np.asarray(ids[i], dtype=np.int32) for i in range(len(ids))]
    lengths = np.asarray([len(row) for row in rows], dtype=np.int64)
    check_length(encoder, int(lengths.max(initial=0)))
    flat = np.concatenate(rows) if rows else np.zeros(0, np.int32)
    folder = home("cache", "text", _content(encoder, layer, lengths, flat))
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{folder.name}.lock")):
            if not folder.is_dir():  # another process was first
                with atomic_folder(folder) as temporary:
                    _encode(encoder, flat, lengths, batch_size, device, layer, temporary)
    return Encoded(np.load(folder / "values.npy", mmap_mode="r"), np.load(folder / "lengths.npy"))


@torch.no_grad()
def _encode(
    encoder: Encoder,
    flat: npt.NDArray[np.int32],
    lengths: npt.NDArray[np.int64],
    batch_size: int,
    device: str,
    layer: int,
    folder: Path,
) -> None:
    backbone = load_backbone(encoder).to(device)
    config: Any = backbone.config
    if not -config.num_hidden_layers - 1 <= layer <= config.num_hidden_layers:
        raise UserError(f"{encoder} has no layer {layer}", f"use 0 to {config.num_hidden_layers}, or -1 for the last")
    starts = np.cumsum(lengths) - lengths
    shape = (len(flat), config.hidden_size)
    values = np.lib.format.open_memmap(folder / "values.npy", mode="w+", dtype=np.float32, shape=shape)
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > 0]
    with progress(f"encoding {len(order)} texts with {encoder}", total=len(flat)) as advance:
        for first in range(0, len(order), batch_size):
            batch = order[first : first + batch_size]
            widths = torch.from_numpy(lengths[batch])
            mask = torch.arange(int(widths.max()))[None] < widths[:, None]
            ids = torch.full(mask.shape, config.pad_token_id or 0)
            ids[mask] = torch.from_numpy(np.concatenate([flat[starts[i] : starts[i] + lengths[i]] for i in batch])).long()
            output = backbone(
                input_ids=ids.to(device), attention_mask=mask.long().to(device), output_hidden_states=layer != -1
            )
            hidden = output.last_hidden_state if layer == -1 else output.hidden_states[layer]
            for row, index in zip(hidden.float().cpu().numpy(), batch, strict=True):
                values[starts[index] : starts[index] + lengths[index]] = row[: lengths[index]]
            advance(int(widths.sum()))
    values.flush()
    np.save(folder / "lengths.npy", lengths)


def _content(
    encoder: Encoder, layer: int, lengths: npt.NDArray[np.int64], flat: npt.NDArray[np.int32]
) -> str:
    folder = resolve(encoder)
    parts = [digest(path) for path in (folder / "config.json", *_weights(folder))]
    key = hashlib.sha256("\n".join([*parts, str(layer)]).encode())
    key.update(lengths.tobytes())
    key.update(flat.tobytes())
    return key.hexdigest()


def _weights(folder: Path) -> list[Path]:
    return sorted(folder.glob("model*.safetensors"))


def _config(folder: Path) -> Any:
    from transformers import AutoConfig

    with _refusals(folder, "config.json"):
        return AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)


@contextmanager
def _refusals(folder: Path, what: str) -> Iterator[None]:
    """Load without transformers' bars and reports; whatever it raises becomes one line."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{folder}: {what} cannot be loaded ({reason})", "mend that folder or give another") from None
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
