"""Progress on stderr, for whatever takes longer than two seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Timer
from typing import Any

from sentiprism.terminal import own_stderr

PATIENCE = 2.0
"""Seconds of silence before anything is shown."""
WIDE = 30
"""Characters of a message on a bar: a long file name would leave no room for the time left."""
_shown: list[Any] = []
"""The bar that is running: what continues inside of it is a line of it, since a terminal can hold one alone."""


def announce(message: str) -> None:
    """Print a line on stderr at once, above the bar where one is shown."""
    from sentiprism.screen import clean, console

    with own_stderr() as stream:
        screen = _shown[-1].console if _shown else console(stderr=True, file=stream)
        screen.print(clean(message), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress(message: str, total: float | None = None) -> Iterator[Callable[[float], None]]:
    """Yield a function that is told how much more is done; a bar appears if it takes long.

    Where stderr is no terminal (a log file), the message is printed once instead.

    Args:
        message: what is going on.
        total: the amount that is everything, or None where it is not known.
    """
    from rich.markup import escape
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from sentiprism.screen import clean, console

    message, cut = clean(message), WIDE // 2
    short = escape(message if len(message) <= WIDE else f"{message[:cut]}…{message[1 - cut :]}")
    if _shown:
        bar = _shown[-1]
        task = bar.add_task(short, total=total)
        try:
            yield lambda amount: bar.update(task, advance=amount)
        finally:
            bar.remove_task(task)
        return
    columns = (SpinnerColumn(), *Progress.get_default_columns(), TextColumn("left,"), TimeElapsedColumn())
    with own_stderr() as stream:
        screen = console(stderr=True, file=stream)
        bar = Progress(*columns, console=screen, transient=True)
        task = bar.add_task(short, total=total)
        once = partial(screen.print, f"{message} ...")
        timer = Timer(PATIENCE, bar.start if screen.is_terminal else once)
        timer.daemon = True
        timer.start()
        _shown.append(bar)
        try:
            yield lambda amount: bar.update(task, advance=amount)
        finally:
            _shown.remove(bar)
            timer.cancel()
            timer.join()  # it may be starting the bar just now
            if bar.live.is_started:  # else it would leave an empty line
                bar.stop()
