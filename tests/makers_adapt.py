"""Clips whose label is their pitch, and a model that has learned what pitch means."""

import csv
import wave
from pathlib import Path
from typing import Any

import numpy as np

from makers_sound import buzz
from makers_table import table
from sentiprism.analysis.extract import extract
from sentiprism.training.train import train

RATE = 16_000
HEAR = {"audio": "speech", "vision": "none", "per": "utterance"}
HIGH, LOW = 300.0, 100.0
"""Hertz of a label of 3 and of -3."""
INTERVAL: dict[str, float | None] = {"mean": 1.25, "std": None, "low": 1.0, "high": 1.5}
CHANGE = {"mean": -0.125, "low": -0.25, "high": 0.0, "p": 0.03, "holm": 0.06}
EFFECT: dict[str, Any] = {
    "utterances": 24,
    "videos": 12,
    "metrics": {
        "constant predictor": {"mae": INTERVAL, "pearson": dict.fromkeys(INTERVAL)},
        "before": {"mae": INTERVAL, "pearson": INTERVAL},
        "after": {"mae": {**INTERVAL, "mean": 1.125}, "pearson": INTERVAL},
    },
    "r_within_videos": {"constant predictor": None, "before": 0.25, "after": 0.5},
    "after_less_before": {"mae": CHANGE, "pearson": CHANGE},
    "helped": False,
    "better_than_constant": None,
    "verdict": "it did not help: MAE after minus before -0.125",
}
"""An evaluation as ``adapt`` stores it."""


def record(folder: Path, *, videos: int, clips: int, seed: int, sign: float = 1.0, shuffled: bool = False) -> Path:
    """Write sounds of 0.3 s and their table; the label is the pitch times ``sign``, or has nothing to do with it."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for video in range(videos):
        for clip in range(clips):
            label = float(np.round(rng.uniform(-3, 3), 1))
            pitch = (LOW + HIGH) / 2 + sign * label * (HIGH - LOW) / 6
            with wave.open(str(folder / f"v{video}_{clip}.wav"), "wb") as file:
                file.setparams((1, 2, RATE, 0, "NONE", ""))
                file.writeframes(buzz(pitch, 0.3, RATE).tobytes())
            rows.append({"file": f"v{video}_{clip}.wav", "speaker": f"v{video}", "label": label})
    if shuffled:
        labels = rng.permutation([row["label"] for row in rows]).tolist()
        rows = [{**row, "label": label} for row, label in zip(rows, labels, strict=True)]
    return table(folder.with_suffix(".csv"), rows)


def read_labels(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def pitch_model(folder: Path) -> Path:
    """A saved model for which a high voice is a positive one."""
    labels = record(folder / "base", videos=10, clips=3, seed=0)
    columns = {"video_id": "speaker"}
    extract(folder / "base", "base", labels=labels, options=HEAR, columns=columns, low=-3, high=3)
    settings = {
        "config": {"modalities": ["audio"], "audio_hidden": 16, "width": 16, "dropout": 0.0},
        "data": {"text": {"encoder": None}},
        "optim": {"epochs": 30, "batch_size": 8, "lr": 5e-3},
    }
    run = train("lf_dnn", "base", settings=settings, out=folder / "run", device="cpu", quiet=True)
    return run.seed_folder(1111) / "model"
