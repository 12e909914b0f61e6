"""Process sound in blocks, with the same result as for the whole recording."""

import os
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_path

from sentiprism.errors import UserError
from sentiprism.extras import install_extra
from sentiprism.features.track import Floats

FULL_SCALE = 32768.0
"""Value of int16 that corresponds to 1.0."""
VOICED = 0.5
"""Voicing score above which a frame is voiced."""
RANGE = 40.0
"""dB between loud speech and the room's noise in an intelligible recording."""
FLOOR = 1e-8
"""Energy of a silent frame: below one step of 16 bits."""


def load_librosa() -> Any:
    """Import librosa, with its compiled functions cached in the user's cache folder.

    Raises:
        UserError: it is not installed.
    """
    os.environ.setdefault("NUMBA_CACHE_DIR", str(user_cache_path("sentiprism", appauthor=False) / "numba"))
    try:
        import librosa
    except ImportError:
        raise UserError("librosa is not installed", install_extra("media")) from None
    return librosa


def cut(
    sound: npt.NDArray[np.int16], start: int, stop: int, *, ends: Literal["constant", "edge"] = "constant"
) -> Floats:
    """(stop - start,) samples in [-1, 1], padded outside the recording.

    Args:
        sound: (n,); at least one of its samples is in the range.
        start: may be negative.
        stop: may be beyond the end.
        ends: pad with zeros, or repeat the first and the last sample.
    """
    first, last = max(start, 0), min(stop, len(sound))
    inside = np.asarray(sound[first:last], np.float32) / np.float32(FULL_SCALE)
    return np.pad(inside, (first - start, stop - last), mode=ends)


def blocks(steps: int, size: int) -> Iterator[tuple[int, int]]:
    """Start and end of blocks of ``size`` steps."""
    for first in range(0, steps, size):
        yield first, min(first + size, steps)


def pitch(
    librosa: Any, piece: Floats, *, rate: int, length: int, hop: int, low: float, high: float
) -> tuple[Floats, Floats]:
    """Estimate fundamental frequency and voicing.

    The frequency is computed by YIN (De Cheveigné and Kawahara 2002). Voicing is the correlation of the frame with
    itself one period later, as in Boersma's (1993) harmonicity: near 1 for a vowel, near 0 for noise and silence.

    Args:
        librosa: the library.
        piece: samples, from the start of the first frame to the end of the last.
        rate: Hz.
        length: samples of a frame, at least two of the longest periods.
        hop: samples between frames.
        low: lowest frequency in Hz.
        high: highest frequency in Hz.

    Returns:
        (T,) Hz, 0 where voicing is at most `VOICED`, and (T,) voicing in [0, 1]; both are 0 for frequencies above
        ``high``, as found for voiceless consonants.
    """
    frequency = librosa.yin(piece, fmin=low, fmax=high, sr=rate, frame_length=length, hop_length=hop, center=False)
    framed = librosa.util.frame(piece, frame_length=length, hop_length=hop, axis=0)
    framed = framed - framed.mean(axis=1, keepdims=True)
    lags = np.rint(rate / frequency).astype(np.int64)
    width = length - int(np.ceil(rate / low)) - 1
    now, later = framed[:, :width], np.take_along_axis(framed, lags[:, None] + np.arange(width), axis=1)
    energy = np.sqrt((now**2).sum(axis=1) * (later**2).sum(axis=1))
    score = np.divide((now * later).sum(axis=1), energy, out=np.zeros_like(energy), where=energy > FLOOR)
    score = np.where(frequency <= high, score.clip(0, 1), 0)
    return np.where(score > VOICED, frequency, 0).astype(np.float32), score


def quiet(level: Floats) -> npt.NDArray[np.bool_]:
    """(T,) True where the level of a frame in dB is `RANGE` below loud frames, as for a room's hum."""
    return np.asarray(level < np.percentile(level, 95) - RANGE) if len(level) else np.zeros(0, np.bool_)


def interpolate_pitch(frequency: Floats, middle: float) -> Floats:
    """(T,) log F0 in log Hz, linearly interpolated through unvoiced frames.

    Args:
        frequency: (T,) Hz, 0 where unvoiced.
        middle: Hz, for a recording without voiced frames.
    """
    voiced = np.flatnonzero(frequency)
    if not len(voiced):
        return np.full(len(frequency), np.log(middle), np.float32)
    return np.interp(np.arange(len(frequency)), voiced, np.log(frequency[voiced])).astype(np.float32)
