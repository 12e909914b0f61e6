"""Repositories on the hub are written by strangers: what does not fit is refused in one line and leaves nothing."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from makers_hub import FakeHub, running_hub
from sentiprism.assets import hub_client, sources
from sentiprism.errors import UserError
from sentiprism.models.artifact import describe_model, folder_of

FILES = {"config.json": b'{"format": 2}', "weights.safetensors": b"w" * 5000, "text/tokenizer.json": b"{}"}
WEIGHTS = "weights.safetensors"
NAME = "hf://somebody/model"


@pytest.fixture(scope="module")
def server() -> Iterator[FakeHub]:
    with running_hub() as found:
        yield found


@pytest.fixture
def hub(server: FakeHub, home: Path) -> FakeHub:
    """The server, with a repository and without the last test's hostility."""
    server.listing, server.answer = lambda found: found, lambda *_: False
    server.publish(FILES)
    return server


def pinned(hub: FakeHub) -> str:
    return f"{NAME}@{hub.refs['models', 'somebody/model']['main']}"


def refused(hub: FakeHub, home: Path, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        folder_of(pinned(hub))
    assert "\n" not in str(error.value)
    assert [one for one in (home / "hub").rglob("*") if one.is_file() and not one.name.endswith(".lock")] == []


def changed(path: str, **changes: Any) -> Callable[[dict[str, Any]], Any]:
    """Change what the list says of a file."""

    def change(found: dict[str, Any]) -> Any:
        rows = [{**one, **changes} if one["rfilename"] == path else one for one in found["siblings"]]
        return {**found, "siblings": rows}

    return change


HUGE = {"sha256": "0" * 64, "size": 10**15}
LISTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "parent": (changed("text/tokenizer.json", rfilename="text/../../../evil.json"), "is not a path inside of it"),
    "absolute": (changed("text/tokenizer.json", rfilename="/etc/cron.d/evil"), "is not a path inside of it"),
    "backslash": (changed("text/tokenizer.json", rfilename="text\\..\\evil"), "is not a path inside of it"),
    "control": (changed("text/tokenizer.json", rfilename="text/\x1b[2J"), r"'text/\\x1b\[2J', which is not a path"),
    "twice": (changed("text/tokenizer.json", rfilename="config.json"), "has two files with the same name"),
    "no name": (changed("text/tokenizer.json", rfilename=7), "list of files of .* is not valid"),
    "huge": (changed(WEIGHTS, size=10**15, lfs=HUGE), "has 1000 TB, and the limit is 17 GB; do not use it"),
    "huge json": (changed("config.json", size=17 * 2**20), "config.json has 18 MB, and the limit is 17 MB"),
    "negative": (changed(WEIGHTS, size=-1), "and the limit is"),
    "no size": (changed("config.json", size=None), "and the limit is"),
    "no checksum": (changed("config.json", blobId=None), "the hub gives no checksum of config.json"),
    "wrong checksum": (changed("config.json", blobId="1" * 40), "config.json has a wrong checksum"),
    "wrong large one": (changed(WEIGHTS, lfs={"sha256": "1" * 64}), "weights.safetensors has a wrong checksum"),
    "shorter": (changed(WEIGHTS, size=4999), "is larger than announced"),
    "longer": (changed(WEIGHTS, size=5001), "weights.safetensors ended after 5000 of 5001 bytes"),
    "other commit": (lambda found: {**found, "sha": "f" * 40}, "the hub gives commit f+ for"),
    "no commit": (lambda found: {**found, "sha": "main"}, "the hub gives no commit for"),
    "a list": (lambda found: [found], "list of files of .* is not valid"),
    "nothing": (lambda _: None, "list of files of .* is not valid"),
    "many": (
        lambda found: {**found, "siblings": [{"rfilename": f"x{n}", "size": 1} for n in range(10_001)]},
        "has more than 10,000 files",
    ),
}


@pytest.mark.parametrize("case", LISTS)
def test_a_list_of_files_that_lies_is_refused(hub, home, case):
    hub.listing, message = LISTS[case]
    refused(hub, home, message)


def _html(handler: Any, path: str) -> bool:
    handler.send(200, b"<html>log in</html>", content_type="text/html")
    return True


def _invalid_json(handler: Any, path: str) -> bool:
    handler.send(200, b'{"sha": ', content_type="application/json")
    return True


def _endless_list(handler: Any, path: str) -> bool:
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.end_headers()
    try:
        for _ in range(40):
            handler.wfile.write(b" " * 2**20)
    except OSError:  # it has hung up
        pass
    return True


def _truncated(handler: Any, path: str) -> bool:
    if WEIGHTS not in path:
        return False
    handler.send_response(200)
    handler.send_header("content-length", "5000")
    handler.end_headers()
    handler.wfile.write(b"w" * 100)
    return True


