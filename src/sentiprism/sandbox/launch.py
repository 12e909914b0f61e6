"""Start child processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakSet, finalize

from sentiprism.environment import NO_TELEMETRY
from sentiprism.errors import UserError

FOLLOW = "sentiprism.sandbox.follow"
TERMINAL_SIGNALS = ("SIGINT", "SIGHUP")
"""Signals that a terminal sends to all its processes; the parent handles them for its children."""
_children: "WeakSet[ChildProcess]" = WeakSet()
_lifelines: "WeakSet[Lifeline]" = WeakSet()


class Lifeline:
    """Parent's end of a pipe to a child; it closes when this process ends, even by SIGKILL.

    Nothing is written to it. It also closes when the object is deleted, and forks of this process do not keep it open.
    The child's side is `sentiprism.sandbox.follow.follow_parent`.

    Args:
        close: closes the parent's end.
    """

    def __init__(self, close: Callable[[], object]) -> None:
        self.close = finalize(self, close)
        _lifelines.add(self)


class ChildProcess(subprocess.Popen[bytes]):
    """A module or script in a child process that ends with this one; leaving the context kills it.

    Its standard input is a pipe whose other end is a `Lifeline`.

    Args:
        module: to run, by name; or a script by its path.
        arguments: command-line arguments.
        options: options of the interpreter.
        environment: all environment variables; by default this process's. The search path of modules is this
            process's, and libraries send no usage statistics.
        descriptors: open files that it inherits.
        stdout: as in `subprocess.Popen`.
        stderr: as in `subprocess.Popen`.
        folder: working directory; by default this process's.

    Raises:
        UserError: this system cannot pass open files to a child.
    """

    def __init__(
        self,
        module: str | Path,
        *arguments: object,
        options: Sequence[str] = ("-P",),
        environment: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
        stdout: Any = None,
        stderr: Any = None,
        folder: str | None = None,
    ) -> None:
        if descriptors and sys.platform == "win32":
            raise UserError("Windows cannot pass open files to a child process", "use Linux, macOS or WSL for this")
        modules = os.pathsep.join(entry for entry in sys.path if os.path.isabs(entry))
        theirs, ours = os.pipe()
        self._lifeline = Lifeline(partial(os.close, ours))
        try:
            with terminal_signals_blocked():
                super().__init__(
                    [sys.executable, *options, "-m", FOLLOW, str(module), *map(str, arguments)],
                    bufsize=0,
                    stdin=theirs,
                    stdout=stdout,
                    stderr=stderr,
                    pass_fds=descriptors,
                    env={**(os.environ if environment is None else environment), **NO_TELEMETRY, "PYTHONPATH": modules},
                    cwd=folder,
                )
        except BaseException:
            self._lifeline.close()
            raise
        finally:
            os.close(theirs)
        _children.add(self)

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.wait()
        for pipe in (self.stdout, self.stderr):
            if pipe is not None:
                pipe.close()
        self._lifeline.close()


def run(module: str | Path, *arguments: object, timeout: float | None = None, **more: Any) -> tuple[int, str, str]:
    """Run a module as a child process and wait for it.

    Args:
        module: as in `ChildProcess`.
        arguments: as in `ChildProcess`.
        timeout: seconds after which it is killed.
        more: as in `ChildProcess`.

    Returns:
        Its exit status, standard output and standard error.

    Raises:
        subprocess.TimeoutExpired: it took longer.
    """
    with ChildProcess(module, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more) as child:
        out, err = child.communicate(timeout=timeout)
        return child.returncode, out.decode(errors="replace"), err.decode(errors="replace")


def kill_children() -> None:
    """Kill the child processes that are running."""
    for child in list(_children):
        child.kill()


@contextmanager
def terminal_signals_blocked() -> Iterator[None]:
    """Context in which started processes ignore a terminal's signals; this process gets them afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [getattr(signal, name) for name in TERMINAL_SIGNALS])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _close_lifelines() -> None:
    for lifeline in list(_lifelines):
        lifeline.close()


if hasattr(os, "register_at_fork"):  # otherwise a fork of this process would keep its children alive
    os.register_at_fork(after_in_child=_close_lifelines)
