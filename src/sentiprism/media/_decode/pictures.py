"""Decode pictures at a chosen rate."""

import struct
from typing import Any

from av.sidedata.sidedata import Type
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from sentiprism.media._decode.messages import PICTURE, Kind, MessageWriter, refuse
from sentiprism.media._decode.opening import decoded, opened, prepare

EARLY = 0.4
"""Frames (at most a quarter of a step) by which one may be early, so that jitter does not drop frames."""
MATRIX = struct.Struct("=9i")


def pictures(task: dict[str, Any], writer: MessageWriter) -> None:
    """Send frames as ``task`` says: at most ``fps`` per second, at most ``longest`` pixels per side.

    The first frame in each step of 1/fps seconds is sent, with its own time.

    Raises:
        RefusedError: the recording is damaged.
    """
    limits, last = task["limits"], -1
    reformatter = VideoReformatter()
    with opened(task["file"], limits["pixels"], limits["streams"]) as recording:
        stream = recording.video
        if stream is None:
            refuse("has no moving picture", "give a recording that has one")
        prepare(stream, limits["pixels"], task["threads"])
        rate = float(stream.average_rate or 0)
        early = min(0.25, EARLY * task["fps"] / rate) if rate > 0 else 0.25
        for frame in decoded(recording, stream, limits["damage"], writer):
            if frame.pts is None:
                continue
            time = float(frame.pts * frame.time_base - recording.zero)
            step = int(time * task["fps"] + early) if time >= 0 else -1
            if step > last:
                last = step
                size = display_size(frame, stream)
                send_picture(frame, size, writer, reformatter, time=time, longest=task["longest"])
    writer.send_json(Kind.RESULT, {})


def send_picture(
    frame: Any,
    size: tuple[int, int],
    writer: MessageWriter,
    reformatter: VideoReformatter,
    *,
    time: float,
    longest: int,
) -> None:
    """Send a frame as RGB.

    Args:
        frame: decoded.
        size: its width and height in square pixels.
        writer: of messages.
        reformatter: kept from frame to frame.
        time: seconds.
        longest: most pixels of the longer side.
    """
    scale = min(1.0, longest / max(size))
    width, height = (max(1, round(side * scale)) for side in size)
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
    turns, mirrored = orientation(frame)
    picture = PICTURE.pack(time, width, height, plane.line_size, turns, mirrored)
    writer.send(Kind.PICTURE, picture, memoryview(plane)[: plane.line_size * height])


def display_size(frame: Any, stream: Any) -> tuple[int, int]:
    """Width and height in square pixels, before rotation."""
    aspect = float(stream.sample_aspect_ratio or 1)
    return max(1, round(frame.width * (aspect if 1 / 4 <= aspect <= 4 else 1))), frame.height


def orientation(frame: Any) -> tuple[int, bool]:
    """Rotation that makes a frame upright: counterclockwise quarter turns, and whether to mirror left-right before.

    The display matrix maps a step to the right to (a, b) and a step down to (c, d).
    """
    data = frame.side_data.get(Type.DISPLAYMATRIX)
    if data is None or len(bytes(data)) != MATRIX.size:
        return 0, False
    a, b, _, c, d, *_ = MATRIX.unpack(bytes(data))
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    if abs(a) >= abs(b):
        return (0 if a >= 0 else 2), mirrored
    return (3 if b > 0 else 1), mirrored
