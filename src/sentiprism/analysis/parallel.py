"""One piece of work for many recordings, side by side; whatever becomes of one costs the others nothing."""

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
    if jobs <= 1 or len(todo) <= 1:
        yield from ((piece, _attempt(work, piece)) for piece in todo)
        return
    pool = _pool(min(jobs, len(todo)))
    try:
        futures = {pool.submit(_attempt, work, piece): piece for piece in todo}
        for future in as_completed(futures):
            piece = futures[future]
            try:
                yield piece, future.result()
            except BrokenProcessPool:  # every pending piece is told so: each is given a process of its own
                yield piece, _alone(partial(_attempt, work, piece))
    finally:
        pool.shutdown(cancel_futures=True)


def _attempt(work: Callable[[T], R], piece: T) -> R | UserError:
    try:
        return work(piece)
    except UserError as error:
        return error
    except OSError as error:
        return UserError(f"{error.filename or piece}: {error.strerror or error}", "choose another place, or make room")


def _alone(call: Callable[[], R | UserError]) -> R | UserError:
    pool = _pool(1)
    try:
        return pool.submit(call).result()
    except BrokenProcessPool:
        return UserError("the process that read it ended", "it may be damaged, or there is too little memory")
    finally:
        pool.shutdown()


def _pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"))  # threads do not survive a fork
