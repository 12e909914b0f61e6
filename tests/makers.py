"""Files in the exact layouts of the field, made for tests."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

SEPARATOR = "$_$"


def mmsa_split(
    rng: np.random.Generator, name: str, n: int, *, aligned: bool, sims: bool, L: int = 12
) -> dict[str, Any]:
    """One split of an MMSA pickle: two utterances a video, L text steps, true lengths in 3..L."""
    widths, frames = ((33, 709), (40, 17)) if sims else ((5, 20), (30, 24))
    frames = (L, L) if aligned else frames
    words = rng.integers(3, L + 1, n)  # [CLS] and [SEP] included
    mask = (np.arange(L) < words[:, None]).astype(np.float32)  # (n, L)
    ids = np.where(mask > 0, rng.integers(1000, 20000, (n, L)), 0).astype(np.float32)
    ids[:, 0] = 101
    ids[np.arange(n), words - 1] = 102
    lengths = {}
    arrays = {}
    for key, width, T in zip(("audio", "vision"), widths, frames, strict=True):
        lengths[key] = words if aligned else rng.integers(1, T + 1, n)
        real = np.arange(T) < lengths[key][:, None]
        arrays[key] = (rng.normal(size=(n, T, width)) * real[..., None]).astype(np.float32)
    low, high = (-1, 1) if sims else (-3, 3)
    labels = rng.uniform(low, high, n).round(1).astype(np.float32)
    split = {
        "raw_text": np.array([f"{name} words {i}" for i in range(n)], dtype=object),
        "audio": arrays["audio"],
        "vision": arrays["vision"],
        "id": [f"{name}{i // 2:03d}{SEPARATOR}{i % 2}" for i in range(n)],
        "text": (rng.normal(size=(n, L, 768)) * mask[..., None]).astype(np.float32),
        "text_bert": np.stack([ids, mask, np.zeros_like(mask)], axis=1),
        "annotations": np.array(["Positive" if label > 0 else "Negative" for label in labels]),
        "classification_labels": (labels > 0).astype(np.float32),
        "regression_labels": labels,
    }
    if not aligned:
        split["audio_lengths"] = [int(x) for x in lengths["audio"]]
        split["vision_lengths"] = list(lengths["vision"])  # numpy integers, as some releases have them
    if sims:
        for modality in "TAV":
            split[f"regression_labels_{modality}"] = rng.uniform(low, high, n).round(1).astype(np.float32)
    return split


def make_mmsa(
    path: Path, *, aligned: bool = False, sims: bool = False, n: int = 6, seed: int = 0, protocol: int = 4
) -> dict[str, dict[str, Any]]:
    """Write an MMSA pickle of n, 2 and 2 utterances, and return what is in it.

    Args:
        path: the file.
        aligned: the aligned layout, without lengths.
        sims: CH-SIMS: unimodal labels, 33 and 709 features, labels in [-1, 1].
        n: train utterances; valid and test have 2 each.
        seed: of the content.
        protocol: of the pickle.
    """
    rng = np.random.default_rng(seed)
    content = {
        split: mmsa_split(rng, split, n if split == "train" else 2, aligned=aligned, sims=sims)
        for split in ("train", "valid", "test")
    }
    path.write_bytes(pickle.dumps(content, protocol))
    return content


def make_csd(path: Path, root: str, streams: dict[str, tuple[Any, Any]]) -> Path:
    """Write a computational sequence: by key, features (T, F) and intervals (T, 2)."""
    import h5py

    with h5py.File(path, "w") as file:
        group = file.create_group(root)
        group.create_group("metadata")["root name"] = root
        data = group.create_group("data")
        for key, (features, intervals) in streams.items():
            entry = data.create_group(key)
            entry["features"] = features
            entry["intervals"] = np.asarray(intervals, np.float64)
    return path
