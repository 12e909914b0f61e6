"""Make the source of a page's player: a recording that browsers can play, or its sound alone."""

import io
from base64 import b64encode
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from sentiprism.media.decode import sound
from sentiprism.media.probe import probe
from sentiprism.media.speech import RATE as SPEECH

EMBEDDED = 25 * 2**20
"""Largest size in bytes of an embedded recording; a larger one is a separate file."""
BIT_RATE = 48_000
"""Bits per second of sound without its picture: 25 MB are more than an hour."""
BLOCK = 16_000
"""Samples that are encoded at once."""
HEAD = 64
"""Bytes at the start that identify a container; Matroska's document type is within them."""


class Source(NamedTuple):
    """Source of the page's player."""

    url: str
    """A data: URI, or a relative link."""
    embedded: bool


def media_type(path: Path) -> str | None:
    """Detect the media type from the content; None if browsers cannot play it."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head[4:8] == b"ftyp":
        return "audio/mp4" if head[8:11] in {b"M4A", b"M4B"} else "video/mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"webm" in head else "video/x-matroska"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:  # frame of MPEG audio, layer III
        return "audio/mpeg"
    starts = {b"OggS": "video/ogg", b"ID3": "audio/mpeg", b"fLaC": "audio/flac"}
    return next((kind for start, kind in starts.items() if head.startswith(start)), None)


def source(path: Path, name: str | None = None, limit: int = EMBEDDED) -> Source | None:
    """Make the source of the player; None if browsers cannot play the file.

    Args:
        path: the recording.
        name: name of the file in the page's folder, if it is too large to embed; ``None`` = its own.
        limit: largest size in bytes of an embedded recording.
    """
    kind = media_type(path)
    if kind is None:
        return None
    if path.stat().st_size > limit:
        return Source(quote(name or path.name), embedded=False)
    return Source(f"data:{kind};base64,{b64encode(path.read_bytes()).decode()}", embedded=True)


def sound_source(path: Path, limit: int = EMBEDDED) -> Source | None:
    """Make the source of a player of the sound alone; None if there is no sound, or too much of it.

    Args:
        path: the recording.
        limit: largest size in bytes of the embedded sound.
    """
    media = probe(path)
    if media.audio is None:
        return None
    content = encode_sound(sound(media, SPEECH), SPEECH)
    if len(content) > limit:
        return None
    return Source(f"data:audio/mp4;base64,{b64encode(content).decode()}", embedded=True)


def encode_sound(samples: npt.NDArray[np.int16], rate: int) -> bytes:
    """Encode one channel of sound as AAC in MP4, which all browsers play.

    Args:
        samples: (n,).
        rate: Hz.
    """
    import av

    made = io.BytesIO()
    with av.open(made, "w", format="mp4", options={"fflags": "+bitexact"}) as file:
        stream = file.add_stream("aac", rate=rate, layout="mono")
        stream.bit_rate = BIT_RATE
        for start in range(0, len(samples), BLOCK):
            block = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(samples[None, start : start + BLOCK]), "s16", "mono"
            )
            block.sample_rate, block.pts, block.time_base = rate, start, Fraction(1, rate)
            file.mux(stream.encode(block))
        file.mux(stream.encode(None))
    return made.getvalue()
