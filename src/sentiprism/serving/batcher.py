"""Batches across requests: samples that arrive within milliseconds are predicted together."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sentiprism.errors import UserError
from sentiprism.reading import MB
from sentiprism.serving.problems import ProblemError
from sentiprism.serving.samples import Item
from sentiprism.serving.workers import Worker, WorkerFailedError

SIZE = 32
"""Most samples of a batch."""
WAIT = 0.005
"""Seconds that the first sample of a batch waits for others."""
MOST = 1024
"""Most samples that wait; further requests are refused."""
MOST_BYTES = 64 * MB
"""Most bytes of requests that wait; as Python objects they take about twenty times as much."""
Waiting = tuple[Item, "asyncio.Future[dict[str, Any]]"]


class Batcher:
    """Collects samples of several requests into batches for one worker.

    A sample has the same prediction in any batch, up to rounding of the arithmetic.

    Args:
        worker: of the kind ``predict``.
        size: most samples of a batch.
        wait: seconds that the first sample of a batch waits for others.
        most: most samples that wait.
    """

    def __init__(self, worker: Worker, *, size: int = SIZE, wait: float = WAIT, most: int = MOST) -> None:
        self.worker, self._size, self._wait, self._most = worker, size, wait, most
        self._waiting: deque[Waiting] = deque()
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._bytes = 0
        self.batches = self.samples = 0
        """Batches and samples so far."""

    @property
    def queued(self) -> int:
        """Samples that wait."""
        return len(self._waiting)

    def start(self) -> None:
        """Begin to work, in a task of the running event loop."""
        self._task = asyncio.create_task(self._run(), name="batcher")

    async def close(self) -> None:
        """Stop, and end the worker."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self.worker.kill()
        for _, future in self._waiting:
            future.cancel()

    async def predict(self, items: Sequence[Item], size: int = 0) -> list[dict[str, Any]]:
        """Wait for the predictions of samples; if this is cancelled, those that still wait are left out.

        Args:
            items: the samples.
            size: bytes of their request.

        Raises:
            ProblemError: too many samples wait, or the worker cannot be used.
            UserError: a sample cannot be predicted.
        """
        if len(self._waiting) + len(items) > self._most or self._bytes + size > MOST_BYTES:
            raise ProblemError(503, "too many samples are waiting", "try again later", retry=1)
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in items]
        self._waiting.extend(zip(items, futures, strict=True))
        self._arrived.set()
        self._bytes += size
        try:
            return list(await asyncio.gather(*futures))
        finally:
            self._bytes -= size
            for future in futures:
                future.cancel()

    async def _run(self) -> None:
        with suppress(UserError, WorkerFailedError):  # requests report why
            await self.worker.start()
        while True:
            await self._arrived.wait()
            if len(self._waiting) < self._size:
                await asyncio.sleep(self._wait)
            batch: list[Waiting] = []
            while self._waiting and len(batch) < self._size:
                one = self._waiting.popleft()
                if not one[1].done():  # else its client has gone
                    batch.append(one)
            if not self._waiting:
                self._arrived.clear()
            if batch:
                await self._predict(batch)

    async def _predict(self, batch: list[Waiting], attempts: int = 2) -> None:
        """Predict a batch; after an error each sample alone, so that only the one that caused it fails.

        Args:
            batch: samples with the futures of their predictions.
            attempts: how often a sample that is alone is tried if the worker fails, which it may for other reasons.
        """
        try:
            found = await self.worker.ask({"items": [item for item, _ in batch]})
        except (UserError, WorkerFailedError) as error:
            if len(batch) > 1:
                for one in batch:
                    if not one[1].done():
                        await self._predict([one])
            elif isinstance(error, WorkerFailedError) and attempts > 1:
                await self._predict(batch, attempts - 1)
            elif not batch[0][1].done():
                batch[0][1].set_exception(error if isinstance(error, UserError) else _failed(error))
            return
        self.batches += 1
        self.samples += len(batch)
        for (_, future), prediction in zip(batch, found, strict=True):
            if not future.done():
                future.set_result(prediction)


def _failed(error: WorkerFailedError) -> ProblemError:
    return ProblemError(500, f"the worker failed: {error}", "check the sample, or report it")
