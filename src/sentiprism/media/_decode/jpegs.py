"""Decode JPEG pictures that arrive one after the other."""

import os
from typing import Any

import av
from av.video.reformatter import VideoReformatter

from sentiprism.media._decode.messages import LENGTH, Kind, MessageWriter
from sentiprism.media._decode.pictures import send_picture


def jpegs(task: dict[str, Any], writer: MessageWriter) -> None:
    """Decode pictures from the pipe ``task["file"]`` until its end; send each, or `Kind.BROKEN`.

    Each is scaled as pictures of a recording, and decoded independently of those before it.
    """
    reformatter = VideoReformatter()
    while len(header := _read(task["file"], LENGTH.size)) == LENGTH.size:
        data = _read(task["file"], LENGTH.unpack(header)[0])
        try:
            frame = _decode(data, task["limits"]["pixels"])
            send_picture(frame, (frame.width, frame.height), writer, reformatter, time=0.0, longest=task["longest"])
        except (av.FFmpegError, ValueError, IndexError):
            writer.send(Kind.BROKEN)
    writer.send_json(Kind.RESULT, {})


def _decode(data: bytes, pixels: int) -> Any:
    decoder = av.CodecContext.create("mjpeg", "r")
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(pixels), "err_detect": "explode"}
    return [*decoder.decode(av.Packet(data)), *decoder.decode(None)][0]


def _read(fd: int, size: int) -> bytes:
    """Read ``size`` bytes, or less at the end."""
    parts = []
    while size and (part := os.read(fd, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
