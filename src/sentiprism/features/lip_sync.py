"""Measure whether the lips of a face move with the sound.

Two linear maps, fitted by canonical correlation analysis, turn measures of the mouth and levels of the sound into
variates that go together in people who speak. Each step has its neighbours, so that lags up to 0.2 seconds are covered.
`tools/speaking/fit.py` fits the maps; see `docs/howto/who_speaks.md` for how often they are right.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.features.extractors.face import Face
from sentiprism.features.track import Track
from sentiprism.media.speech import RATE
from sentiprism.media.types import Samples, Span
from sentiprism.reading import read_json

Array = npt.NDArray[np.float64]

MOUTH = (
    *("mouth_opening", "jaw_open", "mouth_lower_down", "mouth_upper_up", "mouth_close", "mouth_funnel", "mouth_pucker"),
    *("mouth_width", "mouth_roll_lower", "mouth_roll_upper", "mouth_press", "mouth_shrug_upper", "mouth_shrug_lower"),
    *("mouth_stretch", "mouth_smile", "mouth_frown", "mouth_dimple"),
)
"""Measures of the mouth: columns of `Face`, or the mean of a column's left and right side."""
BANDS = (0, 150, 300, 450, 600, 800, 1000, 1300, 1700, 2200, 2800, 3600, 4600, 6000, 8000)
"""Hz at the edges of the bands whose levels are measured; the level of all bands together is added."""
WINDOW, HOP = 400, 160
"""Samples of a short-time spectrum, 25 ms, and from one to the next, 10 ms."""
AROUND = 0.05
"""Seconds before and after a picture over which levels are averaged: half of the time between two pictures."""
DEPTH = 40.0
"""dB below the loudest parts of a span at which levels end, so that silence does not count more than speech."""
CONTEXT = 1
"""Steps before and after each one."""
MAP = Path(__file__).with_name("lip_sync.json")


class LipMap(NamedTuple):
    """Maps to K variates of mouth and sound, and the calibration of certainties."""

    mouth: Array
    """((2 CONTEXT + 1) M, K)"""
    sound: Array
    """((2 CONTEXT + 1) B, K)"""
    strength: Array
    """(K,) weight of each pair of variates: its correlation in people who speak."""
    moving: Array
    """(K,) standard deviation of the mouth's variates in people who speak."""
    slope: float
    """Change of the log-odds of speaking with the score."""
    least: float
    """Score at which a face speaks as probably as nobody who is visible."""


@lru_cache(maxsize=1)
def lip_map() -> LipMap:
    """The maps of this program."""
    found = read_json(MAP)
    mouth, heard, strength, moving = (np.asarray(found[name], np.float64) for name in LipMap._fields[:4])
    return LipMap(mouth, heard, strength, moving, float(found["slope"]), float(found["least"]))


def mouth_measures(values: npt.NDArray[Any]) -> Array:
    """(T, M) measures as in `MOUTH`, from (T, F) values of `Face`."""
    columns = Face.recipe.columns
    sides = [(name,) if name in columns else (f"{name}_left", f"{name}_right") for name in MOUTH]
    found = [values[:, [columns.index(name) for name in names]].mean(axis=1, dtype=np.float64) for names in sides]
    return np.stack(found, axis=1)


def sound_levels(sound: Samples, times: npt.NDArray[Any]) -> Array:
    """(T, B) levels of bands in tens of dB, and of all together, around times.

    Args:
        sound: mono samples at `RATE`; only the part around the times is read.
        times: (T,) seconds, increasing.
    """
    first = max(int((times[0] - 2 * AROUND) * RATE), 0)
    piece = np.asarray(sound[first : int((times[-1] + 2 * AROUND) * RATE)], np.float64) / 32768
    framed = np.lib.stride_tricks.sliding_window_view(np.pad(piece, (WINDOW // 2, WINDOW)), WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(framed * np.hanning(WINDOW), axis=1)) ** 2
    edges = np.searchsorted(np.fft.rfftfreq(WINDOW, 1 / RATE), BANDS)
    bands = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)
    levels = np.log10(np.column_stack([bands, power.sum(axis=1)]) + 1e-6)
    levels = np.maximum(levels, np.percentile(levels, 95, axis=0) - DEPTH / 10)
    sums = np.pad(np.cumsum(levels, axis=0), ((1, 0), (0, 0)))
    middle = (np.asarray(times, np.float64) * RATE - first) / HOP
    ends = [np.rint(middle + side * AROUND * RATE / HOP).astype(int) for side in (-1, 1)]
    start = np.clip(ends[0], 0, len(levels) - 1)
    stop = np.clip(ends[1], start + 1, len(levels))
    return np.asarray((sums[stop] - sums[start]) / (stop - start)[:, None])


def with_context(steps: Array) -> Array:
    """(T, (2 CONTEXT + 1) F) steps with those before and after them; the first and last one are repeated."""
    padded = np.pad(steps, ((CONTEXT, CONTEXT), (0, 0)), mode="edge")
    return np.concatenate([padded[n : n + len(steps)] for n in range(2 * CONTEXT + 1)], axis=1)


def lip_score(track: Track, sound: Samples, span: Span, maps: LipMap) -> float:
    """How well the lips of a face move with the sound in a span; 0 if either does not move.

    The sum of the correlations of the variates, weighted by their strength. The deviation of a mouth that moves less
    than half as much as in people who speak is replaced by that half, so that a still face has no high correlation by
    chance. The score grows with the square root of the time, as the certainty of a correlation does.

    Args:
        track: of `Face`.
        sound: mono samples at `RATE`.
        span: of speech.
        maps: see `LipMap`.
    """
    first, last = np.searchsorted(track.times, (span.start, span.end))
    if last - first < 2:
        return 0.0
    mouth = with_context(mouth_measures(track.values[first:last])) @ maps.mouth
    heard = with_context(sound_levels(sound, track.times[first:last])) @ maps.sound
    mouth, heard = mouth - mouth.mean(axis=0), heard - heard.mean(axis=0)
    spread = np.maximum(mouth.std(axis=0), maps.moving / 2) * np.maximum(heard.std(axis=0), 1e-6)
    together = float((maps.strength * (mouth * heard).mean(axis=0) / spread).sum() / maps.strength.sum())
    return together * float(np.sqrt(last - first))
