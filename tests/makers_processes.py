"""Processes as tests watch them: a session of its own, whose members are found whatever environment they have."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

PATIENCE = 150.0
"""Seconds that a stage may take to be reached on a busy machine."""
SOON = 8.0
"""Seconds in which everything must have ended; 2 on a machine that is not busy."""
NEVER_RETURNS = "import hashlib; hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)"
"""Native code that no signal interrupts, but that lets other threads run."""
HOLDS_ALL = "import ctypes; ctypes.PyDLL(None).sleep(600)"
"""Native code that lets no other Python thread run."""

COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # the runner of tests may ignore it
from sentiprism.cli.main import main
sys.exit(main())
"""
"""The command line."""
THEIRS = ("torchinductor_",)
"""What libraries keep in the folder for temporary files, whatever becomes of a process."""

needs_proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")


class Started:
    """A Python process in a session of its own.

    Args:
        code: to run.
        words: behind it.
        folder: it works in.
        terminal: it has a pseudo-terminal of its own for all three streams.
        environment: variables that differ.
    """

    def __init__(self, code: str, *words: object, folder: Path, terminal: bool = False, **environment: str) -> None:
        self._master: int | None = None
        self.shown = ""
        command = [sys.executable, "-c", code, *map(str, words)]
        given = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80", **environment}
        streams: dict = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        if terminal:
            self._master, slave = pty.openpty()
            streams = dict.fromkeys(("stdin", "stdout", "stderr"), slave)
            own = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
            command[2] = own + code
            given |= {"TERM": "xterm-256color"}
        self.process = subprocess.Popen(command, cwd=folder, env=given, start_new_session=True, **streams)
        if terminal:
            os.close(slave)
        self._readers = [Thread(target=self._read, args=(fd,), daemon=True) for fd in self._descriptors()]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def _descriptors(self) -> list[int]:
        if self._master is not None:
            return [self._master]
        return [self.process.stderr.fileno(), self.process.stdout.fileno()]

    def _read(self, descriptor: int) -> None:
        with suppress(OSError):  # a closed terminal
            while got := os.read(descriptor, 1 << 16):
                self.shown += got.decode(errors="replace")

    def members(self, but: str | None = None) -> dict[int, str]:
        """Command lines by process, of all that run in the session, ``but`` those with this text."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, ValueError):  # one that vanishes meanwhile
                state, _, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
                if int(session) == self.pid and state not in "ZX":
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return {pid: line for pid, line in found.items() if but is None or but not in line}

    def worked(self) -> float:
        """Processor seconds of the first process."""
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """Resident bytes of the first process."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def child(self, part: str) -> int | None:
        """A member, not the first, that has this in its command line."""
        return next((pid for pid, line in self.members().items() if pid != self.pid and part in line), None)

    def reach(self, stage: Callable[[], object]) -> None:
        """Wait until a stage is reached."""
        last = time.monotonic() + PATIENCE
        while not stage():
            assert self.process.poll() is None, f"it ended before with {self.process.returncode}: {self.shown[-999:]!r}"
            assert time.monotonic() < last, f"it was not reached: {self.members()} {self.shown[-999:]!r}"
            time.sleep(0.01)

    def press(self, keys: str) -> None:
        """Type on its terminal."""
        os.write(self._master, keys.encode())

    def hang_up(self) -> None:
        """Close its terminal."""
        os.close(self._master)

    def all_end(self, but: str | None = None) -> int:
        """Hold that nothing of the session is left soon, ``but`` what has this in its command line; the status."""
        last = time.monotonic() + SOON
        while (left := self.members(but)) and time.monotonic() < last:
            self.process.poll()
            time.sleep(0.01)
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        assert not left, f"{left} {self.shown[-999:]!r}"
        self.process.wait()
        for reader in self._readers:
            reader.join(SOON)
        return self.process.returncode

    def said(self) -> list[str]:
        """The lines it wrote, when it has ended."""
        return self.shown.splitlines()


def left(folder: Path) -> list[str]:
    """Half-written things below a folder, and temporary files in its ``tmp``."""
    half = [path.name for path in folder.rglob("*.tmp-*")]
    return half + [path.name for path in (folder / "tmp").iterdir() if not path.name.startswith(THEIRS)]


def readable(descriptor: int, seconds: float) -> bool:
    """Whether there is something to read, or the end, in time."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(1000 * seconds))
