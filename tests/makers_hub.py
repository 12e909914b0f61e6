"""A server on this machine that speaks the part of the Hugging Face hub's protocol that is used, and can be hostile."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from sentiprism.assets import repository, sources

TOKEN = "hf_of_the_tests"  # noqa: S105 - of this server
Files = dict[str, bytes]


class FakeHub:
    """Repositories by kind and name, and what a test changes about the answers."""

    def __init__(self) -> None:
        self.refs: dict[tuple[str, str], dict[str, str]] = {}
        self.commits: dict[str, Files] = {}
        self.history: dict[tuple[str, str], set[str]] = {}
        self.private: dict[tuple[str, str], bool] = {}
        self.large: Files = {}
        self.asked: list[tuple[str, str, str | None]] = []
        """Method, path and token of each request."""
        self.listing: Callable[[dict[str, Any]], Any] = lambda found: found
        self.answer: Callable[[BaseHTTPRequestHandler, str], bool] = lambda *_: False
        """Answers in place of the hub, by the path; False leaves it to the hub."""
        self.address = ""

    def publish(self, files: Files, name: str = "somebody/model", kind: str = "models", ref: str = "main") -> str:
        """Commit files; returns the commit's hash."""
        commit = blob("\n".join(f"{path} {blob(content)}" for path, content in sorted(files.items())).encode())
        self.commits[commit] = dict(files)
        self.refs.setdefault((kind, name), {})[ref] = commit
        self.history.setdefault((kind, name), set()).add(commit)
        self.private.setdefault((kind, name), False)
        self.large |= {hashlib.sha256(one).hexdigest(): one for path, one in files.items() if is_large(path)}
        return commit

    def info(self, kind: str, name: str, revision: str) -> dict[str, Any] | None:
        """A repository as the hub describes it."""
        commit = self.refs[kind, name].get(revision, revision)
        if commit not in self.history[kind, name]:
            return None
        siblings = []
        for path, content in self.commits[commit].items():
            one: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": blob(content)}
            if is_large(path):
                sha256 = hashlib.sha256(content).hexdigest()
                one |= {"blobId": "0" * 40, "lfs": {"sha256": sha256, "size": len(content), "pointerSize": 130}}
            siblings.append(one)
        return {"id": name, "sha": commit, "private": self.private[kind, name], "siblings": siblings}


def is_large(path: str) -> bool:
    return path.endswith((".safetensors", ".parquet", ".bin", ".pkl"))


def blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def files_of(folder: Path) -> Files:
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def _serve(self) -> None:
        path = unquote(urlsplit(self.path).path)
        token = (self.headers.get("authorization") or "").removeprefix("Bearer ") or None
        self.hub.asked.append((self.command, self.path, token))
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.hub.answer(self, path):
            return
        if self.command == "GET":
            self._get(path, token)
        elif token != TOKEN and not path.startswith("/large/"):
            self.send(401, {"error": "Invalid username or password."})
        else:
            self._write(path, body)

    do_GET = do_POST = do_PUT = _serve  # noqa: N815 - names of the library

    def send(self, status: int, content: Any, **headers: str) -> None:
        """Answer JSON, or bytes as they are."""
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        kind = "application/octet-stream" if isinstance(content, bytes) else "application/json"
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(raw)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(raw)

    def _get(self, path: str, token: str | None) -> None:  # noqa: PLR0911 - one for each kind of answer
        if path.startswith("/large/"):
            return self.send(200, self.hub.large[path.removeprefix("/large/")])
        api, kind, name, revision, file = _parts(path)
        if (kind, name) not in self.hub.refs or (self.hub.private[kind, name] and token != TOKEN):
            return self.send(401 if token is None else 404, {"error": "no"}, x_error_code="RepoNotFound")
        found = self.hub.info(kind, name, revision)
        if found is None:
            return self.send(404, {"error": "no"}, x_error_code="RevisionNotFound")
        if api:
            return self.send(200, self.hub.listing(found))
        content = self.hub.commits[found["sha"]].get(file)
        if content is None:
            return self.send(404, {"error": "no"}, x_error_code="EntryNotFound")
        if is_large(file):
            return self.send(302, b"", location=f"/large/{hashlib.sha256(content).hexdigest()}")
        return self.send(200, content)

    def _write(self, path: str, body: bytes) -> None:  # noqa: PLR0911 - one for each kind of answer
        hub = self.hub
        if path == "/api/validate-yaml":
            return self.send(200, {"errors": [], "warnings": []})
        if path.startswith("/large/"):
            hub.large[path.removeprefix("/large/")] = body
            return self.send(200, b"")
        if path.endswith("/info/lfs/objects/batch"):
            wanted = json.loads(body)["objects"]
            rows = [{**one, "actions": {"upload": {"href": f"{hub.address}/large/{one['oid']}"}}} for one in wanted]
            return self.send(200, {"transfer": "basic", "objects": rows})
        if path == "/api/repos/create":
            given = json.loads(body)
            place = "models", f"{given['organization']}/{given['name']}"
            if place in hub.refs:
                return self.send(409, {"error": "exists", "url": f"{hub.address}/{place[1]}"})
            hub.publish({".gitattributes": b"*.safetensors filter=lfs\n"}, place[1])
            hub.private[place] = given.get("visibility") == "private" or bool(given.get("private"))
            return self.send(200, {"url": f"{hub.address}/{place[1]}", "name": place[1]})
        parts = path.split("/")  # "", api, models, OWNER, NAME, what, revision
        name, what, revision = "/".join(parts[3:5]), parts[5], parts[6]
        refs = hub.refs["models", name]
        if what == "branch":
            if revision in refs:
                return self.send(409, {"error": "Reference already exists"})
            refs[revision] = refs["main"]
            return self.send(200, {})
        if what == "preupload":
            rows = [
                {
                    "path": one["path"],
                    "uploadMode": "lfs" if is_large(one["path"]) else "regular",
                    "shouldIgnore": False,
                }
                for one in json.loads(body)["files"]
            ]
            return self.send(200, {"files": rows})
        files = dict(hub.commits[refs[revision]])
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = hub.large[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        commit = hub.publish(files, name, ref=revision)
        return self.send(200, {"commitUrl": f"{hub.address}/{name}/commit/{commit}", "commitOid": commit})

    def log_message(self, *args: object) -> None: ...


def _parts(path: str) -> tuple[bool, str, str, str, str]:
    """Whether it is the interface, the kind, name and revision, and the file."""
    parts = path.strip("/").split("/")
    api = parts[0] == "api"
    parts = parts[1:] if api else parts
    kind = parts.pop(0) if parts[0] in {"models", "datasets"} else "models"
    return api, kind, "/".join(parts[:2]), parts[3] if len(parts) > 3 else "main", "/".join(parts[4:])


@contextmanager
def running_hub() -> Iterator[FakeHub]:
    """Start the server, and point huggingface_hub at it, without a token and without retries."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _http

    hub = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "HF_TOKEN"):
            patch.delenv(name, raising=False)
        patch.setattr(constants, "ENDPOINT", hub.address)
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # the tests' server has LFS alone
        patch.setattr(constants, "HF_TOKEN_PATH", "/nowhere/token")
        _http.close_session()  # it keeps the proxies
        repository._commit_of.cache_clear()
        sources.hub_responds.cache_clear()
        yield hub
    _http.close_session()
    server.shutdown()
    server.server_close()
    repository._commit_of.cache_clear()
