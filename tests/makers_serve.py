"""A server of a model as tests use it: in a thread of this process, with real workers."""

import json
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from makers_analysis import features, saved_model
from makers_http import Reply, exchange, wait_for
from sentiprism.serving.app import create_app
from sentiprism.serving.batcher import Batcher
from sentiprism.serving.jobs import Jobs
from sentiprism.serving.keys import KeyEntry, Keys
from sentiprism.serving.server import local_hosts
from sentiprism.serving.service import Service, make_card
from sentiprism.serving.stream_messages import MOST_BYTES
from sentiprism.serving.streams import Streams
from sentiprism.serving.workers import Settings, Worker
from sentiprism.web.guard import Pace
from sentiprism.web.server import make_server

needs_unix = pytest.mark.skipif(sys.platform == "win32", reason="workers need Linux or macOS")
WIDTHS = {"audio": 62, "vision": 35}


BOUNDARY = "boundary-of-a-test"


def form(*files: tuple[str, str, bytes]) -> bytes:
    """A form with files: field, name, content."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for field, name, content in files
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


class Client:
    """Sends requests to a server of this machine; whatever they have can be forged."""

    port: int

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str | None) -> Reply:
        """Send a request; a header that is None is left out."""
        return exchange(self.port, method, path, body, headers)

    def get(self, path: str, **headers: str | None) -> Reply:
        return self.send("GET", path, **headers)

    def post(self, path: str, value: object, **headers: str | None) -> Reply:
        """Send JSON; bytes are sent as they are."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.send("POST", path, body, **{"Content_Type": "application/json", **headers})

    def predict(self, *samples: object, contributions: bool = False, **headers: str | None) -> Reply:
        return self.post("/v1/predict", {"samples": samples, "contributions": contributions}, **headers)

    def analyze(self, *files: tuple[str, str, bytes], query: str = "", **headers: str | None) -> Reply:
        """Send a form with files: field, name, content."""
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        return self.send("POST", f"/v1/analyze{query}", form(*files), **{"Content_Type": kind, **headers})


class Served(Client):
    """A running server.

    Args:
        model: folder of a saved model.
        folder: for workers and jobs.
        keys: of clients; None = without.
        upload: bytes of a recording.
        pace: how slowly a body may come.
        streams: how many it can have at a time.
        more: settings of the service.
    """

    def __init__(
        self,
        model: Path | str,
        folder: Path,
        *,
        keys: Sequence[KeyEntry] | None = None,
        upload: int = 400_000,
        pace: Pace | None = None,
        streams: int = 0,
        **more: Any,
    ) -> None:
        self.folder = folder
        listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        if streams:  # a client that does not read is noticed after some kilobytes
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        self.port = listening.getsockname()[1]
        card, spec = make_card(model, "test")
        worker = Worker(Settings("predict", str(model), folder / "predict"))
        analyst = Worker(Settings("analyze", str(model), folder / "analyze"))
        listeners = [Worker(Settings("stream", str(model), folder / f"stream-{number}")) for number in range(streams)]
        self.service = Service(
            card=card,
            features=spec,
            batcher=Batcher(worker),
            jobs=Jobs([analyst], folder / "jobs"),
            streams=Streams(listeners, "base"),
            upload=upload,
            free=0,
            **more,
        )
        app = create_app(
            self.service,
            hosts=local_hosts(self.port) if keys is None else None,
            keys=None if keys is None else Keys(keys),
            pace=pace,
        )
        self._server = make_server(app, 5, message=MOST_BYTES if streams else 0)
        self._thread = threading.Thread(target=self._server.run, args=([listening],), daemon=True)
        self._thread.start()
        wait_for(lambda: self._server.started, "the server")

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)


@contextmanager
def serving(model: Path | str, folder: Path, **more: Any) -> Iterator[Served]:
    opened = Served(model, folder, **more)
    yield opened
    opened.close()


def small_model(folder: Path) -> Path:
    """A model of recordings that is loaded in a moment."""
    return saved_model(folder / "model", features(folder / "text"))
