"""The connection of a stream over a web socket: messages, errors, ends."""

import asyncio
from contextlib import suppress
from typing import Any, NamedTuple

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from sentiprism.errors import UserError
from sentiprism.serving.keys import Caller
from sentiprism.serving.problems import ProblemError
from sentiprism.serving.stream_messages import Finish, Finished, Ready, Start, StreamError, parse_message, parse_piece
from sentiprism.serving.streams import Stream, Streams
from sentiprism.types import Modality, TargetSpec

FIRST = 10.0
"""Seconds in which the first message must come."""
IDLE = 60.0
"""Seconds without a message after which a connection is closed."""
STALLED = 10.0
"""Seconds for which a client may not read its events."""
DONE, INVALID, REFUSED, FAILED, BUSY = 1000, 1003, 1008, 1011, 1013
"""Codes of a closed web socket (RFC 6455): finished; a message that is not understood; too slow, or an unknown stream;
the analysis failed; too many streams, or the connection of the stream to resume is not known to be lost yet."""
CODES = {400: INVALID, 409: BUSY, 422: INVALID, 500: FAILED, 429: BUSY, 503: BUSY}
"""Codes by status; `REFUSED` for all others."""


class StreamModel(NamedTuple):
    """The model of a connection's stream, as its client is told."""

    name: str
    target: TargetSpec
    modalities: tuple[Modality, ...]
    source: str | None = None
    """Folder or name that the worker loads; None = the worker has a model."""


async def connect(websocket: WebSocket, streams: Streams, caller: Caller, model: StreamModel) -> None:
    """Analyse the stream of an accepted connection until either side ends it; see ``/asyncapi.json``.

    Args:
        websocket: accepted.
        streams: that it is opened or resumed in.
        caller: whose stream it is.
        model: of a new stream.
    """
    try:
        opened, start = await _open(websocket, streams, caller, model)
    except WebSocketDisconnect:
        return
    except (UserError, ProblemError) as error:
        await refuse(websocket, error)
        return
    ended = False
    try:
        ended = await _connected(websocket, opened, start.after if start.resume is not None else 0)
    finally:
        streams.detach(opened, ended=ended)


async def refuse(websocket: WebSocket, error: UserError | ProblemError) -> None:
    """Close an accepted connection with an error."""
    await _end(websocket, _error(error))


async def _open(websocket: WebSocket, streams: Streams, caller: Caller, model: StreamModel) -> tuple[Stream, Start]:
    """Wait for the first message, and open or resume its stream."""
    start = await _receive(websocket, FIRST)
    if not isinstance(start, Start):
        raise UserError("the first message is not 'start'", "see /asyncapi.json")
    if start.resume is None:
        found = streams.open(caller, start.options, model.source)
    else:
        found = streams.resume(caller, start.resume)
    found.connected = True
    await found.opened()
    ready = Ready(
        token=found.token,
        resume_within=streams.resume_within,
        received=found.received,
        model=model.name,
        target=model.target,
        modalities=model.modalities,
    )
    with suppress(WebSocketDisconnect, RuntimeError):
        await websocket.send_text(ready.model_dump_json())
    return found, start


async def _connected(websocket: WebSocket, opened: Stream, after: int) -> bool:
    """Pass pieces and events on until either side ends; returns whether the stream has ended."""
    reading = asyncio.create_task(_read(websocket, opened))
    writing = asyncio.create_task(_write(websocket, opened, after))
    try:
        await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
        if writing.done() and writing.exception() is None:
            await _end(websocket, writing.result())
            return True
        failed = (writing if writing.done() else reading).exception()
        if isinstance(failed, UserError | ProblemError):
            await _end(websocket, _error(failed))
            return isinstance(failed, UserError)
        return False
    finally:
        for task in (reading, writing):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _read(websocket: WebSocket, opened: Stream) -> None:
    """Pass on what the client sends; ends with an error only."""
    patience: float | None = IDLE
    while True:
        message = await _receive(websocket, patience)
        if isinstance(message, bytes):
            if (wait := opened.caller.has_bytes(0)) is not None:
                cause = f"more than {opened.caller.entry.bytes_per_day} bytes in a day"
                raise ProblemError(429, cause, "try again tomorrow", retry=wait)
            await opened.put(parse_piece(message))
        elif isinstance(message, Finish):
            await opened.finish()
            patience = None  # nothing more is expected; pings notice a client that has gone
        else:
            raise UserError("the stream has started already", "send binary messages, or 'finish'")


async def _write(websocket: WebSocket, opened: Stream, after: int) -> StreamError | None:
    """Send events; returns the error that ended the stream, if any."""
    async for found in opened.events(after):
        if isinstance(found, StreamError):
            return found
        try:
            async with asyncio.timeout(STALLED):
                await websocket.send_text(found.model_dump_json())
        except TimeoutError:
            raise ProblemError(408, "events were not read in time", "read them, then resume the stream") from None
        if isinstance(found, Finished):
            break
    return None


async def _receive(websocket: WebSocket, seconds: float | None) -> bytes | Start | Finish:
    try:
        async with asyncio.timeout(seconds):
            message: dict[str, Any] = dict(await websocket.receive())
    except TimeoutError:
        raise ProblemError(408, f"no message came in {seconds:g} s", "send silence as sound") from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    data, text = message.get("bytes"), message.get("text")
    return data if data is not None else parse_message(text or "")


def _error(error: UserError | ProblemError) -> StreamError:
    status = error.status if isinstance(error, ProblemError) else 422
    return StreamError(status=status, cause=error.cause, remedy=error.remedy)


async def _end(websocket: WebSocket, error: StreamError | None) -> None:
    """Close the connection, with an error first if there is one; a client that does not read is not waited for."""
    if websocket.application_state is not WebSocketState.CONNECTED:
        return
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(1.0):
            if error is not None:
                await websocket.send_text(error.model_dump_json())
            code = DONE if error is None else CODES.get(error.status, REFUSED)
            await websocket.close(code, "" if error is None else error.cause[:100])
