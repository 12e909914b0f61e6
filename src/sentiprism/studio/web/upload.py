"""Uploads: one file a request, streamed to the disk under a name of ours, within limits."""

import asyncio
import hashlib
from pathlib import Path
from urllib.parse import unquote

from anyio.to_thread import run_sync
from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from sentiprism.errors import UserError
from sentiprism.studio.recordings import suffix_of
from sentiprism.studio.web.guard import UPLOAD
from sentiprism.studio.web.state import Studio, studio_of
from sentiprism.web.uploads import Limits, blocks, check_space, clean_name, finish, too_large, write

router = APIRouter()
AT_ONCE = 4
"""Uploads at the same time; browsers are told to wait with more."""


@router.post(UPLOAD)
async def upload(request: Request) -> Response:
    """Take one file: its bytes are the body, its name is in a header."""
    studio, limits, running = studio_of(request), request.app.state.limits, request.app.state.uploads
    if running.locked():
        return _refuse(503, "several files are being uploaded", "wait for them, then try again")
    async with running:
        try:
            name = clean_name(unquote(request.headers.get("x-file-name", "")[:2000]))
            to_import = request.headers.get("x-file-for") == "data"
            if to_import:
                studio.data_files.check(name)
            else:
                suffix_of(name)
                await run_sync(studio.recordings.check_room)
            _check_size(request, studio, limits)
            path = studio.recordings.new_upload()
            content = await _receive(request, path, limits)
            if to_import:
                made, known = await run_sync(studio.data_files.add, path, name, content)
                return JSONResponse({"id": made.id, "name": made.name, "duplicate": known})
            added = await run_sync(studio.recordings.add, path, name, content)
        except UserError as error:
            return _refuse(422, error.cause, error.remedy)
        except OSError as error:
            return _refuse(507, f"the file cannot be stored: {error.strerror or error}", "make room on the disk")
    return JSONResponse({"id": added.row.id, "name": added.row.name, "duplicate": added.duplicate})


def _refuse(status: int, cause: str, remedy: str) -> Response:
    return JSONResponse({"cause": cause, "remedy": remedy}, status)


def _check_size(request: Request, studio: Studio, limits: Limits) -> None:
    length = request.headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        raise UserError("the length of the file is not known", "add it from the page of recordings")
    if int(length[:20]) > limits.size:
        raise too_large(limits)
    remedy = "empty the bin, or make room elsewhere"
    check_space(studio.recordings.folder, int(length[:20]), limits.free, remedy)


async def _receive(request: Request, path: Path, limits: Limits) -> str:
    """Write the body to a file; its SHA-256. Nothing is left of one that is cut off."""
    digest, count = hashlib.sha256(), 0
    try:
        with path.open("xb") as file:
            async with asyncio.timeout(limits.seconds):
                async for block in blocks(request, limits.silence):
                    count += len(block)
                    if count > limits.size:
                        raise too_large(limits)
                    await write(file, block)
                    digest.update(block)
            await finish(file)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, TimeoutError):
            raise UserError("the upload took too long, or nothing came any more", "try again") from None
        if isinstance(error, ClientDisconnect):
            raise HTTPException(400, "The upload was cut off.") from None
        raise
    if not count:
        path.unlink(missing_ok=True)
        raise UserError("the file is empty", "get a whole copy of it")
    return digest.hexdigest()
