"""End on a signal: cleanly, by force after some time, at once on a second signal."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from types import FrameType
from typing import NoReturn, Self

from sentiprism.files import discard_unfinished
from sentiprism.sandbox.launch import kill_children

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
GRACE = 1.5
"""Seconds from the first signal to the end by force."""
CHILDS_GRACE = 0.7
"""`GRACE` of a child process, for which its parent waits."""
CHILD_TIMEOUT = CHILDS_GRACE + 0.3
"""Seconds that a parent waits for its children to end before it kills them."""
LAST = 1.0
"""Most seconds for cleaning up and the farewell."""
SAME = 0.2
"""Seconds within which repeated signals count as one: shells and `timeout` send them twice."""


_installed: "Interrupts | None" = None


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Context that delays `KeyboardInterrupt` to its end, for example while a child process gets its task.

    Masking signals does not work: Python's handler runs in the main thread, whichever thread gets the signal.
    """
    current = _installed
    if current is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    current.deferred = True
    try:
        yield
    finally:
        current.deferred = False
        if current.number is not None:
            current.interrupt()


class Interrupts:
    """Context in which SIGINT, SIGTERM and SIGHUP raise `KeyboardInterrupt`; its exit then ends the process.

    Native code in the main thread can delay the exception, and some callbacks swallow it. So a thread ends the process
    after ``grace`` seconds or at a second signal. Signals that were ignored at the start (nohup) stay ignored.

    Args:
        grace: seconds from the first signal to the end by force.
        farewell: called with the signal's number right before the process ends.
    """

    def __init__(self, grace: float = GRACE, farewell: Callable[[int], object] | None = None) -> None:
        self.number: int | None = None
        self.grace, self._farewell = grace, farewell
        self.deferred = False
        self._raised = False
        self._before: dict[int, object] | None = None
        self._ending, self._ended = threading.Lock(), threading.Event()

    def __enter__(self) -> Self:
        global _installed
        if threading.current_thread() is not threading.main_thread():  # only the main thread can handle signals
            return self
        numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
        self._numbers = {n for n in numbers if signal.getsignal(n) not in {signal.SIG_IGN, None}}
        self._ours, self._theirs = socket.socketpair()
        self._theirs.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._watch, daemon=True).start()
        self._before = {number: signal.signal(number, self._handle) for number in self._numbers}
        self._outer, _installed = _installed, self
        return self

    def __exit__(self, *_: object) -> None:
        global _installed  # noqa: PLW0603
        if self.number is not None:  # even if the exception was replaced or swallowed
            self.end()
        if self._before is None:
            return
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        signal.set_wakeup_fd(self._wakeup)
        self._theirs.close()
        _installed = self._outer

    def end(self) -> NoReturn:
        """End this process with the exit status that shells expect, without waiting for threads."""
        number = self.number or signal.SIGINT
        if not self._ending.acquire(blocking=False):  # never released: only one thread ends the process
            self._ended.wait(LAST)
            os._exit(128 + number)
        threading.Thread(target=self._clean_up, args=(number,), daemon=True).start()
        self._ended.wait(LAST)  # a full pipe or an unreachable file system must not keep the process alive
        os._exit(128 + number)

    def _clean_up(self, number: int) -> None:
        with suppress(Exception):
            kill_children()
        if (multiprocessing := sys.modules.get("multiprocessing")) is not None:
            with suppress(Exception):
                for process in multiprocessing.active_children():
                    process.kill()
        discard_unfinished()
        if self._farewell is not None:
            with suppress(Exception):
                self._farewell(number)
        self._ended.set()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.number = self.number or number
        self.interrupt()

    def interrupt(self) -> None:
        """Raise `KeyboardInterrupt`, once and not while deferred."""
        if not self._raised and not self.deferred:
            self._raised = True
            sys.unraisablehook = lambda _: None  # a callback that swallows it would print a traceback
            raise KeyboardInterrupt

    def _watch(self) -> None:
        """Read signal numbers, which Python writes to the socket even if the main thread is busy."""
        first = None
        while True:
            self._ours.settimeout(None if first is None else max(first + self.grace - monotonic(), 0.001))
            try:
                got = self._ours.recv(1)
            except TimeoutError:
                self.end()
            if not got:
                self._ours.close()
                return
            if got[0] not in self._numbers:
                continue
            if first is None:
                first, self.number = monotonic(), self.number or got[0]
            elif monotonic() - first > SAME:
                self.end()


@contextmanager
def longer_grace(seconds: float) -> Iterator[None]:
    """Context in which an interrupted process may take longer to end; a second signal ends it at once.

    Args:
        seconds: from the first signal to the end by force.
    """
    current = _installed
    if current is None:
        yield
        return
    before, current.grace = current.grace, seconds
    try:
        yield
    finally:
        current.grace = before
