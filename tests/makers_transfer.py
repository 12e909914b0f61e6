"""Small datasets of texts and voices in folds of videos, and one way to train on them."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from makers_store import utterance, write
from sentiprism.data.dataset import Dataset
from sentiprism.training.run import Run
from sentiprism.training.train import train
from sentiprism.types import TargetSpec


def words_and_voices(
    name: str,
    *,
    seed: int = 0,
    audio: int = 5,
    size: int = 24,
    high: float = 3.0,
    renamed: Mapping[str, str] = MappingProxyType({}),
) -> Dataset:
    """Utterances whose label, from -high to high, is in their words and their voice; four a video."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(size):
        label = float(rng.uniform(-3, 3))
        text = " ".join([f"w{int(label + 3)}", *(f"w{n}" for n in rng.integers(6, 30, 4))])
        voice = rng.normal(label, 1, (6, audio)).astype(np.float32)
        split = "train" if number < size - 8 else "valid" if number < size - 4 else "test"
        video = f"{split}{number // 4}"
        video = renamed.get(video, video)
        fields: dict[str, Any] = {"video_id": video, "text": text, "labels": {"M": label * high / 3}}
        rows.append((split, utterance(f"{name}{number}", sequences={"audio": voice}, **fields)))
    return write(rows, name, TargetSpec(low=-high, high=high))


def fit(dataset: str, out: Path | None, encoder: Path, *, model: str = "lf_dnn", seeds: Any = 1, **more: Any) -> Run:
    """Train a small model for two epochs; what else is given is as for ``train``."""
    settings = dict(more.pop("settings", {}))
    base = {
        "config": {"text_hidden": 8, "audio_hidden": 8, "width": 8, **settings.pop("config", {})},
        "data": {"text": {"encoder": str(encoder), **settings.pop("text", {})}, **settings.pop("data", {})},
        "optim": {"epochs": 2, "batch_size": 8, **settings.pop("optim", {})},
    }
    return train(model, dataset, seeds=seeds, settings=base, out=out, device="cpu", quiet=True, **more)
