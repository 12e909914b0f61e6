"""Take still pictures of a recording that browsers cannot play, or that is not to be shown itself."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from sentiprism.errors import UserError
from sentiprism.media.decode import frames
from sentiprism.media.limits import DEFAULT
from sentiprism.media.probe import probe
from sentiprism.media.types import Frame
from sentiprism.report.faces import blur_faces

SHOWN = frozenset({"h264", "vp8", "vp9", "av1"})
"""Codecs that all current browsers support, by FFmpeg's names; only some support HEVC."""
COUNT = 24
"""Pictures per recording: about 300 kB in total."""
RATE = 4.0
"""Most pictures per second."""
LONGEST, LARGE, SMALL = 400, 640, 240
"""Pixels of the longer side: usually; where faces are blurred, so that small ones are found; of a single picture."""
QUALITY = 5
"""Quantiser of the JPEG, from 1 (best) to 31."""


class Still(NamedTuple):
    """One picture."""

    time: float
    """Seconds from the start of the recording."""
    image: bytes
    """JPEG."""


def take_stills(
    path: Path, codec: str | None, duration: float, *, every: bool = False, blur: bool = False
) -> list[Still]:
    """Take pictures evenly over a recording whose video browsers cannot show; deterministic.

    Args:
        path: the recording.
        codec: its video codec, from `probe`; None = no video, or unknown.
        duration: its length in seconds.
        every: whatever the codec.
        blur: blur faces.

    Returns:
        Pictures in the order of time; [] if browsers support the codec, or it cannot be decoded.
    """
    if codec is None or (codec in SHOWN and not (every or blur)):
        return []
    found = list(_pictures(path, min(COUNT / max(duration, 0.1), RATE), LARGE if blur else LONGEST))
    return [Still(frame.time, encode_jpeg(frame)) for frame in (_blurred(path, found) if blur else found)]


def take_picture(path: Path, time: float, *, blur: bool = False) -> bytes | None:
    """Take one picture as JPEG: the first that is not earlier than ``time``, else the last one.

    Args:
        path: the recording, which has a video.
        time: seconds.
        blur: blur faces.

    Returns:
        The picture; None if the video cannot be decoded.
    """
    found = None
    with closing(_pictures(path, RATE, LARGE if blur else SMALL)) as pictures:
        for found in pictures:
            if found.time >= time:
                break
    if found is None:
        return None
    return encode_jpeg(next(iter(_blurred(path, [found]))) if blur else found)


def _pictures(path: Path, rate: float, longest: int) -> Generator[Frame, None, None]:
    """Yield pictures until the end, or until the recording is damaged."""
    try:
        with closing(frames(probe(path, DEFAULT), rate, longest)) as pictures:
            yield from pictures
    except UserError:
        return


def _blurred(path: Path, pictures: Sequence[Frame]) -> Iterator[Frame]:
    return blur_faces(probe(path, DEFAULT), pictures) if pictures else iter(())


def encode_jpeg(frame: Frame) -> bytes:
    """Encode a picture as JPEG."""
    import av

    height, width = frame.image.shape[:2]
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.qmin = encoder.qmax = QUALITY
    encoder.thread_count = 1
    encoder.time_base = encoder.framerate = 1
    picture = av.VideoFrame.from_ndarray(frame.image, "rgb24")
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
