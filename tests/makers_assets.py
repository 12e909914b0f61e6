"""A tiny asset for tests, and a source that gives it."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from sentiprism.assets.pinned import ASSETS, Asset
from sentiprism.assets.sources import Source

CONTENT = {"config.json": b'{"width": 4}', "part/weights.bin": bytes(range(256)) * 8}


class Shelf:
    """A source that gives what it holds and counts how often it was asked."""

    def __init__(self, content: dict[str, bytes]) -> None:
        self.content, self.asked = content, 0

    def deliver(self, files: Iterable[str], limit: int, folder: Path) -> None:
        self.asked += 1
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(self.content[name])


def offer(monkeypatch: pytest.MonkeyPatch, *given: Source) -> Asset:
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
    size = sum(map(len, CONTENT.values()))
    asset = Asset("tiny-thing", "a test", "CC0-1.0", size, sums, given)
    monkeypatch.setitem(ASSETS, asset.name, asset)
    return asset


def read(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
