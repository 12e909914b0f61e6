"""An extractor of its own: the level of the sound, a number every 10 ms."""

from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.features.extractors import AudioExtractor
from sentiprism.features.track import Track
from sentiprism.recipe import Recipe

RATE = 100
"""Steps a second."""
FULL_SCALE = 32768.0


class Loudness(AudioExtractor):
    """Root mean square of each 10 ms, relative to full scale."""

    name = "loudness"
    sample_rate = 16000
    recipe = Recipe(extractor="loudness", columns=("rms",), units=("1",), rate=RATE)

    def __call__(self, sound: npt.NDArray[Any]) -> Track:
        """Track of a recording, (n,) int16 samples."""
        step = self.sample_rate // RATE
        steps = len(sound) // step
        blocks = np.asarray(sound[: steps * step], np.float64).reshape(steps, step) / FULL_SCALE
        values = np.sqrt((blocks**2).mean(axis=1, keepdims=True)).astype(np.float32)
        return Track((np.arange(steps) + 0.5) / RATE, values)
