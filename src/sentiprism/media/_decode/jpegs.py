"""Decode JPEG pictures that arrive one after the other."""

import os
from typing import Any

import av
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from sentiprism.media._decode.messages import LENGTH, PICTURE, Kind, MessageWriter


def jpegs(task: dict[str, Any], writer: MessageWriter) -> None:
    """Decode pictures from the pipe ``task["file"]`` until its end; send each, or `Kind.BROKEN`.

    Each is scaled as pictures of a recording, and decoded independently of those before it.
    """
    reformatter = VideoReformatter()
    while len(header := _read(task["file"], LENGTH.size)) == LENGTH.size:
        data = _read(task["file"], LENGTH.unpack(header)[0])
        try:
            frame = _decode(data, task["limits"]["pixels"])
            _send(frame, task["longest"], reformatter, writer)
        except (av.FFmpegError, ValueError, IndexError):
            writer.send(Kind.BROKEN)
    writer.send_json(Kind.RESULT, {})


def _decode(data: bytes, pixels: int) -> Any:
    decoder = av.CodecContext.create("mjpeg", "r")
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(pixels), "err_detect": "explode"}
    return [*decoder.decode(av.Packet(data)), *decoder.decode(None)][0]


def _send(frame: Any, longest: int, reformatter: VideoReformatter, writer: MessageWriter) -> None:
    scale = min(1.0, longest / max(frame.width, frame.height))
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    rgb = reformatter.reformat(
        frame,
        width,
        height,
        "rgb24",
        interpolation=Interpolation.BILINEAR,
        dst_color_range=ColorRange.JPEG,
        threads=1,
    )
    plane = rgb.planes[0]
    header = PICTURE.pack(0.0, width, height, plane.line_size, 0, False)
    writer.send(Kind.PICTURE, header, memoryview(plane)[: plane.line_size * height])


def _read(fd: int, size: int) -> bytes:
    """Read ``size`` bytes, or less at the end."""
    parts = []
    while size and (part := os.read(fd, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
