"""The streams of a server: each has a worker, survives a lost connection for some seconds, and is bounded."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from secrets import token_urlsafe
from time import monotonic
from typing import Any

from sentiprism.errors import UserError
from sentiprism.machine import RECORDING, check_room
from sentiprism.serving.keys import Caller
from sentiprism.serving.problems import ProblemError
from sentiprism.serving.stream_messages import SOUND, Event, Finished, Piece, StreamError, StreamOptions
from sentiprism.serving.workers import Worker, WorkerFailedError

WAITING = 64
"""Most pieces that wait for the worker; a client that sends more is read no further."""
BATCH = 8
"""Most pieces of a worker's task."""
KEPT = 500
"""Events that are kept for a client that resumes."""
RESUME = 20.0
"""Seconds after a lost connection within which a stream can be resumed."""
CLOCK = 60.0
"""Seconds for which the arrival of sound is remembered, to measure delays."""
Sent = Event | Finished | StreamError


class Stream:
    """One stream, with or without a connection.

    Args:
        worker: of the kind ``stream``.
        caller: whose stream it is.
        given: task that opens it in the worker.
        ended: called when the worker is free again.
    """

    def __init__(
        self, worker: Worker, caller: Caller, given: dict[str, Any], ended: Callable[["Stream"], object]
    ) -> None:
        self.token, self.caller = token_urlsafe(24), caller
        self.received = 0.0
        """Seconds of sound that have arrived."""
        self.connected = self.ended = False
        self._worker, self._given, self._release = worker, given, ended
        self._waiting: asyncio.Queue[Piece | None] = asyncio.Queue(WAITING)
        self._seconds = 0.0
        """Seconds of sound that wait for the worker."""
        self._arrivals: deque[tuple[float, float]] = deque()
        self._kept: deque[Sent] = deque(maxlen=KEPT)
        self._count = 0
        self._news, self._opened = asyncio.Condition(), asyncio.Event()
        self._abandoned = False
        self.task = asyncio.create_task(self._run(), name="stream")

    async def opened(self) -> None:
        """Wait until its worker is loaded, or has failed."""
        await self._opened.wait()

    async def put(self, piece: Piece) -> None:
        """Add a piece; waits while too many are waiting."""
        arrived = monotonic()
        await self._waiting.put(piece)  # one whose connection is lost while it waits has not arrived
        self._seconds += piece.seconds
        if piece.kind == SOUND:
            end = (self.received if piece.time is None else piece.time) + piece.seconds
            self.received = max(self.received, end)  # sound that is sent again is skipped by the analysis
            self._arrivals.append((self.received, arrived))
            while self._arrivals[0][1] < arrived - CLOCK:
                self._arrivals.popleft()

    async def finish(self) -> None:
        """End the stream after the pieces that are waiting."""
        await self._waiting.put(None)

    def abandon(self) -> None:
        """End the stream without events: its client has gone."""
        self._abandoned = True
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)

    async def events(self, after: int) -> AsyncIterator[Sent]:
        """Yield the events after a sequence number as they come; the last one is `Finished` or `StreamError`."""
        while True:
            async with self._news:
                while self._count <= after and not self.ended:
                    await self._news.wait()
                new, after = max(self._count - after, 0), self._count
                found = list(self._kept)[max(len(self._kept) - new, 0) :]
            for one in found:
                yield one
            if self.ended and after >= self._count:
                return

    async def _run(self) -> None:
        try:
            await self._worker.ask(self._given)
            self._opened.set()
            while await self._work():
                pass
            await self._worker.ask({"close": True})
        except UserError as error:
            await self._tell([StreamError(status=422, cause=error.cause, remedy=error.remedy)])
        except WorkerFailedError as error:
            await self._tell(
                [StreamError(status=500, cause=f"the analysis failed: {error}", remedy="start a new stream")]
            )
        finally:
            self.ended = True
            self._opened.set()
            self._release(self)
            async with self._news:
                self._news.notify_all()

    async def _work(self) -> bool:
        """Send the pieces that are waiting to the worker; returns whether the stream continues."""
        pieces = [await self._waiting.get()]
        while len(pieces) < BATCH and pieces[-1] is not None and not self._waiting.empty():
            pieces.append(self._waiting.get_nowait())
        if self._abandoned:
            return False
        given = [piece for piece in pieces if piece is not None]
        self._seconds -= sum(piece.seconds for piece in given)
        finish = pieces[-1] is None
        task = {"pieces": [piece.to_task() for piece in given], "waiting": max(self._seconds, 0.0), "finish": finish}
        found = await self._worker.ask(task)
        made: list[Any] = [
            Event.model_validate({"sequence": 0, "delay": self._delay(event), "event": event})
            for event in found["events"]
        ]
        if finish:
            made.append(Finished(sequence=0, seconds=found["seconds"], pictures=found["pictures"]))
        await self._tell(made)
        return not finish

    async def _tell(self, made: Sequence[Sent]) -> None:
        async with self._news:
            for one in made:
                self._count += 1
                self._kept.append(
                    one if isinstance(one, StreamError) else one.model_copy(update={"sequence": self._count})
                )
            self._news.notify_all()

    def _delay(self, event: dict[str, Any]) -> float | None:
        """Seconds since the sound arrived in which what an event is about ends."""
        end = event.get("end")
        if event["type"] == "word" or end is None:
            return None
        arrived = next((at for second, at in self._arrivals if second >= end), None)
        return None if arrived is None else round(monotonic() - arrived, 3)


