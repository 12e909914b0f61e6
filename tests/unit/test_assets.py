"""Pinned files: the sha256 decides, whatever place a file came from."""

import hashlib
import json
import shutil
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from makers_assets import CONTENT, Shelf, offer, read
from sentiprism.assets import registry as assets
from sentiprism.assets.pinned import ASSETS
from sentiprism.assets.registry import fetch, status
from sentiprism.assets.sources import UnavailableError
from sentiprism.errors import UserError


class Closed:
    def deliver(self, files: Iterable[str], limit: int, folder: Path) -> None:
        raise UnavailableError("closed today")


def write(folder: Path, content: dict[str, bytes]) -> Path:
    Shelf(content).deliver(content, 0, folder)
    return folder


def test_fetches_once_and_then_answers_from_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(CONTENT)
    offer(monkeypatch, Closed(), shelf)
    assert fetch("tiny-thing") == cache / "tiny-thing"
    assert read(fetch("tiny-thing")) == CONTENT
    assert shelf.asked == 1


def test_wrong_file_is_named_and_nothing_of_it_stays(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, Shelf({**CONTENT, "part/weights.bin": b"something else"}), Closed())
    with pytest.raises(UserError, match=r"part/weights.bin has a wrong checksum.*closed today"):
        fetch("tiny-thing")
    assert {path.name for path in cache.iterdir()} <= {".tiny-thing.lock", "verified.json"}


def test_next_source_is_asked_after_a_wrong_one(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, Shelf({**CONTENT, "config.json": b"{}"}), Shelf(CONTENT))
    assert read(fetch("tiny-thing")) == CONTENT


def test_file_that_changed_in_the_cache_is_replaced(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(CONTENT)
    offer(monkeypatch, shelf)
    (fetch("tiny-thing") / "config.json").write_bytes(b"changed since")
    assert read(fetch("tiny-thing")) == CONTENT
    assert shelf.asked == 2


@pytest.mark.parametrize("by", ["argument", "file", "environment"])
def test_users_own_folder_comes_first(by: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(CONTENT)
    asset = offer(monkeypatch, shelf)
    own = write(tmp_path / "own", CONTENT)
    if by == "environment":
        monkeypatch.setenv(asset.variable, str(own))
        assert asset.variable == "SENTIPRISM_ASSET_TINY_THING"
        assert fetch("tiny-thing") == own
    else:
        assert fetch("tiny-thing", own if by == "argument" else own / "config.json") == own
    assert shelf.asked == 0


def test_wrong_file_in_the_users_folder_is_named_and_left_alone(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(CONTENT)
    offer(monkeypatch, shelf)
    own = write(tmp_path / "own", {**CONTENT, "config.json": b"mine"})
    with pytest.raises(UserError, match=r"own: config.json has a wrong checksum"):
        fetch("tiny-thing", own)
    assert (own / "config.json").read_bytes() == b"mine"
    assert shelf.asked == 0


def test_unknown_name_answers_with_the_near_one() -> None:
    with pytest.raises(UserError, match="did you mean 'minilm'"):
        fetch("minilmm")


def test_concurrent_fetches_download_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Barrier(4)
    shelf = Shelf(CONTENT)
    offer(monkeypatch, shelf)

    def ask(_: int) -> Path:
        gate.wait()
        return fetch("tiny-thing")

    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(ask, range(4)))
    assert folders == {cache / "tiny-thing"}
    assert shelf.asked == 1
    assert read(cache / "tiny-thing") == CONTENT


def test_full_disk_is_one_line_and_leaves_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def deliver(self, files: Iterable[str], limit: int, folder: Path) -> None:
            (folder / "config.json").write_bytes(b"half")
            raise OSError(28, "No space left on device")

    offer(monkeypatch, Full())
    with pytest.raises(UserError, match=r"No space left.*SENTIPRISM_ASSETS"):
        fetch("tiny-thing")
    assert [path.name for path in cache.iterdir() if path.is_dir()] == []


def test_status_tells_the_states_apart(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, Shelf(CONTENT))

    def state() -> tuple[str, str]:
        (found,) = [entry for entry in status() if entry.name == "tiny-thing"]
        return found.state, found.detail

    assert state()[0] == "absent"
    folder = fetch("tiny-thing")
    assert state() == ("ready", "")
    (cache / "verified.json").unlink()
    assert state()[0] == "unchecked"
    (folder / "part/weights.bin").unlink()
    assert state()[0] == "damaged"
    assert "part/weights.bin is missing" in state()[1]


def test_digest_follows_the_file(cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"one")
    assert assets.digest(file) == hashlib.sha256(b"one").hexdigest()
    file.write_bytes(b"three")
    assert assets.digest(file) == hashlib.sha256(b"three").hexdigest()


def test_a_broken_memory_of_digests_is_no_obstacle(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, Shelf(CONTENT))
    fetch("tiny-thing")
    (cache / "verified.json").write_text("{")
    assert read(fetch("tiny-thing")) == CONTENT
    assert json.loads((cache / "verified.json").read_text())


def test_real_minilm_is_whole(minilm: Path, cache: Path, tmp_path: Path) -> None:
    assert assets._fault(ASSETS["minilm"], minilm) == ""
    (entry,) = [entry for entry in status() if entry.name == "minilm"]
    assert (entry.state, entry.folder) == ("ready", minilm)
    copy = shutil.copytree(minilm, tmp_path / "copy")
    (copy / "vocab.txt").write_text("[PAD]\n")
    with pytest.raises(UserError, match=r"vocab.txt has a wrong checksum"):
        fetch("minilm", copy)
