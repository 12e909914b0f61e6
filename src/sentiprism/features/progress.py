"""Progress on stderr, for whatever takes longer than two seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

PATIENCE = 2.0
"""Seconds of silence before anything is shown."""


@contextmanager
def progress(message: str, total: float | None = None) -> Iterator[Callable[[float], None]]:
    """Yield a function that is told how much more is done; a bar appears if it takes long.

    Where stderr is no terminal (a log file), the message is printed once instead.

    Args:
        message: what is going on.
        total: the amount that is everything, or None where it is not known.
    """
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

    console = Console(stderr=True)
    bar = Progress(
        SpinnerColumn(), *Progress.get_default_columns(), TimeElapsedColumn(), console=console, transient=True
    )
    task = bar.add_task(message, total=total)
    timer = Timer(PATIENCE, bar.start if console.is_terminal else lambda: console.print(f"{message} ..."))
    timer.daemon = True
    timer.start()
    try:
        yield lambda amount: bar.update(task, advance=amount)
    finally:
        timer.cancel()
        timer.join()  # it may be starting the bar just now
        bar.stop()
