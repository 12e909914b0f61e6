"""What tests of the store share: utterances to write, and what is left behind."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sentiprism.data.dataset import SPLITS, Dataset, DatasetInfo, Utterance
from sentiprism.data.store import write_dataset
from sentiprism.types import TargetSpec

Pairs = list[tuple[str, Utterance]]
MOODS = TargetSpec(kind="classes", classes=("bad", "not bad", "good"))


@contextmanager
def store_at(home: Path) -> Iterator[Path]:
    """Datasets are in ``home`` meanwhile, as fixtures of a module or session want it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SENTIPRISM_HOME", str(home))
        yield home


def utterance(name: str = "a", **changes: Any) -> Utterance:
    fields: dict[str, Any] = {"video_id": f"video-{name}", "text": f"text of {name}", "labels": {"M": 1.0}}
    fields["sequences"] = {"audio": np.arange(8).reshape(4, 2) + len(name)}
    return Utterance(**{"id": name, **fields, **changes})


def pairs(*extra: tuple[str, Utterance]) -> Pairs:
    return [(split, utterance(split)) for split in SPLITS] + list(extra)


def write(items: Any, name: str = "own", target: TargetSpec | None = None, **options: Any) -> Dataset:
    keys = [key for key in ("replace", "progress", "clips") if key in options]
    kept = {key: options.pop(key) for key in keys}
    info = DatasetInfo(title="Own", source="a test", target=target or TargetSpec(), protocol="intensity", **options)
    return write_dataset(name, items, info, **kept)


def left(home: Path) -> list[str]:
    folder = home / "datasets"
    return sorted(os.listdir(folder)) if folder.exists() else []


def random_steps(rng, steps: int, width: int) -> np.ndarray:
    return rng.normal(size=(steps, width)).astype(np.float32)


def mixed(name: str = "own", target: TargetSpec | None = None, *, ids: bool = True, **more) -> Dataset:
    """Utterances of different lengths that lack different modalities, with texts that need care."""
    rng = np.random.default_rng(0)
    texts = ['so, "quoted"', "two\nlines", "größer 好", None, "=1+1", "last"]
    rows = []
    for n, text in enumerate(texts):
        sequences = {
            "audio": random_steps(rng, n + 1, 3),
            "vision": random_steps(rng, 7 - n, 2),
            "text": random_steps(rng, n + 2, 4),
        }
        if ids:
            sequences["token_ids"] = rng.integers(100, 900, n + 2).astype(np.int32)
        for key in (("audio",), ("vision",), ())[n % 3]:
            del sequences[key]
        labels = {"M": n % 3} if target else {"M": np.float32(n / 3 - 1).item(), "A": 0.1}
        made = utterance(f"clip {n}", video_id=f"video/{n}", text=text, labels=labels, sequences=sequences)
        rows.append((SPLITS[n % 3], made))
    return write(rows, name, target, **more)
