"""Progress bars on stderr for work that takes longer than two seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Timer
from typing import Any

from sentiprism.terminal import own_stderr

PATIENCE = 2.0
"""Seconds before a bar is shown."""
WIDE = 30
"""Most characters of a message on a bar: a long file name would leave no room for the remaining time."""
_shown: list[Any] = []
"""The running bar; nested progress becomes a line of it, since a terminal can show only one."""


def announce(message: str) -> None:
    """Print a line on stderr at once, above a running bar."""
    from sentiprism.screen import clean, console

    with own_stderr() as stream:
        screen = _shown[-1].console if _shown else console(stderr=True, file=stream)
        screen.print(clean(message), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress(message: str, total: float | None = None) -> Iterator[Callable[[float], None]]:
    """Context that yields ``advance(amount)``; a progress bar appears after two seconds.

    If stderr is not a terminal (a log file), the message is printed once instead.

    Args:
        message: description of the work.
        total: total amount, or None if unknown.
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
            timer.join()  # it may be starting the bar right now
            if bar.live.is_started:  # otherwise it would leave an empty line
                bar.stop()
