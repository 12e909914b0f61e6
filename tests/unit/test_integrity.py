"""A dataset that is not the one that was imported is noticed when it is opened."""

import json
import logging
import os
from pathlib import Path

import numpy as np
import pytest

from makers_hostile import refusal
from makers_store import pairs, write
from sentiprism.data import integrity
from sentiprism.data.dataset import SPLITS
from sentiprism.data.integrity import unverified
from sentiprism.data.store import load_dataset, load_tuning


def change(path: Path, *, stealthily: bool = False) -> None:
    """Change one value of a split's features; stealthily = with the time that the file had."""
    data, found = path.read_bytes(), path.stat()
    value = np.float32(5.0).tobytes()
    assert value in data
    path.write_bytes(data.replace(value, np.float32(13.0).tobytes(), 1))
    if stealthily:
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def forget_hashes(folder: Path) -> None:
    """The card as earlier versions wrote it."""
    card = json.loads((folder / "card.json").read_text())
    del card["hashes"]
    (folder / "card.json").write_text(json.dumps(card))


@pytest.fixture
def folder(home: Path) -> Path:
    write(pairs())
    return home / "datasets" / "own"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are read for their hashes."""
    names: list[str] = []
    original = integrity._feed

    def feed(path: Path, *rest: object) -> None:
        names.append(path.name)
        original(path, *rest)

    monkeypatch.setattr(integrity, "_feed", feed)
    return names


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("split", SPLITS)
def test_a_changed_value_is_noticed(folder: Path, split: str, earlier: bool) -> None:
    if earlier:
        forget_hashes(folder)
    load_dataset("own")
    change(folder / f"{split}.arrow")
    told = "own was changed" if earlier else f"{split}.arrow was changed"
    refusal(lambda: load_dataset("own"), f"{told} after import; import the dataset again, with `replace`")
    assert load_dataset("own", verify=False).card.content
    with unverified():
        assert load_dataset("own").card.content
        load_tuning("own")
    refusal(lambda: load_dataset("own"), told)


def test_tuning_notices_what_it_sees_and_does_not_touch_the_rest(folder: Path, read: list[str]) -> None:
    os.replace(folder / "test.arrow", folder / "gone")
    load_tuning("own")
    assert read == ["train.arrow", "valid.arrow"]
    change(folder / "valid.arrow")
    refusal(lambda: load_tuning("own"), "valid.arrow was changed after import")


def test_tuning_says_where_an_earlier_card_cannot_vouch(
    folder: Path, read: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    forget_hashes(folder)
    with caplog.at_level(logging.WARNING):
        load_tuning("own")
    assert read == []
    assert "train and valid of own cannot be verified: the card only has one hash over all splits" in caplog.text


def test_what_was_read_is_known_while_the_file_is_unchanged(folder: Path, read: list[str]) -> None:
    load_dataset("own")
    load_dataset(folder)
    load_tuning("own")
    assert read == [f"{split}.arrow" for split in SPLITS]
    os.utime(folder / "valid.arrow", ns=(1, 1))
    load_dataset("own")
    assert read[3:] == ["valid.arrow"]
    content = (folder / "train.arrow").read_bytes()
    (folder / "new").write_bytes(content)
    times = (folder / "train.arrow").stat()
    os.utime(folder / "new", ns=(times.st_atime_ns, times.st_mtime_ns))
    os.replace(folder / "new", folder / "train.arrow")
    load_dataset("own")
    assert read[4:] == ["train.arrow"], "another file of the same time and size"


def test_the_card_has_the_hash_of_each_split(folder: Path) -> None:
    from hashlib import sha256

    card = load_dataset("own").card
    contents = {split: (folder / f"{split}.arrow").read_bytes() for split in SPLITS}
    assert card.hashes == {split: sha256(content).hexdigest() for split, content in contents.items()}
    assert card.content == sha256(b"".join(contents.values())).hexdigest()


def test_large_files_are_read_with_a_bar(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, float]] = []
    from contextlib import contextmanager

    from sentiprism import progress

    @contextmanager
    def bar(message: str, total: float):
        done: list[float] = []
        yield done.append
        shown.append((message, total - sum(done)))

    monkeypatch.setattr(progress, "progress", bar)
    monkeypatch.setattr(integrity, "QUIET", 0)
    load_dataset("own")
    assert shown == [("verifying own", 0)]
