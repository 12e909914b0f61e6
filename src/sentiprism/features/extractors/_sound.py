"""Process sound in blocks, equal to the whole recording."""

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
"""What int16 counts to 1.0."""
VOICED = 0.5
"""Of the voicing score."""
RANGE = 40.0
"""dB between loud speech and what is heard of the room, in a recording one can follow."""
FLOOR = 1e-8
"""Energy of a frame that is no sound: below one step of 16 bits throughout."""


def load_librosa() -> Any:
    """Import librosa, whose compiled functions are cached in the user's cache folder, not beside its source.

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
    """(stop - start,) samples of [-1, 1] with whatever lies outside the recording filled in.

    Args:
        sound: (n,); at least one of its samples is asked for.
        start: may be negative.
        stop: may be beyond the end.
        ends: zeros, or the first and the last sample again.
    """
    first, last = max(start, 0), min(stop, len(sound))
    inside = np.asarray(sound[first:last], np.float32) / np.float32(FULL_SCALE)
    return np.pad(inside, (first - start, stop - last), mode=ends)


def blocks(steps: int, size: int) -> Iterator[tuple[int, int]]:
    """First and last + 1 of each ``size`` out of so many steps."""
    for first in range(0, steps, size):
        yield first, min(first + size, steps)


def pitch(
    librosa: Any, piece: Floats, *, rate: int, length: int, hop: int, low: float, high: float
) -> tuple[Floats, Floats]:
    """Fundamental frequency and how far it can be relied on.

    The frequency is YIN's (De Cheveigné and Kawahara 2002). The reliance is the correlation of the frame with itself
    one period later, what Boersma's (1993) harmonicity is made of: near 1 for a vowel, near 0 for noise and silence.

    Args:
        librosa: the library.
        piece: samples, from the beginning of the first frame to the end of the last.
        rate: Hz.
        length: samples of a frame, at least two of the longest periods.
        hop: samples from frame to frame.
        low: Hz, the lowest voice.
        high: Hz, the highest.

    Returns:
        (T,) Hz, 0 where the reliance is `VOICED` or less, and (T,) the reliance in [0, 1]; both are 0 for what goes
        beyond ``high``, where the hiss of consonants ends up.
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
    """(T,) True where a frame, by its level in dB, is `RANGE` below the loud ones: a room's hum is no voice."""
    return np.asarray(level < np.percentile(level, 95) - RANGE) if len(level) else np.zeros(0, np.bool_)


def through_pauses(frequency: Floats, middle: float) -> Floats:
    """(T,) log Hz of a voice, drawn straight through where there is none, as pitch contours are for models.

    Args:
        frequency: (T,) Hz, 0 where there is no voice.
        middle: Hz, for a recording without one.
    """
    voiced = np.flatnonzero(frequency)
    if not len(voiced):
        return np.full(len(frequency), np.log(middle), np.float32)
    return np.interp(np.arange(len(frequency)), voiced, np.log(frequency[voiced])).astype(np.float32)