def _other_content(handler: Any, path: str) -> bool:
    if WEIGHTS in path:
        handler.send(200, b"x" * 5000)
    return WEIGHTS in path


def _packed(handler: Any, path: str) -> bool:
    """A small body that unpacks to gigabytes would do; it is not unpacked."""
    if WEIGHTS in path:
        handler.send(200, b"\x1f\x8b" * 2500, content_encoding="gzip")
    return WEIGHTS in path


def _redirects(target: str) -> Callable[[Any, str], bool]:
    def answer(handler: Any, path: str) -> bool:
        if path.startswith("/somebody") and WEIGHTS in path:
            handler.send(302, b"", location=target)
            return True
        return False

    return answer


def _status(status: int) -> Callable[[Any, str], bool]:
    def answer(handler: Any, path: str) -> bool:
        handler.send(status, {"error": "\x1b[31mno\nline"})
        return True

    return answer


ANSWERS: dict[str, tuple[Callable[[Any, str], bool], str]] = {
    "HTML": (_html, "the hub's answer for .* is not JSON; check HF_ENDPOINT"),
    "half of JSON": (_invalid_json, "is not valid JSON; try again later"),
    "endless": (_endless_list, "its list of files is larger than announced or allowed"),
    "truncated": (_truncated, "does not respond .*RemoteProtocolError|ended after 100 of 5000 bytes"),
    "other content": (_other_content, "weights.safetensors has a wrong checksum"),
    "packed": (_packed, "weights.safetensors has a wrong checksum"),
    "another host": (_redirects("http://example.org/w"), "the hub redirects to example.org, which is not one of its"),
    "similar host": (_redirects("https://evilhf.co/w"), "the hub redirects to evilhf.co, which is not"),
    "without TLS": (_redirects("http://cdn.hf.co/w"), "the hub redirects to cdn.hf.co, which is not"),
    "another port": (_redirects("http://127.0.0.1:9/w"), "the hub redirects to 127.0.0.1, which is not"),
    "a file": (_redirects("file:///etc/passwd"), "the hub redirects to None, which is not"),
    "no port": (_redirects("http://127.0.0.1:port/w"), "which is not one of its hosts"),
    "a circle": (_redirects(f"/somebody/model/resolve/main/{WEIGHTS}"), "the hub redirects more than 5 times"),
    "forbidden": (_status(403), "access to .* is refused; ask for it"),
    "busy": (_status(429), r"refuses .* \(status 429\); try again later"),
    "broken": (_status(500), r"refuses .* \(status 500\); try again later"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_that_does_not_fit_is_refused(hub, home, case):
    hub.answer, message = ANSWERS[case]
    refused(hub, home, message)


@pytest.mark.parametrize("constant", ["PATIENCE", "GRACE"])
def test_a_slow_body_is_given_up(hub, home, monkeypatch, constant):
    """It says nothing for a while, or a byte now and then for ever."""
    silent = constant == "PATIENCE"
    monkeypatch.setattr(sources if silent else hub_client, constant, 0.2)

    def drip(handler: Any, path: str) -> bool:
        if WEIGHTS not in path:
            return False
        handler.send_response(200)
        handler.send_header("content-length", "5000")
        handler.end_headers()
        try:
            for _ in range(5000):
                time.sleep(1 if silent else 0.02)
                handler.wfile.write(b"w")
        except OSError:
            pass
        return True

    hub.answer = drip
    refused(hub, home, "does not respond .*ReadTimeout" if silent else "weights.safetensors arrives too slowly")


def test_pickles_and_code_are_not_copied_and_links_are_plain_files(hub, home):
    evil = {
        "pytorch_model.bin": b"cos\nsystem\n",
        "text/tokenizer.py": b"1/0",
        "text/x.json": b"{}",
        "a/config.json": b"{}",
    }
    link = {"config.json": b"../../../../etc/passwd"}  # how git keeps a symbolic link
    hub.publish({**FILES, **evil, **link})
    folder = folder_of(pinned(hub))
    files = {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()}
    assert files == {*FILES, "hub.json"}
    assert not any(one.is_symlink() for one in folder.rglob("*"))
    asked = [path for _, path, _ in hub.asked if "resolve" in path]
    assert not any(name in path for path in asked for name in ("bin", ".py", "x.json", "/a/"))
    with pytest.raises(UserError, match="is not JSON"):
        describe_model(folder)


def test_a_copy_names_its_files_with_checksums(hub, home):
    folder = folder_of(pinned(hub))
    noted = json.loads((folder / "hub.json").read_text())["files"]
    assert noted == {
        path: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()} for path, content in FILES.items()
    }
