"""Requests to a server of this machine that a test may forge."""

import http.client
import json
import time
from collections.abc import Callable, Mapping
from email.message import Message
from typing import Any, NamedTuple

from makers_processes import PATIENCE


class Reply(NamedTuple):
    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """Cause of an error, which has all fields of RFC 9457 and a remedy."""
        assert self.headers["content-type"] == "application/problem+json"
        found = self.json
        assert set(found) == {"type", "title", "status", "detail", "remedy"}
        assert found["status"] == self.status
        return found["detail"]


def exchange(port: int, method: str, path: str, body: bytes | None, headers: Mapping[str, str | None]) -> Reply:
    """Send a request with these headers alone; ``Host`` and the length are set unless given, None leaves one out."""
    sent: dict[str, str | None] = {"Host": f"127.0.0.1:{port}"}
    if body is not None:
        sent["Content-Length"] = str(len(body))
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in sent.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    found = Reply(response.status, response.headers, response.read())
    connection.close()
    return found


def wait_for(stage: Callable[[], object], what: str = "it") -> None:
    last = time.monotonic() + PATIENCE
    while not stage():
        assert time.monotonic() < last, f"{what} was not reached"
        time.sleep(0.02)
