"""Tell how far the parts of an analysis are, and what time they took."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

Progress = Callable[[str, float], Any]
"""Told what part is running and the share of it that is done, from 0 to 1."""


class Parts:
    """Parts that run, in any thread.

    Args:
        on: told of progress.
        on_time: told the seconds that each part took, by the part's name.
    """

    def __init__(self, on: Progress | None = None, on_time: Callable[[str, float], Any] | None = None) -> None:
        self._on, self._on_time = on, on_time

    def tell(self, part: str, share: float) -> None:
        """Tell the share of a part that is done."""
        if self._on is not None:
            self._on(part, share)

    def counter(self, part: str, count: int) -> Callable[[int], None]:
        """What is told how many more of ``count`` things of a part are done."""
        done = 0

        def add(more: int) -> None:
            nonlocal done
            done += more
            self.tell(part, done / max(count, 1))

        return add

    @contextmanager
    def run(self, part: str) -> Iterator[None]:
        """Measure the seconds of what is done inside."""
        start = perf_counter()
        try:
            yield
        finally:
            if self._on_time is not None:
                self._on_time(part, perf_counter() - start)
