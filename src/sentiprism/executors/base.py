"""What an executor is, and the one that works in this process."""

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Protocol, TypeVar

from sentiprism.errors import UserError, os_fault
from sentiprism.machine import JOB

T = TypeVar("T")
R = TypeVar("R")


class Executor(Protocol):
    """Runs a function on many items."""

    @property
    def in_process(self) -> bool:
        """Whether the function is called in this process, so that callbacks work."""

    def check(self, memory: int = JOB) -> None:
        """Check before other work that it can be used.

        Args:
            memory: least memory in bytes of a process.

        Raises:
            UserError: it cannot; for example, there is too little memory.
        """

    def run(
        self, work: Callable[[T], R], items: Sequence[T], memory: int = JOB
    ) -> Generator[tuple[T, R | UserError], None, None]:
        """Yield each item with its result, in the order of completion; closing it ends the work.

        A failure affects only its item. As many items as there are processes are in work at a time.

        Args:
            work: a function of a module; it is called in another process, unless `in_process`.
            items: picklable items.
            memory: least memory in bytes of a process.

        Yields:
            The item, and its result or an error.
        """


class ThisProcess:
    """Executor that works on one item after the other in this process."""

    in_process = True

    def check(self, memory: int = JOB) -> None:
        """Accept any memory: this process runs already."""

    def run(
        self,
        work: Callable[[T], R],
        items: Sequence[T],
        memory: int = JOB,  # noqa: ARG002 - see `check`
    ) -> Generator[tuple[T, R | UserError], None, None]:
        """See `Executor.run`; the unexpected exception of a single item is raised."""
        attempt = partial(run_one, work, alone=len(items) <= 1)
        yield from ((item, attempt(item)) for item in items)


THIS_PROCESS = ThisProcess()


def run_one(work: Callable[[T], R], item: T, *, alone: bool = False) -> R | UserError:
    """Process one item; unless it is alone, an unexpected exception becomes a `UserError`."""
    try:
        return work(item)
    except UserError as error:
        return error
    except OSError as error:
        return os_fault(error)
    except Exception as error:
        if alone:
            raise
        return unexpected(error)


def unexpected(error: BaseException) -> UserError:
    """Describe an unexpected exception."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return UserError(f"an unexpected error occurred ({reason})", "leave it out, and report this")
