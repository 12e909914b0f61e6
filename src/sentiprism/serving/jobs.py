"""Analyses as jobs: a bounded queue, workers, progress, cancelling; nothing outlives the server."""

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from sentiprism.errors import UserError
from sentiprism.serving.analyses import DOCUMENT
from sentiprism.serving.keys import Caller
from sentiprism.serving.problems import ProblemError
from sentiprism.serving.workers import Worker, WorkerFailedError

MOST_WAITING = 32
"""Jobs that wait; further ones are refused."""
KEEP = 3600.0
"""Seconds that the result of a job is kept."""
MOST_KEPT = 100
"""Results that are kept of a key; older ones are removed."""
STALLED = 900.0
"""Seconds without progress after which a job is ended."""
ENDED = frozenset(("done", "failed", "cancelled"))
UPLOADS = ("file.*", "transcript.*")


class JobState(BaseModel):
    """State of an analysis."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {"id": "4f1c2ab89d3e45f0a1b2c3d4e5f60718", "state": "running", "recording": "talk.mp4",
                 "progress": {"speech": 0.4, "faces": 0.2}, "result": None, "error": None}
            ]
        },
    )  # fmt: skip

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    recording: str
    progress: dict[str, float]
    """Fraction that is done of each part."""
    result: str | None
    """Address of the analysis, once it is done."""
    error: dict[str, str] | None
    """Cause and remedy, if it has failed."""


class Job:
    """One analysis.

    Args:
        caller: whose it is.
        folder: its own, which does not exist yet.
    """

    def __init__(self, caller: Caller, folder: Path) -> None:
        self.id = token_hex(16)
        self.caller, self.folder = caller, folder / self.id
        self.task: dict[str, Any] = {}
        """For the worker: ``folder``, ``file``, ``transcript``, ``name``, ``options``, ``asr``, ``duration``."""
        self.state: Literal["queued", "running", "done", "failed", "cancelled"] = "queued"
        self.progress: dict[str, float] = {}
        self.error: UserError | ProblemError | None = None
        self.changed = asyncio.Condition()
        self.version = 0

    @property
    def ended(self) -> bool:
        """Whether it will not change any more."""
        return self.state in ENDED

    def describe(self) -> JobState:
        """State for the client."""
        error = None if self.error is None else {"detail": self.error.cause, "remedy": self.error.remedy}
        return JobState(
            id=self.id,
            state=self.state,
            recording=self.task.get("name", ""),
            progress=self.progress,
            result=f"/v1/jobs/{self.id}/result" if self.state == "done" else None,
            error=error,
        )

    async def wait(self, version: int | None = None) -> None:
        """Wait until it has ended, or has changed since a version."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.ended or (version is not None and self.version != version))

    async def tell(self) -> None:
        """Wake those who wait."""
        self.version += 1
        async with self.changed:
            self.changed.notify_all()


class Jobs:
    """Queue of analyses and the workers that do them.

    Args:
        workers: of the kind ``analyze``.
        folder: of the jobs' own folders.
        waiting: most jobs that wait.
        keep: seconds that a result is kept.
    """

    def __init__(
        self, workers: Sequence[Worker], folder: Path, *, waiting: int = MOST_WAITING, keep: float = KEEP
    ) -> None:
        self.workers, self._folder, self._most, self._keep = workers, folder, waiting, keep
        self._jobs: dict[str, Job] = {}
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._loops: list[asyncio.Task[None]] = []

    @property
    def waiting(self) -> int:
        """Jobs that are uploaded or wait."""
        return sum(job.state == "queued" for job in self._jobs.values())

    @property
    def running(self) -> int:
        """Jobs that are worked on."""
        return len(self._running)

    def start(self) -> None:
        """Begin to work, in tasks of the running event loop."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._loops = [asyncio.create_task(self._serve(worker)) for worker in self.workers]

    async def close(self) -> None:
        """Cancel all jobs, and end the workers."""
        for job in list(self._jobs.values()):
            await self.remove(job)
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        for worker in self.workers:
            worker.kill()

    def open(self, caller: Caller) -> Job:
        """Make a job, whose files are then received.

        Raises:
            ProblemError: there are too many jobs, of the caller or of all.
        """
        if caller.jobs >= caller.entry.jobs:
            cause = f"{caller.jobs} analyses of this key are waiting or running"
            raise ProblemError(429, cause, "wait for one of them, or cancel it", retry=5)
        if self.waiting >= self._most:
            raise ProblemError(503, "too many analyses are waiting", "try again later", retry=30)
        ended = [job for job in self._jobs.values() if job.ended and job.caller is caller]
        for old in ended[: max(len(ended) - MOST_KEPT + 1, 0)]:
            self._forget(old)
        job = Job(caller, self._folder)
        job.folder.mkdir()
        self._jobs[job.id] = job
        caller.jobs += 1
        return job

    def submit(self, job: Job, task: dict[str, Any]) -> None:
        """Queue a job whose files are there."""
        job.task = {**task, "folder": str(job.folder)}
        self._queue.put_nowait(job)

    def find(self, identifier: str, caller: Caller) -> Job:
        """The job of an identifier.

        Raises:
            ProblemError: it is unknown, was removed, or belongs to another key.
        """
        job = self._jobs.get(identifier)
        if job is None or job.caller is not caller:
            remedy = f"results are kept for an hour, the last {MOST_KEPT} of a key; analyze it again"
            raise ProblemError(404, "this job is not known", remedy)
        return job

    def document(self, job: Job) -> bytes:
        """The analysis of a job that is done."""
        return (job.folder / DOCUMENT).read_bytes()

    async def remove(self, job: Job) -> None:
        """Cancel a job, if it has not ended, and remove its files."""
        self._jobs.pop(job.id, None)
        running = self._running.get(job.id)
        if running is not None:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
        if not job.ended:
            await self._end(job, "cancelled")
        shutil.rmtree(job.folder, ignore_errors=True)

    async def _serve(self, worker: Worker) -> None:
        """Do jobs one after another, each in a task that may be cancelled."""
        with suppress(UserError, WorkerFailedError):  # jobs report why
            await worker.start()
        while True:
            job = await self._queue.get()
            if job.ended:
                continue
            running = self._running[job.id] = asyncio.create_task(self._work(job, worker))
            try:
                await asyncio.wait({running})
            finally:
                running.cancel()
                self._running.pop(job.id, None)

    async def _work(self, job: Job, worker: Worker) -> None:
        job.state = "running"
        await job.tell()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(STALLED) as patience:

                def on(progress: dict[str, float]) -> None:
                    patience.reschedule(loop.time() + STALLED)
                    job.progress.update(progress)
                    telling = loop.create_task(job.tell())
                    tasks.add(telling)
                    telling.add_done_callback(tasks.discard)

                tasks: set[asyncio.Task[None]] = set()
                await worker.ask(job.task, on)
        except UserError as error:
            job.error = error
        except TimeoutError:
            job.error = ProblemError(500, "the analysis made no progress any more", "try a shorter recording")
        except WorkerFailedError as error:
            job.error = ProblemError(500, f"the worker failed: {error}", "check the file, or report it")
        await self._end(job, "done" if job.error is None else "failed")

    async def _end(self, job: Job, state: Literal["done", "failed", "cancelled"]) -> None:
        job.state = state
        job.caller.jobs -= 1
        for pattern in UPLOADS:
            for path in job.folder.glob(pattern):
                path.unlink(missing_ok=True)
        if job.id in self._jobs:
            asyncio.get_running_loop().call_later(self._keep, self._forget, job)
        await job.tell()

    def _forget(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        shutil.rmtree(job.folder, ignore_errors=True)
