"""Work that processes of tests do: functions of a module that imports nothing heavy."""

import os
import signal
import time
from pathlib import Path

from sentiprism.errors import UserError


def half(number: int) -> float:
    """Half of it; 2 crashes, 3 is refused, 4 gives what cannot be pickled, 5 meets a fault."""
    if number == 2:
        os.kill(os.getpid(), signal.SIGSEGV)
    if number == 3:
        raise UserError("three", "leave it out")
    if number == 4:
        return lambda: None
    if number == 5:
        raise RuntimeError("of a\nlibrary")
    return number / 2


def killed(folder: Path) -> int:
    """Count its attempts; of the folder "once" the first one is killed, of "always" each."""
    attempt = 1 + len(list(folder.iterdir()))
    (folder / str(attempt)).touch()
    if folder.name == "always" or (folder.name == "once" and attempt == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return attempt


def process(number: int) -> int:
    """The process it is done in; a little time, so that no process does all."""
    time.sleep(0.2)
    return os.getpid()


def write(folder: Path) -> None:
    """Begin a file, and never end; what a stopped process cleans is then its own."""
    from sentiprism.files import atomic_file

    if folder.name == "quick":
        return
    with atomic_file(folder / "whole.txt") as path:
        path.write_text("half")
        (folder / "begun").touch()
        time.sleep(600)


def hold(folder: Path) -> None:
    """Native code that lets no other Python thread run."""
    import ctypes

    (folder / f"begun-{os.getpid()}").touch()
    ctypes.PyDLL(None).sleep(600)
