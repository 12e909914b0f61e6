"""One piece of work for many recordings, side by side; whatever becomes of one costs the others nothing."""

import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

from sentiprism.errors import UserError

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(
    work: Callable[[T], R], todo: Sequence[T], jobs: int = 1
) -> Generator[tuple[T, R | UserError], None, None]:
    """Each piece with what came of it, in the order in which they end.

    Args:
        work: a function of a module, called in a process of its own where ``jobs`` is above 1.
        todo: pieces of work that can be pickled.
        jobs: processes; a native crash in one of them costs its own piece alone.

    Yields:
        The piece, and its result or the reason why there is none.
    """
    attempt = partial(_attempt, work, alone=len(todo) <= 1)
    if jobs <= 1 or len(todo) <= 1:
        yield from ((piece, attempt(piece)) for piece in todo)
        return
    pool = _pool(min(jobs, len(todo)))
    try:
        futures = {pool.submit(attempt, piece): piece for piece in todo}
        for future in as_completed(futures):
            piece = futures[future]
            try:
                yield piece, future.result()
            except BrokenProcessPool:  # every pending piece is told so: each is given a process of its own
                yield piece, _alone(partial(attempt, piece))
    finally:
        pool.shutdown(cancel_futures=True)


def _attempt(work: Callable[[T], R], piece: T, *, alone: bool) -> R | UserError:
    """One piece; among others, a fault that nobody has foreseen is a reason like any other."""
    try:
        return work(piece)
    except UserError as error:
        return error
    except OSError as error:
        return UserError(f"{error.filename or piece}: {error.strerror or error}", "choose another place, or make room")
    except Exception as error:
        if alone:
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return UserError(f"it met an unforeseen fault ({reason})", "leave it out, and report this")


def _alone(call: Callable[[], R | UserError]) -> R | UserError:
    pool = _pool(1)
    try:
        return pool.submit(call).result()
    except BrokenProcessPool:
        return UserError("the process that read it ended", "it may be damaged, or there is too little memory")
    finally:
        pool.shutdown()


def _pool(processes: int) -> ProcessPoolExecutor:
    """Threads do not survive a fork; and where a person stops the work, its processes end without a word."""
    quiet = (signal.SIGINT, signal.SIG_DFL)
    return ProcessPoolExecutor(processes, get_context("spawn"), initializer=signal.signal, initargs=quiet)
