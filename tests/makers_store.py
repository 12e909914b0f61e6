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
