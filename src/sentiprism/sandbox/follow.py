"""End this process when its parent ends.

``python -m sentiprism.sandbox.follow MODULE ARGUMENT...`` runs a module, or a script by its path, as a child of
the process at the other end of standard input.
"""

import os
import runpy
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Thread


def follow_parent(pipe: int, wait: Callable[[int], object] | None = None) -> None:
    """End this process when the other end of a pipe closes, which happens however the parent ends.

    On Linux the kernel sends SIGKILL, so that native code that blocks the interpreter causes no delay, and the parent's
    thread that started this process may end earlier. On other systems a thread waits.

    Args:
        pipe: descriptor of the reading end; nothing is ever written to the other.
        wait: returns when the parent has ended; by default reads the pipe to its end.
    """
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    Thread(target=_end_after, args=(wait or _read_to_end, pipe), daemon=True).start()


def _read_to_end(pipe: int) -> None:
    while os.read(pipe, 1):
        pass


def _end_after(wait: Callable[[int], object], pipe: int) -> None:
    with suppress(OSError):
        wait(pipe)
    os._exit(1)


def main() -> None:
    """Follow the parent and run the module that it names."""
    follow_parent(0)
    sys.argv[:] = sys.argv[1:]
    if sys.argv[0].endswith(".py"):
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
