"""Processes that outlive the one that started them: start, recognise again, end."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from sentiprism.config import Record
from sentiprism.environment import NO_TELEMETRY
from sentiprism.errors import UserError
from sentiprism.files import write_text
from sentiprism.reading import read_text

WORKER = "sentiprism.studio.jobs.worker"
PROCESS, RESULT, PROGRESS, LOG, JOB, LOCK = (
    "process.json",
    "result.json",
    "progress.json",
    "log.txt",
    "job.json",
    "worker",
)
"""Files of a job's folder."""
T = TypeVar("T", bound=Record)


class Identity(Record):
    """A process, and the moment that it was started: numbers are given again, moments are not."""

    pid: int
    started: str


class Result(Record):
    """How a job ended, as its process wrote it."""

    state: str
    error: str | None = None
    value: dict[str, object] = {}


class Progress(Record):
    """How far a job is."""

    share: float = 0.0
    text: str = ""


def identify(pid: int) -> Identity | None:
    """Return who has this number now; None where nobody has, or it has ended and nobody has asked for its status."""
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return None if fields[0] in "ZX" else Identity(pid=pid, started=f"{boot} {fields[19]}")
    command = ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split(maxsplit=1)  # noqa: S603
    return None if len(found) < 2 or found[0][0] == "Z" else Identity(pid=pid, started=found[1].strip())


def is_alive(process: Identity) -> bool:
    """Whether it is still running, and is the same."""
    return identify(process.pid) == process


def start(folder: Path, workspace: Path) -> "subprocess.Popen[bytes]":
    """Start a job's process in a session of its own; what it prints goes to the job's log.

    Args:
        folder: of the job.
        workspace: it works in.

    Raises:
        OSError: it cannot be started; the workspace is gone, for instance.
    """
    modules = os.pathsep.join(entry for entry in sys.path if os.path.isabs(entry))
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - the folder is named by an identifier of ours
            [sys.executable, "-P", "-m", WORKER, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=workspace,
            env={**os.environ, **NO_TELEMETRY, "PYTHONPATH": modules, "COLUMNS": "100", "NO_COLOR": "1"},
            start_new_session=True,
        )


def ask_to_end(process: Identity) -> None:
    """Send SIGTERM: the job's process says that it was stopped, and ends its own children."""
    if is_alive(process):
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)


def kill(process: Identity) -> None:
    """Send SIGKILL to it and to everything in its process group."""
    if is_alive(process):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def write_record(path: Path, record: Record) -> None:
    """Write one of a job's files atomically."""
    write_text(path, record.model_dump_json())


def read_process(folder: Path) -> Identity | None:
    """Who works on a job, as it has written itself; None before that."""
    return _read(folder / PROCESS, Identity)


def read_result(folder: Path) -> Result | None:
    """How a job ended; None where it has not, or was killed."""
    return _read(folder / RESULT, Result)


def read_progress(folder: Path) -> Progress:
    """How far a job is."""
    return _read(folder / PROGRESS, Progress) or Progress()


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return kind.model_validate_json(read_text(path))
    except (UserError, ValidationError):
        return None
