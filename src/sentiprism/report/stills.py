"""Take still pictures of a recording that browsers cannot play."""

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from sentiprism.errors import UserError
from sentiprism.media.decode import frames
from sentiprism.media.limits import DEFAULT
from sentiprism.media.probe import probe
from sentiprism.media.types import Frame

SHOWN = frozenset({"h264", "vp8", "vp9", "av1"})
"""Codecs that all current browsers support, by FFmpeg's names; only some support HEVC."""
COUNT = 24
"""Pictures per recording: about 300 kB in total."""
RATE = 4.0
"""Most pictures per second."""
LONGEST = 400
"""Pixels of the longer side."""
QUALITY = 5
"""Quantiser of the JPEG, from 1 (best) to 31."""


class Still(NamedTuple):
    """One picture."""

    time: float
    """Seconds from the start of the recording."""
    image: bytes
    """JPEG."""


def take_stills(path: Path, codec: str | None, duration: float) -> list[Still]:
    """Take pictures evenly over a recording whose video browsers cannot show; deterministic.

    Args:
        path: the recording.
        codec: its video codec, from `probe`; None = no video, or unknown.
        duration: its length in seconds.

    Returns:
        Pictures in the order of time; [] if browsers support the codec, or it cannot be decoded.
    """
    if codec is None or codec in SHOWN:
        return []
    found: list[Still] = []
    try:
        media = probe(path, DEFAULT)
        with closing(frames(media, min(COUNT / max(duration, 0.1), RATE), LONGEST)) as pictures:
            found.extend(Still(frame.time, encode_jpeg(frame)) for frame in pictures)
    except UserError:  # damaged towards its end: use the pictures before
        pass
    return found


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
