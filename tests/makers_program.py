"""The studio as a program of its own, whose pages are asked for, and which is killed and started again."""

import http.client
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlencode

from makers_studio import Reply, start_studio
from sentiprism.studio.web.tokens import form_token


class Program:
    """The program's own server in a workspace, and a browser's session of it.

    Args:
        workspace: folder it is started in.
    """

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        with socket.create_server(("127.0.0.1", 0)) as unused:
            self.port = unused.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.cookie = ""
        link = self.start()
        self.cookie = self.get(link.removeprefix(self.address)).headers["set-cookie"].partition(";")[0]

    def start(self) -> str:
        """Start it, again where it was killed; its link."""
        self.process, link = start_studio(self.workspace, self.port)
        return link

    def kill(self) -> None:
        """SIGKILL, as by a machine that is out of memory."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def headers(self, **more: str) -> dict[str, str]:
        return {"Cookie": self.cookie, **more}

    def own(self) -> dict[str, str]:
        """Headers by which a page's own script is known."""
        return self.headers(Origin=self.address, **{"X-Form-Token": form_token(self.cookie.partition("=")[2])})

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())

    def get(self, path: str) -> Reply:
        return self.send("GET", path, None, self.headers())

    def post(self, path: str, fields: object = ()) -> Reply:
        given = [*(fields.items() if isinstance(fields, dict) else fields)]
        body = urlencode([("form_token", form_token(self.cookie.partition("=")[2])), *given]).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.address}
        return self.send("POST", path, body, self.headers(**kind))

    def upload(self, name: str, content: bytes) -> Reply:
        return self.send("POST", "/recordings/files", content, {**self.own(), "X-File-Name": quote(name)})


def processes_of(home: Path) -> set[int]:
    """Every process whose data folder this is, whoever started it."""
    found, wanted = set(), f"SENTIPRISM_HOME={home}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if state not in "ZX" and wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.add(int(folder.name))
    return found - {os.getpid()}
