"""Hidden states of frozen text encoders, cached text by text.

``cache/text/ENCODER/PART`` has the states of the texts that were new to a call, so that a split with other rows of the
same texts, a fold for example, encodes nothing again.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sentiprism.assets.registry import digest
from sentiprism.errors import UserError
from sentiprism.files import atomic_folder, exclusive, home
from sentiprism.progress import progress
from sentiprism.reading import check_regular
from sentiprism.text.encoders import Encoder, load_backbone, segment_ids
from sentiprism.text.tokens import check_length, read_config, resolve
from sentiprism.text.weights import weight_files

Ids = npt.NDArray[np.int32]
VALUES, LENGTHS, KEYS = "values.npy", "lengths.npy", "keys.npy"
KEY = 16
"""Bytes of a text's key."""


class Rows(Protocol):
    """N rows of token ids, each (T,) with its own length; T=0 if the text is missing."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> npt.NDArray[Any]: ...


@dataclass(frozen=True)
class States:
    """Hidden states of N texts, where the cache has them."""

    parts: list[npt.NDArray[np.float32]]
    """(S, D) each, memory-mapped."""
    part: npt.NDArray[np.int64]
    """(N,) index in ``parts``."""
    starts: npt.NDArray[np.int64]
    """(N,) first state there."""
    lengths: npt.NDArray[np.int64]
    """(N,) number of states, 0 if the text is missing."""
    width: int
    """D."""


def encode_frozen(
    encoder: Encoder,
    ids: Rows,
    *,
    context: Rows | None = None,
    batch_size: int = 32,
    device: str = "cpu",
    layer: int = -1,
) -> States:
    """Compute hidden states of a frozen encoder, cached for each text by the hash of weights and ids with context.

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
    own = [np.asarray(ids[i], dtype=np.int32) for i in range(len(ids))]
    read = own
    if context is not None:
        read = [np.concatenate([row, np.asarray(context[i], np.int32)]) for i, row in enumerate(own)]
    lengths = np.array([len(row) for row in own], np.int64)
    check_length(encoder, max(map(len, read), default=0))
    source = resolve(encoder)
    keys = [_key(row, len(text)) for row, text in zip(read, own, strict=True)]
    folder = home("cache", "text", _encoder_key(source, layer))
    found = _Parts(folder)
    if new := found.missing(keys, lengths):
        try:
            with exclusive(folder):
                found = _Parts(folder)  # another process may have been first
                if rows := found.missing(keys, lengths):
                    names = b"".join(keys[i] for i in rows)
                    part = folder / hashlib.sha256(names).hexdigest()[: 2 * KEY]
                    with atomic_folder(part, replace=True) as temporary:  # what is there is damaged
                        _encode(encoder, [read[i] for i in rows], lengths[rows], temporary, batch_size, device, layer)
                        np.save(temporary / KEYS, np.frombuffer(names, np.uint8))
                    found = _Parts(folder)
        except OSError as error:
            remedy = "free space there or set SENTIPRISM_HOME to another folder"
            raise UserError(f"hidden states cannot be cached in {folder} ({error})", remedy) from None
        if any(keys[i] not in found.places for i in new):
            raise UserError(f"hidden states in {folder} cannot be read", "check the disk")
    places = np.array([found.places.get(key, (0, 0)) for key in keys], np.int64).reshape(-1, 2)
    width: int = read_config(source).hidden_size
    parts = found.parts or [np.empty((0, width), np.float32)]  # a missing text refers to the first part
    return States(parts, places[:, 0], places[:, 1], lengths, width)


class _Parts:
    """Parts of the cache of an encoder, without damaged ones.

    Args:
        folder: of the encoder; it may not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.parts: list[npt.NDArray[np.float32]] = []
        self.places: dict[bytes, tuple[int, int]] = {}
        """Part and first state of each text, by its key."""
        for path in sorted(folder.glob("[!.]*")):
            try:
                for name in (VALUES, LENGTHS, KEYS):
                    check_regular(path / name)
                values = np.load(path / VALUES, mmap_mode="r")
                lengths, keys = np.load(path / LENGTHS), np.load(path / KEYS)
            except (UserError, OSError, ValueError, EOFError):
                continue
            if values.ndim == 2 and len(values) == lengths.sum() and len(keys) == KEY * len(lengths):
                starts = (np.cumsum(lengths) - lengths).tolist()
                names = (keys[at : at + KEY].tobytes() for at in range(0, len(keys), KEY))
                self.places |= {key: (len(self.parts), start) for key, start in zip(names, starts, strict=True)}
                self.parts.append(values)

    def missing(self, keys: list[bytes], lengths: npt.NDArray[np.int64]) -> list[int]:
        """Rows of the texts that no part has, each text once."""
        return [*{key: i for i, key in enumerate(keys) if lengths[i] and key not in self.places}.values()]


def _encode(
    encoder: Encoder,
    rows: list[Ids],
    own: npt.NDArray[np.int64],
    folder: Path,
    batch_size: int,
    device: str,
    layer: int,
) -> None:
    """Write the states of the first ``own`` (N,) ids of each row."""
    import torch

    backbone = load_backbone(encoder).to(device)
    config: Any = backbone.config
    if not -config.num_hidden_layers - 1 <= layer <= config.num_hidden_layers:
        raise UserError(f"{encoder} has no layer {layer}", f"use 0 to {config.num_hidden_layers}, or -1 for the last")
    lengths = np.asarray([len(row) for row in rows], dtype=np.int64)
    starts = np.cumsum(own) - own
    order = np.argsort(-lengths, kind="stable")
    shape = (int(own.sum()), config.hidden_size)
    # a plain file, because a memory map crashes the process if the disk is full
    with (
        torch.no_grad(),
        (folder / VALUES).open("wb") as file,
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
    np.save(folder / LENGTHS, own)


def _encoder_key(folder: Path, layer: int) -> str:
    """Hash of the weights and the layer."""
    parts = [digest(path) for path in (folder / "config.json", *weight_files(folder))]
    return hashlib.sha256("\n".join([*parts, "states", str(layer)]).encode()).hexdigest()


def _key(row: Ids, own: int) -> bytes:
    """Hash of the ids that the encoder reads; the first ``own`` are the text's own."""
    return hashlib.sha256(f"{own}\n".encode() + row.tobytes()).digest()[:KEY]
