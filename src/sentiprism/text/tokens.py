"""Find text encoders by name, and tokenise texts.

An encoder is an asset (``minilm``), a Hugging Face folder, or a name on the hub. It is always copied to a local folder
first, and only that folder is loaded: no remote code, no pickled weights.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.assets.pinned import ASSETS
from sentiprism.assets.registry import fetch
from sentiprism.assets.sources import UnavailableError, hub_snapshot
from sentiprism.errors import UserError, suggest
from sentiprism.reading import MB, check_folder, read_json

SMALLEST_VOCABULARY = 1_000
"""Fewest words of a tokenizer: for a folder without one, transformers silently makes one of 5 words."""

VOCABULARIES = {"bert-base-uncased": "sha256:52e81b16d849ecddf29e967662ea6e1aaa10b69fb62eca890bca32de6dbcaa45"}
"""Hashes of vocabularies that datasets name."""

ENCODERS = ("minilm", "mpnet")
"""Assets that are text encoders."""
_PADDED_POSITIONS = frozenset({"camembert", "data2vec-text", "mpnet", "roberta", "xlm-roberta", "xlm-roberta-xl"})
"""Architectures whose first position is pad_token_id + 1, so that the last ones of their table cannot be used."""

ORIGIN = "origin.json"
CONFIG = "config.json"
READ = {".json", ".txt", ".model", ".jinja", ".safetensors"}
"""Suffixes of the files in an encoder's folder that transformers may read."""
MOST_BYTES = dict.fromkeys(READ - {".safetensors"}, 256 * MB)
"""Largest file of a tokenizer in bytes, by suffix; that of XLM-RoBERTa has 17 MB."""

Encoder = str | Path


def resolve(encoder: Encoder, *, weights: bool = True) -> Path:
    """Local folder of an encoder; an asset or a hub name is downloaded at first use.

    Args:
        encoder: asset name, folder or hub name, tried in this order.
        weights: False if the weights of a hub name are not needed.

    Raises:
        UserError: there is no such encoder, or it cannot be downloaded.
    """
    if isinstance(encoder, str) and encoder in ENCODERS:
        return fetch(encoder)
    if encoder in ASSETS:
        raise UserError(f"{encoder} is not a text encoder", f"give a folder, or {suggest(str(encoder), ENCODERS)}")
    folder = Path(encoder).expanduser()
    if folder.is_dir():
        if not os.path.lexists(folder / CONFIG):
            raise UserError(
                f"{folder} is not a text encoder: it has no config.json", "give a Hugging Face model folder"
            )
        check_folder(folder, READ, MOST_BYTES, "file of a text encoder")
        read_json(folder / CONFIG, what="configuration of a text encoder")
        return folder
    if isinstance(encoder, Path) or not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", encoder):
        raise UserError(f"no text encoder folder {encoder}", "check the path")
    try:
        return hub_snapshot(encoder, weights=weights)
    except UnavailableError as error:
        remedy = f"give a folder, or {suggest(encoder, ENCODERS)}"
        raise UserError(f"text encoder {encoder!r} is not available: {error}", remedy) from None


def load_tokenizer(encoder: Encoder) -> Any:
    """Load the encoder's tokenizer (a `transformers.PreTrainedTokenizerBase`), cached per process.

    Raises:
        UserError: it is missing, or its vocabulary has fewer than `SMALLEST_VOCABULARY` words.
    """
    folder = resolve(encoder, weights=False)
    stamp = max(path.stat().st_mtime_ns for path in folder.iterdir())  # to reload a folder that is replaced
    return _load_tokenizer(folder, stamp)


