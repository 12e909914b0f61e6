"""Probe what a media file contains."""

import hashlib
import math
import os
from pathlib import Path
from typing import Any

from sentiprism.errors import UserError
from sentiprism.media._decode.messages import Kind
from sentiprism.media.limits import DEFAULT, Limits
from sentiprism.media.process import Child
from sentiprism.media.types import AudioStream, Media, VideoStream
from sentiprism.reading import open_regular

READING = 4e6
"""Bytes per second at which packets are read, with a wide margin."""


def probe(path: Path, limits: Limits = DEFAULT) -> Media:
    """Probe a media file by its content, not its name.

    Duration, size and rate are measured: all packets are read, and the first of each stream is decoded. Width and
    height are of the upright picture in square pixels. A stream without packets is ignored.

    Args:
        path: a recording.
        limits: limits of the recording and of the probing process.

    Raises:
        UserError: it is not a recording, is incomplete or beyond the limits, or PyAV is not installed.
    """
    with open_regular(path, limits.size, "recording") as fd:
        seconds = os.fstat(fd).st_size / READING / limits.effort
        with Child(path, fd, {"task": "look"}, limits, seconds=seconds) as child:
            result = next(child.json(body) for kind, body in child.messages() if kind is Kind.RESULT)
        os.lseek(fd, 0, os.SEEK_SET)
        with open(fd, "rb", closefd=False) as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    media = _media(path, content, result)
    if media is None or not 0 < media.duration <= limits.duration:
        raise UserError(f"{path} caused an invalid message from its decoder", "leave it out")
    return media


def _media(path: Path, content: str, result: Any) -> Media | None:
    """Validate the child's result, which a malicious file may control; None if it is invalid."""
    try:
        video, audio = result["video"], result["audio"]
        if video is not None:
            codec, width, height, fps = video
            video = VideoStream(str(codec), int(width), int(height), None if fps is None else float(fps))
        if audio is not None:
            codec, rate, channels = audio
            audio = AudioStream(str(codec), int(rate), int(channels))
        duration = float(result["duration"])
        return (
            Media(path, content, str(result["container"]), duration, video, audio) if math.isfinite(duration) else None
        )
    except (KeyError, TypeError, ValueError):
        return None
