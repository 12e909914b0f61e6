"""Little recordings with known content, made for tests."""

import struct
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

av = pytest.importorskip("av", reason="PyAV (extra media) is not installed")

MILLI = Fraction(1, 1000)


class _Written:
    """A file that can only be written on, as a pipe."""

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write


def grey(level: float, width: int = 64, height: int = 48) -> np.ndarray:
    """A frame of one brightness."""
    return np.full((height, width, 3), level, np.uint8)


def sine(seconds: float, rate: int, hz: float = 440.0) -> np.ndarray:
    """(n,) int16 at half of full scale, phase 0 at the start."""
    return np.round(16384 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.int16)


def pictures(path: Path, count: int, every: int = 3) -> list[np.ndarray]:
    """``count`` frames of a recording, each so many behind the last, 320 by 180."""
    with av.open(str(path)) as file:
        frames = islice(file.decode(video=0), 0, count * every, every)
        return [frame.reformat(320, 180, "rgb24").to_ndarray() for frame in frames]


def make_media(
    path: Path,
    *,
    images: Iterable[np.ndarray] = (),
    times: Sequence[float] | None = None,
    fps: int = 30,
    codec: str = "mpeg4",
    aspect: Fraction | None = None,
    samples: np.ndarray | None = None,
    rate: int = 16000,
    starts: Sequence[tuple[float, int]] = ((0.0, 0),),
    audio_codec: str = "pcm_s16le",
    container: str | None = None,
    live: bool = False,
) -> Path:
    """Write a recording.

    Args:
        path: of the file; its suffix names the container unless ``container`` does.
        images: (H, W, 3) uint8 RGB each.
        times: seconds of each; by default 1/fps apart.
        fps: of the header.
        codec: of the picture.
        aspect: of its pixels.
        samples: (n,) int16.
        rate: Hz.
        starts: (seconds, sample): from that sample on, sound counts from that time.
        audio_codec: of the sound.
        container: FFmpeg's name.
        live: written as it is recorded, so that the header never learns how long it became.
    """
    images = list(images)
    with ExitStack() as stack:
        target = _Written(stack.enter_context(path.open("wb"))) if live else str(path)
        file = stack.enter_context(av.open(target, "w", format=container))
        video = audio = None
        packets = []
        if images:
            video = file.add_stream(codec, rate=fps)
            video.height, video.width = images[0].shape[:2]
            video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            video.time_base = video.codec_context.time_base = MILLI if times is not None else Fraction(1, fps)
            if codec in {"mpeg4", "mpeg2video"}:
                video.codec_context.qmin = video.codec_context.qmax = 2
            if aspect is not None:
                video.codec_context.sample_aspect_ratio = aspect
        if samples is not None:
            audio = file.add_stream(audio_codec, rate=rate, layout="mono")
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            frame.time_base = video.codec_context.time_base
            frame.pts = round(times[index] * 1000) if times is not None else index
            packets += video.encode(frame)
        if samples is not None:
            size = audio.codec_context.frame_size or rate // 50
            marks = [*starts, (0.0, len(samples))]
            for (second, first), (_, end) in pairwise(marks):
                for at in range(first, end, size):
                    frame = av.AudioFrame.from_ndarray(samples[None, at : min(at + size, end)], "s16", "mono")
                    frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
                    frame.pts = round(second * rate) + at - first
                    packets += audio.encode(frame)
            packets += audio.encode(None)
        if images:
            packets += video.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            file.mux(packet)
    return path


def turn(path: Path, matrix: tuple[float, float, float, float]) -> Path:
    """Give an MP4's first track a display matrix (a, b, c, d), as telephones do."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4
    assert content[at] == 0  # version: times have 32 bits
    a, b, c, d = (round(x * 65536) for x in matrix)
    content[at + 40 : at + 76] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def sparse_wav(path: Path, seconds: float, rate: int = 8000) -> Path:
    """Hours of silence that take no room on the disk."""
    size = round(seconds * rate) * 2
    with path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt ")
        file.write(struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16) + b"data" + struct.pack("<I", size))
        file.truncate(44 + size)
    return path