@lru_cache(maxsize=8)
def _load_tokenizer(folder: Path, stamp: int) -> Any:  # noqa: ARG001 - part of the cache's key
    from transformers import AutoTokenizer

    with load_errors(folder, "tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    if len(tokenizer) < SMALLEST_VOCABULARY:
        cause = f"the tokenizer in {folder} has only {len(tokenizer)} words"
        raise UserError(cause, "add its files (tokenizer.json or vocab.txt) to that folder")
    return tokenizer


def longest(encoder: Encoder) -> int:
    """Most tokens that the encoder has positions for, including [CLS] and [SEP]."""
    config, tokenizer = read_config(resolve(encoder, weights=False)), load_tokenizer(encoder)
    positions = getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length
    if config.model_type in _PADDED_POSITIONS:
        positions -= config.pad_token_id + 1
    return int(min(positions, tokenizer.model_max_length))


def check_length(encoder: Encoder, tokens: int) -> None:
    """Raise a `UserError` if ``tokens`` tokens are more than the encoder can read."""
    if tokens > (most := longest(encoder)):
        raise UserError(f"{tokens} tokens are more than {encoder} has positions for", f"use at most {most} tokens")


def tokenize(encoder: Encoder, texts: Sequence[str | None], max_tokens: int) -> list[npt.NDArray[np.int32]]:
    """Tokenise texts into unpadded token ids from [CLS] to [SEP].

    Args:
        encoder: see `resolve`.
        texts: N transcripts; None = missing.
        max_tokens: longer texts are truncated to this many tokens, including [CLS] and [SEP].

    Returns:
        N arrays (T,), T=0 if the text is missing.

    Raises:
        UserError: the encoder cannot read so many tokens, or they are too few for one word.
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


def tokenize_context(
    encoder: Encoder, context: Sequence[str | npt.NDArray[np.int32]], room: Sequence[int]
) -> list[npt.NDArray[np.int32]]:
    """Token ids of second segments in the tokenizer's pair format, from the separator to the last [SEP].

    Args:
        encoder: see `resolve`.
        context: N texts, or rows of token ids without special tokens; empty = no second segment.
        room: most tokens of each; a longer one is truncated at its start, to keep what was said last.

    Returns:
        N arrays (C,), C=0 without context, or without room for a word of it.

    Raises:
        UserError: the tokenizer has no pair format that starts like a single text.
    """
    before, after = around_second(encoder)
    tokenizer = load_tokenizer(encoder)
    texts = [one for one in context if isinstance(one, str)]
    read = tokenizer(texts, add_special_tokens=False, truncation=False, verbose=False)["input_ids"] if texts else []
    rows = iter(read)
    found = []
    for one, most in zip(context, room, strict=True):
        ids = np.asarray(next(rows) if isinstance(one, str) else one, np.int32)
        words = most - len(before) - len(after)
        ids = ids[-words:] if words > 0 else ids[:0]
        found.append(np.asarray([*before, *ids, *after] if len(ids) else [], np.int32))
    return found


def around_second(encoder: Encoder) -> tuple[list[int], list[int]]:
    """Special tokens before and after the second text of a pair, in addition to those of a single text."""
    tokenizer = load_tokenizer(encoder)
    single, pair = (tokenizer(*texts)["input_ids"] for texts in (("a",), ("a", "b")))
    second = tokenizer("b", add_special_tokens=False)["input_ids"]
    rest, size = pair[len(single) :], len(second)
    places = [i for i in range(len(rest)) if rest[i : i + size] == second]
    if pair[: len(single)] != single or len(places) != 1:
        raise UserError(
            f"{encoder} cannot read a context after a text",
            "set data.text.context to 0",
        )
    return rest[: places[0]], rest[places[0] + size :]


def vocabulary(encoder: Encoder) -> str:
    """Identify an encoder's vocabulary: a name of `VOCABULARIES`, else ``sha256:<hex>`` over ids and words."""
    words = sorted((index, word) for word, index in load_tokenizer(encoder).get_vocab().items())
    text = "\n".join(f"{index}\t{word}" for index, word in words)
    fingerprint = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    return next((name for name, known in VOCABULARIES.items() if known == fingerprint), fingerprint)


def check_vocabulary(encoder: Encoder, stored: str) -> None:
    """Raise a `UserError` if the encoder's vocabulary differs from ``stored``.

    Args:
        encoder: see `resolve`.
        stored: result of `vocabulary` when the ids were made, or the hub name of their tokenizer.
    """
    if stored in {vocabulary(encoder), origin(encoder)}:
        return
    cause = f"the dataset's token ids are from the vocabulary {stored}, which differs from that of {encoder}"
    raise UserError(cause, "choose an encoder with that vocabulary, or tokenise the transcripts again")


def origin(encoder: Encoder) -> str:
    """Name of an encoder without its organisation; a saved recipe stores the original name."""
    try:
        return str(read_json(Path(encoder) / ORIGIN)["encoder"])
    except (UserError, LookupError, TypeError):
        return Path(encoder).name


def read_config(folder: Path) -> Any:
    """Architecture of an encoder (a `transformers.PreTrainedConfig`)."""
    from transformers import AutoConfig

    with load_errors(folder, "config.json"):
        return AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)


@contextmanager
def load_errors(folder: Path, what: str) -> Iterator[None]:
    """Context without transformers' progress bars; its exceptions become a `UserError`."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{folder}: {what} cannot be loaded ({reason})", "fix that folder or give another") from None
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
