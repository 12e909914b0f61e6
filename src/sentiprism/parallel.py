"""Run items in several processes; a failure affects only its item."""

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from pickle import PicklingError
from signal import Signals
from time import monotonic
from typing import Any, Generic, TypeVar, cast

from sentiprism.errors import UserError, os_fault
from sentiprism.interrupts import CHILD_TIMEOUT, CHILDS_GRACE, Interrupts, deferred_interrupts
from sentiprism.plugin_modules import import_files, loaded_files
from sentiprism.sandbox.follow import follow_parent
from sentiprism.sandbox.launch import Lifeline, terminal_signals_blocked
from sentiprism.screen import clean_streams

T = TypeVar("T")
R = TypeVar("R")


def run_parallel(
    work: Callable[[T], R], items: Sequence[T], jobs: int = 1
) -> Generator[tuple[T, R | UserError], None, None]:
    """Yield each item with its result, in the order of completion; closing it ends the processes.

    Args:
        work: a module-level function, called in another process if ``jobs`` is above 1.
        items: picklable items.
        jobs: number of processes; if one crashes, only its current item fails and a new process replaces it.

    Yields:
        The item, and its result or an error.
    """
    attempt = partial(_attempt, work, alone=len(items) <= 1)
    if jobs <= 1 or len(items) <= 1:
        yield from ((item, attempt(item)) for item in items)
        return
    left = list(reversed(items))
    idle: list[_Worker[T, R]] = []
    busy: dict[Connection, _Worker[T, R]] = {}
    try:
        while left or busy:
            while left and len(busy) < jobs:
                worker = idle.pop() if idle else _Worker(attempt)
                busy[worker.connection] = worker
                worker.send(left.pop())
            for connection in wait(list(busy)):
                worker = busy.pop(cast("Connection", connection))
                item, result = worker.item, worker.result()
                if worker.process.is_alive():
                    idle.append(worker)
                yield item, result
    finally:
        _end(list(busy.values()), idle)


class _Worker(Generic[T, R]):
    """A process that works on one item at a time and ends with this one."""

    item: T

    def __init__(self, attempt: Callable[[T], R | UserError]) -> None:
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
        self._send(loaded_files())  # classes of plugins are found by their modules
        self._send(attempt)  # not as an argument: its imports would run before `follow_parent`

    def send(self, item: T) -> None:
        """Send an item; if the process has ended, `result` reports it."""
        self.item = item
        self._send(item)

    def result(self) -> R | UserError:
        """Wait for the result of the item."""
        try:
            result: R | UserError = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            self.connection.close()
            status = self.process.exitcode or 0
            how = Signals(-status).name if status < 0 else f"status {status}"
            return UserError(f"the process working on it ended ({how})", "check the file and the free memory")
        return result

    def _send(self, message: object) -> None:
        with suppress(OSError):
            self.connection.send(message)


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
                connection.send(_unexpected(error))


def _end(busy: "list[_Worker[Any, Any]]", idle: "list[_Worker[Any, Any]]") -> None:
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


def _attempt(work: Callable[[T], R], item: T, *, alone: bool) -> R | UserError:
    """Process one item; in a batch, an unexpected exception becomes a `UserError`."""
    try:
        return work(item)
    except UserError as error:
        return error
    except OSError as error:
        return os_fault(error)
    except Exception as error:
        if alone:
            raise
        return _unexpected(error)


def _unexpected(error: Exception) -> UserError:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return UserError(f"an unexpected error occurred ({reason})", "leave it out, and report this")
