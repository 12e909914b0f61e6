"""Routes: analyses of recordings, at once or as jobs."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sentiprism.analysis.inputs import ROWS, SUFFIXES, TEXTS
from sentiprism.analysis.speakers import needs_voices
from sentiprism.assets.registry import is_here
from sentiprism.errors import UserError
from sentiprism.media.voices import VOICE_ENCODER
from sentiprism.report.schema import Document
from sentiprism.serving.analyses import AnalyzeOptions
from sentiprism.serving.guard import ANALYZE
from sentiprism.serving.jobs import Job, JobState
from sentiprism.serving.multipart import Field as FileField
from sentiprism.serving.multipart import receive_files
from sentiprism.serving.predict_routes import unless_gone
from sentiprism.serving.problems import ProblemError, described
from sentiprism.serving.service import Service, caller_of, service_of
from sentiprism.web.uploads import check_space

router = APIRouter()
TRANSCRIPT = 16 * 2**20
"""Bytes of a transcript, as in `sentiprism.reading`."""
SILENCE = 15.0
"""Seconds after which a comment is sent, by which a connection that is gone is noticed."""
IDENTIFIER = r"^[0-9a-f]{32}$"
FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "Video, sound or text."},
                        "transcript": {"type": "string", "format": "binary", "description": "SRT, VTT, JSON or TXT."},
                    },
                }
            }
        },
    }
}


class AnalyzeQuery(AnalyzeOptions):
    """Settings of an analysis, and whether to wait for it."""

    wait: Literal["true", "false"] = "true"
    """``false`` = a job at once; a long analysis becomes one in any case."""


@router.post(
    ANALYZE,
    tags=["analyze"],
    openapi_extra=FORM,
    response_model=Document,
    responses={
        202: {"model": JobState, "description": "A job; its address is in the header Location."},
        **described(400, 415, 422, 507),
    },
)
async def analyze(request: Request, query: Annotated[AnalyzeQuery, Query()]) -> Response:
    """Analyse a recording or text; the result is the analysis.json of `sentiprism analyze`."""
    service = service_of(request)
    job = service.jobs.open(caller_of(request))
    try:
        service.jobs.submit(job, await _receive(request, service, job, query))
        if query.wait == "true":
            await unless_gone(request, _wait(job, service.wait))
    except BaseException:
        await service.jobs.remove(job)
        raise
    if not job.ended:
        return Response(
            job.describe().model_dump_json(), 202, {"Location": f"/v1/jobs/{job.id}"}, media_type="application/json"
        )
    try:
        return await _result(service, job)
    finally:
        await service.jobs.remove(job)


async def _receive(request: Request, service: Service, job: Job, query: AnalyzeQuery) -> dict[str, Any]:
    """Receive the files of a request; returns the task of its job."""
    if not service.card.recordings:
        cause = "the model's features cannot be made from recordings"
        raise ProblemError(422, cause, "send features to /v1/predict")
    if needs_voices(query.speakers) and not is_here(VOICE_ENCODER):  # the server fetches nothing for a client
        cause = "the server cannot tell speakers apart: its voice encoder is not installed"
        raise ProblemError(422, cause, f"leave out speakers, or run there: sentiprism doctor --fetch {VOICE_ENCODER}")
    fields = {
        "file": FileField(SUFFIXES | {*TEXTS, ROWS}, service.upload),
        "transcript": FileField(frozenset(TEXTS), TRANSCRIPT),
    }
    length = request.headers.get("content-length", "0")
    try:
        check_space(job.folder, int(length), service.free, "try again later")
        files = await receive_files(request, job.folder, fields)
    except UserError as error:
        raise ProblemError(507, error.cause, error.remedy) from None
    except OSError as error:
        raise ProblemError(507, f"the file cannot be stored ({error.strerror})", "try again later") from None
    if "file" not in files:
        raise ProblemError(422, "the form has no field 'file'", "send the recording as the field 'file'")
    transcript = files.get("transcript")
    return {
        "file": files["file"].file,
        "name": files["file"].name,
        "transcript": None if transcript is None else transcript.file,
        "options": query.model_dump(mode="json", exclude={"wait"}),
        "asr": service.asr,
        "duration": service.duration,
    }


async def _wait(job: Job, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await job.wait()
    except TimeoutError:
        pass


async def _result(service: Service, job: Job) -> Response:
    """The analysis of a job that has ended, or its error."""
    if isinstance(job.error, UserError | ProblemError):
        raise job.error
    if job.state != "done":
        raise ProblemError(404, f"the job is {job.state}", "wait until it is done")
    return Response(await run_sync(service.jobs.document, job), media_type="application/json")


Identifier = Annotated[str, Field(pattern=IDENTIFIER)]


@router.get("/v1/jobs/{identifier}", tags=["jobs"], responses=described(404, 422))
async def job_state(request: Request, identifier: Identifier) -> JobState:
    """State of a job."""
    return service_of(request).jobs.find(identifier, caller_of(request)).describe()


@router.get("/v1/jobs/{identifier}/result", tags=["jobs"], responses=described(404, 422), response_model=Document)
async def job_result(request: Request, identifier: Identifier) -> Response:
    """Analysis of a job that is done; of one that has failed, its error."""
    service = service_of(request)
    return await _result(service, service.jobs.find(identifier, caller_of(request)))


@router.delete("/v1/jobs/{identifier}", tags=["jobs"], status_code=204, responses=described(404, 422))
async def cancel(request: Request, identifier: Identifier) -> None:
    """Cancel a job, or remove its result."""
    service = service_of(request)
    await service.jobs.remove(service.jobs.find(identifier, caller_of(request)))


@router.get(
    "/v1/jobs/{identifier}/events",
    tags=["jobs"],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}, **described(404, 422)},
)
async def events(request: Request, identifier: Identifier) -> StreamingResponse:
    """Progress of a job as server-sent events `job`, until it has ended; each has its state."""
    service = service_of(request)
    job = service.jobs.find(identifier, caller_of(request))
    return StreamingResponse(_stream(service, job), media_type="text/event-stream")


async def _stream(service: Service, job: Job) -> AsyncIterator[str]:
    while True:
        version = job.version
        yield f"event: job\ndata: {json.dumps(job.describe().model_dump())}\n\n"
        if job.ended:
            return
        while job.version == version:
            if service.closing:
                return
            try:
                async with asyncio.timeout(SILENCE):
                    await job.wait(version)
            except TimeoutError:
                yield ": nothing\n\n"