class Streams:
    """Streams of a server, at most one for each worker.

    Args:
        workers: of the kind ``stream``.
        asr: Whisper model by name or folder; ``none`` = no recognition.
        resume: seconds after a lost connection within which a stream can be resumed.
        keep: whether workers keep running after a stream, so that the next one begins at once.
    """

    def __init__(self, workers: Sequence[Worker], asr: str, resume: float = RESUME, *, keep: bool = True) -> None:
        self.resume_within, self._asr, self._keep = resume, asr, keep
        self._workers = list(workers)
        self._free = list(workers)
        self._streams: dict[str, Stream] = {}
        self._used: dict[str, Worker] = {}
        self._expiry: dict[str, asyncio.TimerHandle] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def running(self) -> int:
        """Streams that have a worker."""
        return len(self._used)

    def start(self) -> None:
        """Begin, in the running event loop."""
        self._loop = asyncio.get_running_loop()

    def open(self, caller: Caller, options: StreamOptions, model: str | None = None) -> Stream:
        """Open a new stream.

        Args:
            caller: whose stream it is.
            options: of the stream.
            model: folder or name of the model to load; None = that of the workers.

        Raises:
            ProblemError: no worker is free, or the caller has too many.
            UserError: there is too little memory for another worker.
        """
        if caller.jobs >= caller.entry.jobs:
            raise ProblemError(429, f"more than {caller.entry.jobs} analyses at a time", "end one first", retry=5)
        if not self._free:
            cause = f"{len(self._workers)} streams are running, no more are possible at a time"
            raise ProblemError(503, cause, "try again later", retry=10)
        if not self._free[-1].ready:
            purpose = "processes with the model"
            check_room("one more live stream", (self.running + 1) * RECORDING, purpose, "end another one first")
        worker = self._free.pop()  # the last one that was used is loaded
        if model is not None:
            worker.use(model)
        caller.jobs += 1
        given = {"open": options.model_dump(mode="json"), "asr": self._asr if options.recognition else "none"}
        stream = Stream(worker, caller, given, self._release)
        self._streams[stream.token], self._used[stream.token] = stream, worker
        return stream

    def resume(self, caller: Caller, token: str) -> Stream:
        """Find the stream of a client whose connection was lost.

        Raises:
            ProblemError: it is not known, or has a connection.
        """
        stream = self._streams.get(token)
        if stream is None or stream.caller is not caller:
            raise ProblemError(404, "the stream to resume is not known, or was lost too long ago", "start a new stream")
        if stream.connected:
            raise ProblemError(
                409, "the stream to resume still has a connection", "close it, or try again in some seconds"
            )
        if (timer := self._expiry.pop(token, None)) is not None:
            timer.cancel()
        return stream

    def detach(self, stream: Stream, *, ended: bool) -> None:
        """Keep a stream without a connection for some seconds, or forget it if it has ended."""
        stream.connected = False
        if ended:
            self._forget(stream)
        else:
            loop = asyncio.get_running_loop()
            self._expiry[stream.token] = loop.call_later(self.resume_within, self._forget, stream)

    async def finish(self) -> None:
        """End all streams, so that their clients receive the last events."""
        streams = list(self._streams.values())
        await asyncio.gather(*(stream.finish() for stream in streams if not stream.ended))
        await asyncio.gather(*(stream.task for stream in streams), return_exceptions=True)
        while any(stream.connected for stream in streams):
            await asyncio.sleep(0.05)

    def finish_from_thread(self, seconds: float) -> None:
        """End all streams from another thread; after so many seconds, those that are left are cut."""
        if self._loop is not None and self._loop.is_running() and self._streams:
            with suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(self.finish(), self._loop).result(seconds)

    async def close(self) -> None:
        """End all workers."""
        for stream in list(self._streams.values()):
            stream.task.cancel()
        for worker in self._workers:
            worker.kill()

    def _release(self, stream: Stream) -> None:
        if (worker := self._used.pop(stream.token, None)) is not None:
            if not self._keep:
                worker.kill()
            self._free.insert(len(self._free) if worker.ready else 0, worker)
            stream.caller.jobs -= 1

    def _forget(self, stream: Stream) -> None:
        self._streams.pop(stream.token, None)
        if (timer := self._expiry.pop(stream.token, None)) is not None:
            timer.cancel()
        if not stream.ended:
            stream.abandon()
