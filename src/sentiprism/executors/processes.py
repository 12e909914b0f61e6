"""Executor that works in several processes of this machine."""

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from pickle import PicklingError
from signal import Signals
from time import monotonic
from typing import Any, ClassVar, TypeVar, cast

from sentiprism.errors import UserError
from sentiprism.executors.base import THIS_PROCESS, run_one, unexpected
from sentiprism.executors.dispatch import Ended, Ready, dispatch
from sentiprism.interrupts import CHILD_TIMEOUT, CHILDS_GRACE, Interrupts, deferred_interrupts
from sentiprism.machine import JOB, check_jobs
from sentiprism.plugin_modules import import_files, loaded_files
from sentiprism.sandbox.follow import follow_parent
from sentiprism.sandbox.launch import Lifeline, terminal_signals_blocked
from sentiprism.screen import clean_streams

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class LocalProcesses:
    """Executor that works in processes of this machine; a native crash in one of them only affects its item.

    Args:
        jobs: number of processes.
    """

    jobs: int
    in_process: ClassVar[bool] = False

    def check(self, memory: int = JOB) -> None:
        """See `Executor.check`."""
        check_jobs(self.jobs, memory)

    def run(
        self, work: Callable[[T], R], items: Sequence[T], memory: int = JOB
    ) -> Generator[tuple[T, R | UserError], None, None]:
        """See `Executor.run`; a single item is processed here."""
        if len(items) <= 1:
            return THIS_PROCESS.run(work, items, memory)
        return dispatch(_Processes(partial(run_one, work), self.jobs), items)


class _Processes:
    """Pool of processes that end with this one."""

    def __init__(self, attempt: Callable[[Any], Any], size: int) -> None:
        self.size = size
        self._attempt = attempt
        self._new: list[_Process] = []
        self._busy: dict[Connection, _Process] = {}
        self._all: set[_Process] = set()

    def start(self) -> None:
        process = _Process(self._attempt)
        self._all.add(process)
        self._new.append(process)

    def send(self, worker: "_Process", item: Any) -> None:
        self._busy[worker.connection] = worker
        worker.send(item)

    def wait(self) -> "list[tuple[_Process, Any]]":
        if self._new:
            new, self._new = self._new, []
            return [(process, Ready.READY) for process in new]
        done = [self._busy.pop(cast("Connection", one)) for one in wait(list(self._busy))]
        found = [(process, process.result()) for process in done]
        self._all.difference_update(process for process, result in found if isinstance(result, Ended))
        return found

    def close(self) -> None:
        busy = set(self._busy.values())
        _end(busy, self._all - busy)


class _Process:
    """A process that works on one item at a time and ends with this one."""

    def __init__(self, attempt: Callable[[Any], Any]) -> None:
        context = get_context("spawn")  # a fork would lose threads
        resource_tracker.ensure_running()  # starting it later would unblock SIGINT
        self.connection, theirs = context.Pipe()
        lifeline, ours = context.Pipe(duplex=False)
        self._lifeline = Lifeline(ours.close)
        self.process = context.Process(target=_serve, args=(theirs, lifeline), daemon=True)
        with deferred_interrupts(), terminal_signals_blocked():
            self.process.start()
        theirs.close()
        lifeline.close()
        self.send(loaded_files())  # classes of plugins are found by their modules
        self.send(attempt)  # not as an argument: its imports would run before `follow_parent`

    def send(self, message: object) -> None:
        """Send an item; if the process has ended, `result` reports it."""
        with suppress(OSError):
            self.connection.send(message)

    def result(self) -> Any:
        """Wait for the result of the item; `Ended` if the process has ended."""
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            self.connection.close()
            status = self.process.exitcode or 0
            return Ended(Signals(-status).name if status < 0 else f"status {status}")


def _serve(connection: Connection, lifeline: Connection) -> None:
    """Process items in a worker until the parent closes the connection or asks to end."""
    follow_parent(lifeline.fileno(), wait=lambda _: wait([lifeline]))
    clean_streams()  # libraries print warnings with text from files
    with Interrupts(CHILDS_GRACE), suppress(EOFError):
        import_files(connection.recv())
        attempt: Callable[[Any], Any] = connection.recv()
        while True:
            result = attempt(connection.recv())
            try:
                connection.send(result)
            except (PicklingError, TypeError, AttributeError) as error:
                connection.send(unexpected(error))


def _end(busy: set[_Process], idle: set[_Process]) -> None:
    """End workers; running ones get time to remove unfinished files."""
    for worker in busy:
        worker.process.terminate()
    for worker in idle:
        worker.process.kill()
    last = monotonic() + CHILD_TIMEOUT
    for worker in (*busy, *idle):
        worker.process.join(max(last - monotonic(), 0))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.connection.close()
