"""Workers: child processes with the model, one task at a time each."""

import asyncio
import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from signal import Signals
from typing import Any, NamedTuple

from sentiprism.errors import UserError
from sentiprism.files import home
from sentiprism.sandbox.launch import ChildProcess
from sentiprism.serving.messages import LENGTH, length_of, pack

MODULE = "sentiprism.serving.worker"
LIMITS: Mapping[str, int] = {"DATA": 16 * 2**30, "CORE": 0}
"""Limits of a worker's process: bytes of data, bytes of a core dump."""


class WorkerFailedError(Exception):
    """The process of a worker has ended during its task, or failed in an unexpected way; it is started again."""


class Settings(NamedTuple):
    """What a worker is started with."""

    kind: str
    """``predict``, ``analyze`` or ``stream``."""
    model: str
    folder: Path
    """Its own folder, for caches and temporary files."""
    limits: Mapping[str, int] = {}
    """Limits of its process, see `sentiprism.sandbox.confine`."""


class Worker:
    """One worker; its process is started at the first task, and again after it has ended.

    Args:
        settings: of its process.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: ChildProcess | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.ready = False
        """Whether its process has loaded the model."""

    @property
    def pid(self) -> int | None:
        """Number of its process; None if it is not running."""
        return None if self._process is None else self._process.pid

    def use(self, model: str) -> None:
        """Load another model from the next task on."""
        if model != self._settings.model:
            self.kill()
            self._settings = self._settings._replace(model=model)

    async def start(self) -> None:
        """Start its process, unless it runs, and wait until the model is loaded.

        Raises:
            UserError: the model cannot be loaded.
            WorkerFailedError: the process has ended.
        """
        if self.ready:
            return
        folder = self._settings.folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "hub").symlink_to(home("hub").absolute())  # copies of models, which the server has fetched
        ours, theirs = socket.socketpair()
        assets = os.environ.get("SENTIPRISM_ASSETS") or str(home("assets"))
        own = {"SENTIPRISM_HOME": str(folder), "TMPDIR": str(folder), "SENTIPRISM_ASSETS": assets}
        with theirs:
            self._process = ChildProcess(
                MODULE,
                theirs.fileno(),
                environment={**os.environ, **own},
                descriptors=[theirs.fileno()],
                stdout=sys.stderr,
            )
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        sent = {**self._settings._asdict(), "folder": str(folder), "limits": dict(self._settings.limits)}
        try:
            await self._ask(sent)
        except UserError:
            self.kill()
            raise
        self.ready = True

    async def ask(self, task: dict[str, Any], on: Callable[[dict[str, float]], object] | None = None) -> Any:
        """Send a task and wait for its result; if this is cancelled, the process is killed.

        Args:
            task: of the worker's kind.
            on: called with progress: the fraction that is done of a part.

        Raises:
            UserError: the task cannot be done.
            WorkerFailedError: the process has ended.
        """
        await self.start()
        return await self._ask(task, on)

    async def _ask(self, message: dict[str, Any], on: Callable[[dict[str, float]], object] | None = None) -> Any:
        reader, writer = self._reader, self._writer
        if reader is None or writer is None:
            raise WorkerFailedError("it is not running")
        try:
            writer.write(pack(message))
            await writer.drain()
            while True:
                found = await _receive(reader)
                if "progress" not in found:
                    break
                if on is not None:
                    on(found["progress"])
        except (EOFError, OSError):
            raise WorkerFailedError(f"its process ended ({self._end()})") from None
        except ValueError:  # what reads recordings of others may be made to write anything
            self.kill()
            raise WorkerFailedError("it sent a damaged message") from None
        except BaseException:
            self.kill()
            raise
        if "result" in found:
            return found["result"]
        if "fault" in found:
            self.kill()  # it may be in any state
            raise WorkerFailedError(found["fault"])
        raise UserError(*found["error"])

    def kill(self) -> None:
        """Kill its process with everything that it started, and remove its files."""
        if self._process is not None:
            with self._process as process:  # leaving the context kills it
                process.kill()
        if self._writer is not None:
            self._writer.close()
        self._process = self._reader = self._writer = None
        self.ready = False
        shutil.rmtree(self._settings.folder, ignore_errors=True)

    def _end(self) -> str:
        """Clean up after the process has ended; returns how it has ended."""
        process = self._process
        if process is not None:
            process.kill()  # it may have closed its socket alone
        self.kill()
        status = process.returncode if process is not None else 0
        return Signals(-status).name if status < 0 else f"status {status}"


async def _receive(reader: asyncio.StreamReader) -> dict[str, Any]:
    try:
        content = await reader.readexactly(length_of(await reader.readexactly(LENGTH)))
    except asyncio.IncompleteReadError:
        raise EOFError from None
    message: dict[str, Any] = json.loads(content)
    return message
