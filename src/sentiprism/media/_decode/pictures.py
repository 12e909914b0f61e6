"""Decode pictures at a chosen rate."""

import struct
from typing import Any

from av.sidedata.sidedata import Type
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from sentiprism.media._decode.messages import PICTURE, Kind, Voice, refuse
from sentiprism.media._decode.opening import decoded, opened, prepare

EARLY = 0.4
"""Frames by which one may come before its turn (a quarter of a step at most), so that jitter loses none."""
MATRIX = struct.Struct("=9i")


def pictures(task: dict[str, Any], voice: Voice) -> None:
    """Send the frames that ``task`` asks for: ``fps`` a second, ``longest`` pixels a side.

    Of the frames in a step of 1/fps seconds the first is kept; its time is its own, not the step's.

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
        for frame in decoded(recording, stream, limits["damage"], voice):
            if frame.pts is None:
                continue
            time = float(frame.pts * frame.time_base - recording.zero)
            step = int(time * task["fps"] + early) if time >= 0 else -1
            if step > last:
                last = step
                _send(frame, stream, time, task["longest"], reformatter, voice)
    voice.say(Kind.ANSWER, {})


def _send(frame: Any, stream: Any, time: float, longest: int, reformatter: Any, voice: Voice) -> None:
    width, height = display_size(frame, stream)
    scale = min(1.0, longest / max(width, height))
    width, height = (max(1, round(side * scale)) for side in (width, height))
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
    voice.send(Kind.PICTURE, picture, memoryview(plane)[: plane.line_size * height])


def display_size(frame: Any, stream: Any) -> tuple[int, int]:
    """Width and height in square pixels, before the frame is turned upright."""
    aspect = float(stream.sample_aspect_ratio or 1)
    return max(1, round(frame.width * (aspect if 1 / 4 <= aspect <= 4 else 1))), frame.height


def orientation(frame: Any) -> tuple[int, bool]:
    """What makes a frame upright: counterclockwise quarter turns, after mirroring left and right or not.

    The display matrix sends a step to the right to (a, b) and a step down to (c, d).
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
