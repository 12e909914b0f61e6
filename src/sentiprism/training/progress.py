"""Show the progress of a training."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from sentiprism.errors import UserError
from sentiprism.extras import install_extra
from sentiprism.screen import console
from sentiprism.training.selection import epoch_label

Log = Callable[[dict[str, Any]], None]
"""Callback that gets each epoch's record of metrics.jsonl."""


class TrainingProgress:
    """Context that shows progress bars and messages of a training.

    Args:
        quiet: show nothing (tests, processes other than the first).
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = console(stderr=True, quiet=quiet)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[status]}", markup=False),
            TimeRemainingColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task: TaskID | None = None
        self._title = ""

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def note(self, message: str) -> None:
        """Print a line above the progress bar."""
        self._console.print(Text(message), soft_wrap=True)

    def seed(self, title: str, steps: int, done: int) -> None:
        """Start the bar of a seed, with ``done`` of its ``steps`` done."""
        self._title = title
        self._task = self._bar.add_task(title, total=steps, completed=done, status="")

    def step(self) -> None:
        """Advance by one step."""
        if self._task is not None:
            self._bar.advance(self._task)

    def epoch(self, row: dict[str, Any], select: str) -> None:
        """Show a finished epoch; ``row`` is its record of metrics.jsonl."""
        valid = row["valid"][select]
        place = epoch_label(row) if "solution" in row else f"epoch {row['epoch']:>2}"
        status = f"{place}  train loss {row['train']['total']:.4f}  valid {select} {valid:.4f}"
        status += "  best so far" if row["best"] else ""
        if self._task is not None:
            self._bar.update(self._task, status=status)
        if not self._console.is_terminal:
            self._console.print(f"{self._title}  {status}  ({row['seconds']:.0f} s)")

    def finish(self, message: str) -> None:
        """Finish the bar of a seed."""
        if self._task is not None:
            self._bar.update(self._task, total=1, completed=1, status=message)
        if not self._console.is_terminal:
            self._console.print(f"{self._title}  {message}")


@contextmanager
def log_curves(folder: Path | None) -> Iterator[Log]:
    """Context that yields a logger to TensorBoard files in ``folder``; it does nothing for None.

    Raises:
        UserError: TensorBoard is not installed.
    """
    if folder is None:
        yield lambda _: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError("TensorBoard is not installed", install_extra("tensorboard")) from None
    with SummaryWriter(str(folder / "tensorboard")) as writer:

        def log(row: dict[str, Any]) -> None:
            for part in ("train", "valid", "valid_losses", "weights_kl"):
                for name, value in row[part].items():
                    writer.add_scalar(f"{part}/{name}", value, row["epoch"])

        yield log
