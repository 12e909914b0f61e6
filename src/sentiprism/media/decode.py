"""Stream the pictures and the sound of a recording."""

import math
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.media._decode.messages import PICTURE, Kind
from sentiprism.media.limits import DEFAULT, Limits
from sentiprism.media.process import Child
from sentiprism.media.types import Frame, Media
from sentiprism.reading import open_regular

ALIGNMENT = 128
"""Most bytes of padding of a line of pixels."""
SLACK = 60.0
"""Seconds that sound may continue after the measured end of its packets."""


def frames(
    media: Media, fps: float = 10.0, longest: int = 640, limits: Limits = DEFAULT
) -> Generator[Frame, None, None]:
    """Decode pictures in the order of time while they are read; the decoder is at most a few frames ahead.

    The first frame of every step of 1/fps seconds is returned with its own time. Times count from the start of the
    picture or sound, whichever is first. Frames are upright, in square pixels, and never enlarged.

    Args:
        media: result of `probe`.
        fps: most frames per second.
        longest: most pixels of the longer side.
        limits: of the decoding process.

    Returns:
        A generator; closing it (``with contextlib.closing(frames(...)) as pictures``) ends the decoder.

    Raises:
        UserError: the recording has no picture; or, after its decodable frames, it is damaged.
    """
    if media.video is None:
        raise UserError(f"{media.path} has no moving picture", "give a recording that has one")
    if not (0 < fps < math.inf and longest > 0):
        raise ValueError(f"frames at {fps} a second, {longest} pixels a side")
    return _frames(media, fps, longest, limits)


def _frames(media: Media, fps: float, longest: int, limits: Limits) -> Generator[Frame, None, None]:
    task = {"task": "pictures", "fps": fps, "longest": longest}
    last = -math.inf
    with (
        open_regular(media.path, limits.size, "recording") as fd,
        Child(media.path, fd, task, limits, seconds=media.duration) as child,
    ):
        for kind, body in child.messages(largest=longest * (3 * longest + ALIGNMENT)):
            if kind is Kind.PICTURE:
                frame = read_picture(body, longest)
                if frame is None or not last < frame.time <= limits.duration:
                    raise UserError(f"{media.path} caused an invalid message from its decoder", "leave it out")
                last = frame.time
                yield frame
    if last < 0:
        raise UserError(f"{media.path} yielded no picture", "leave it out")


def read_picture(body: bytearray, longest: int) -> Frame | None:
    """Get the upright picture of a message; None if it is invalid."""
    if len(body) < PICTURE.size:
        return None
    time, width, height, line, turns, mirrored = PICTURE.unpack_from(body)
    if not (0 < width <= longest and 0 < height <= longest and 3 * width <= line and math.isfinite(time)):
        return None
    if len(body) != PICTURE.size + line * height:
        return None
    lines = np.frombuffer(body, np.uint8, offset=PICTURE.size).reshape(height, line)
    image = lines[:, : 3 * width].reshape(height, width, 3)
    image = np.rot90(image[:, ::-1] if mirrored else image, turns)
    return Frame(time, np.ascontiguousarray(image))


def sound(
    media: Media,
    rate: int = 16000,
    folder: Path | None = None,
    limits: Limits = DEFAULT,
    watch: Callable[[float], object] = lambda _: None,
) -> npt.NDArray[np.int16]:
    """Decode all sound to one channel, memory-mapped from disk, so that memory does not grow with the recording.

    Sample k is the sound at k / rate seconds; times count from the start of the picture or sound, whichever is first.
    Gaps and a late start are silent.

    Args:
        media: result of `probe`.
        rate: Hz.
        folder: folder of the unnamed temporary file, by default the system's; the file is deleted with the array.
        limits: of the decoding process.
        watch: called once a second with the number of seconds done.

    Returns:
        (n,) int16, read-only.

    Raises:
        UserError: the recording has no sound or is damaged; no file is left.
    """
    if media.audio is None:
        raise UserError(f"{media.path} has no sound", "give a recording that has sound")
    most = media.duration + SLACK
    with open_regular(media.path, limits.size, "recording") as fd, tempfile.TemporaryFile(dir=folder) as file:
        task: dict[str, Any] = {"task": "samples", "rate": rate, "output": file.fileno(), "duration": most}
        size = math.ceil(most * rate) * 2
        own = [file.fileno()]
        with Child(media.path, fd, task, limits, seconds=media.duration, output_bytes=size, pass_fds=own) as child:
            for kind, body in child.messages():
                if kind is Kind.ALIVE:
                    watch(float(child.json(body)))
        length = file.seek(0, 2) // 2
        if not length:
            raise UserError(f"{media.path} has a sound stream without samples", "remove its sound")
        return np.memmap(file, np.int16, "r", shape=(length,))
