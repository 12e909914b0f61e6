"""Measure sound quality: signal-to-noise, clipping, bandwidth."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.media.types import Span

RATE = 16_000
FRAME = 512
"""Samples per frame, 32 ms."""
BLOCK = 2000
"""Frames read at once: one minute."""
QUIET = 10
"""Percent of frames treated as noise: there are always this many between words."""
MOST = 60.0
"""Largest signal-to-noise ratio in dB; higher ones sound the same."""
FULL = 32_700
"""Two or more consecutive samples of at least this size and the same sign are clipped."""
DEEP = 60.0
"""dB below the loudest band at which the bandwidth ends."""


class SoundQuality(NamedTuple):
    """Quality of the sound of a recording."""

    noise_ratio: float | None
    """Signal-to-noise ratio in dB, at most `MOST`; None if speech is surrounded by digital silence."""
    clipped: float
    """Share of the samples of speech that are clipped, from 0 to 1."""
    bandwidth: float
    """Highest frequency of speech in Hz; at most 8000."""


def measure_quality(sound: npt.NDArray[np.int16], spans: Sequence[Span]) -> SoundQuality | None:
    """Measure the quality of a recording's sound; None without speech.

    Args:
        sound: (n,) mono samples at 16 kHz; may be a memory map, which is read in blocks.
        spans: spans of speech.
    """
    count = len(sound) // FRAME
    speech = np.zeros(count, bool)
    for span in spans:
        speech[round(span.start * RATE) // FRAME : round(span.end * RATE) // FRAME] = True
    if not speech.any():
        return None
    power, clipped = np.empty(count), 0
    spectrum = np.zeros(FRAME // 2 + 1)
    window = np.hanning(FRAME)
    for first, frames in _blocks(sound, count):
        own = speech[first : first + len(frames)]
        power[first : first + len(frames)] = (frames**2).mean(axis=1)
        clipped += _clipped(frames[own])
        spectrum += (np.abs(np.fft.rfft(frames[own] * window, axis=1)) ** 2).sum(axis=0)
    heard = np.flatnonzero(spectrum > max(spectrum.max() * 10 ** (-DEEP / 10), 1e-9))
    bandwidth = float(heard[-1] + 1) * RATE / FRAME if len(heard) else 0.0
    share = clipped / (int(speech.sum()) * FRAME)
    return SoundQuality(_noise_ratio(power, speech), share, min(bandwidth, RATE / 2))


def _blocks(sound: npt.NDArray[np.int16], count: int) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
    """Yield the index of the first frame and frames (t, `FRAME`), block by block."""
    for first in range(0, count, BLOCK):
        piece = np.asarray(sound[first * FRAME : min(first + BLOCK, count) * FRAME], np.float64)
        yield first, piece.reshape(-1, FRAME)


def _noise_ratio(power: npt.NDArray[np.float64], speech: npt.NDArray[np.bool_]) -> float | None:
    noise = float(np.percentile(power, QUIET))
    if noise < 1e-3:  # below one step of 16-bit samples
        return None
    signal = max(float(power[speech].mean()) - noise, noise / 100)
    return min(10 * float(np.log10(signal / noise)), MOST)


def _clipped(frames: npt.NDArray[np.float64]) -> int:
    """Number of samples at full scale with a neighbour at full scale."""
    full = 0
    for at_end in (frames >= FULL, frames <= -FULL):
        beside = np.zeros_like(at_end)
        beside[:, 1:] |= at_end[:, :-1]
        beside[:, :-1] |= at_end[:, 1:]
        full += int((at_end & beside).sum())
    return full
