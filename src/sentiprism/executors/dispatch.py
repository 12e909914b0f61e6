"""Give items to workers of a pool, and collect the results."""

from collections import deque
from collections.abc import Generator, Hashable, Sequence
from enum import Enum
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from sentiprism.errors import UserError

T = TypeVar("T")
W = TypeVar("W", bound=Hashable)


class Ready(Enum):
    """Message of a worker that has started."""

    READY = "ready"


class Ended(NamedTuple):
    """Message of a worker that has ended without a result."""

    how: str


class Pool(Protocol[W]):
    """Workers that process one item at a time."""

    @property
    def size(self) -> int:
        """Most workers; it may change."""

    def start(self) -> None:
        """Begin to start a worker."""

    def send(self, worker: W, item: Any) -> None:
        """Give an item to a worker that is ready."""

    def wait(self) -> Sequence[tuple[W, Any]]:
        """Wait for messages of workers: `Ready`, `Ended`, or the result of an item."""

    def close(self) -> None:
        """End all workers."""


class _Job(NamedTuple, Generic[T]):
    item: T
    again: bool = False
    """Whether a worker has ended while it processed the item."""


def dispatch(pool: Pool[W], items: Sequence[T]) -> Generator[tuple[T, Any], None, None]:
    """Yield each item with its result, in the order of completion; closing it ends the workers.

    An item whose worker ends is given to another worker once: the reason may have been the machine, not the item.

    Args:
        pool: the workers; closed at the end.
        items: any number.
    """
    left = deque(_Job(item) for item in items)
    running: dict[W, _Job[T]] = {}
    idle: list[W] = []
    started = 0
    try:
        while left or running:
            while left and idle:
                worker, job = idle.pop(), left.popleft()
                running[worker] = job
                pool.send(worker, job.item)
            for _ in range(started, min(pool.size, len(left) + len(running))):
                pool.start()
                started += 1
            for worker, message in pool.wait():
                found = running.pop(worker, None)
                if not isinstance(message, Ended):
                    idle.append(worker)
                    if found is not None:
                        yield found.item, message
                    continue
                started -= 1
                if worker in idle:
                    idle.remove(worker)
                if found is not None and not found.again:
                    left.appendleft(_Job(found.item, again=True))
                elif found is not None:
                    yield found.item, _lost(message.how)
    finally:
        pool.close()


def _lost(how: str) -> UserError:
    return UserError(f"the process working on it ended twice ({how})", "check the file and the free memory")
