"""Report the progress and duration of the parts of an analysis."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

Progress = Callable[[str, float], Any]
"""Callback with the running part and the fraction of it that is done."""


class Parts:
    """Reports the progress of parts, from any thread.

    Args:
        on: called with progress.
        on_time: called with the name of each part and its duration in seconds.
    """

    def __init__(self, on: Progress | None = None, on_time: Callable[[str, float], Any] | None = None) -> None:
        self._on, self._on_time = on, on_time

    def tell(self, part: str, share: float) -> None:
        """Report the fraction of a part that is done."""
        if self._on is not None:
            self._on(part, share)

    def counter(self, part: str, count: int) -> Callable[[int], None]:
        """Make a callback that adds to the number of the ``count`` steps of a part that are done."""
        done = 0

        def add(more: int) -> None:
            nonlocal done
            done += more
            self.tell(part, done / max(count, 1))

        return add

    @contextmanager
    def run(self, part: str) -> Iterator[None]:
        """Measure the duration of a part."""
        start = perf_counter()
        try:
            yield
        finally:
            if self._on_time is not None:
                self._on_time(part, perf_counter() - start)
