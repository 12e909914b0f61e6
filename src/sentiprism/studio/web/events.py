"""Server-sent events: which jobs have changed."""

import asyncio
import json
from collections.abc import AsyncIterator
from time import monotonic

from anyio.to_thread import run_sync
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import StreamingResponse

from sentiprism.studio.web.job_views import versions
from sentiprism.studio.web.state import Studio, studio_of

router = APIRouter()
EVERY = 0.6
"""Seconds between two looks."""
SILENCE = 15.0
"""Seconds after which a comment is sent, by which a dead connection is noticed."""
LONGEST = 3600.0
"""Seconds of a stream; the browser opens another."""


@router.get("/events")
async def events(request: Request) -> StreamingResponse:
    """Stream the version of each job that runs or has just ended, whenever it changes."""
    return StreamingResponse(_stream(request, studio_of(request)), media_type="text/event-stream")


async def _stream(request: Request, studio: Studio) -> AsyncIterator[str]:
    known: dict[str, str] = {}
    begun = last = monotonic()
    yield "retry: 2000\n\n"
    while not studio.closing and monotonic() - begun < LONGEST and not await request.is_disconnected():
        found = await run_sync(versions, studio)
        changed = {job: version for job, version in found.items() if known.get(job) != version}
        if changed:
            yield f"data: {json.dumps(changed)}\n\n"
            last = monotonic()
        elif monotonic() - last > SILENCE:
            yield ": nothing\n\n"
            last = monotonic()
        known = found
        await asyncio.sleep(EVERY)
