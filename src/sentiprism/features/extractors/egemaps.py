"""eGeMAPS low-level descriptors by openSMILE: 25 columns of voice, 100 per second."""

from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.extras import install_extra
from sentiprism.features.extractors._sound import blocks, cut
from sentiprism.features.extractors.base import AudioExtractor, Shown
from sentiprism.features.track import Track
from sentiprism.recipe import Recipe

RATE, HOP = 16_000, 160
SHORTEST = 960
"""Fewest samples, from which openSMILE computes two frames; fewer give none."""
BLOCK, REACH = 6000, 200
"""Frames read at a time (one minute), and frames of context; in tests, half a second of context was enough."""

PITCH = "F0semitoneFrom27.5Hz_sma3nz"
COLUMNS = {
    "Loudness_sma3": "1",
    "alphaRatio_sma3": "dB",
    "hammarbergIndex_sma3": "dB",
    "slope0-500_sma3": "dB/Hz",
    "slope500-1500_sma3": "dB/Hz",
    "spectralFlux_sma3": "1",
    **{f"mfcc{number}_sma3": "1" for number in range(1, 5)},
    PITCH: "semitone",
    "jitterLocal_sma3nz": "1",
    "shimmerLocaldB_sma3nz": "dB",
    "HNRdBACF_sma3nz": "dB",
    "logRelF0-H1-H2_sma3nz": "dB",
    "logRelF0-H1-A3_sma3nz": "dB",
    **{
        f"F{number}{what}_sma3nz": unit
        for number in range(1, 4)
        for what, unit in (("frequency", "Hz"), ("bandwidth", "Hz"), ("amplitudeLogRelF0", "dB"))
    },
}


class EGeMAPS(AudioExtractor):
    """Eyben et al. (2016), version 2 of the set, with openSMILE's names; 0 where unvoiced.

    Needs the package ``opensmile``, which is licensed for research and other non-commercial use.
    """

    name = "egemaps"
    sample_rate = RATE
    licence = "audEERING Research License: not for commercial use"
    recipe = Recipe(extractor="egemaps", columns=tuple(COLUMNS), units=tuple(COLUMNS.values()), rate=RATE / HOP)
    shown = {
        PITCH: Shown("pitch", where=PITCH, unit="semitones above 27.5 Hz"),
        "Loudness_sma3": Shown("loudness", unit="as openSMILE scales it"),
    }

    def __call__(self, sound: npt.NDArray[np.int16]) -> Track:
        """See `AudioExtractor`.

        Raises:
            UserError: opensmile is not installed, or computes other columns.
        """
        smile = _open()
        length = max(len(sound), SHORTEST)  # shorter sound is padded with silence
        steps = 2 + (length - SHORTEST) // HOP if len(sound) else 0
        values = np.empty((steps, len(COLUMNS)), np.float32)
        for first, last in blocks(steps, BLOCK):
            before = max(first - REACH, 0)
            stop = length if last + REACH >= steps else (last + REACH) * HOP
            made = smile.process_signal(cut(sound, before * HOP, stop), RATE).to_numpy()
            values[first:last] = made[first - before : last - before]
        return Track((np.arange(steps) + 1) * (HOP / RATE), values)


def _open() -> Any:
    try:
        import opensmile
    except ImportError:
        remedy = f"{install_extra('opensmile')} where its licence, not for commercial use, allows it"
        raise UserError("opensmile is not installed", remedy) from None
    level = opensmile.FeatureLevel.LowLevelDescriptors
    smile = opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=level)
    if tuple(smile.feature_names) != tuple(COLUMNS):
        raise UserError(f"opensmile {opensmile.__version__} computes other columns", "pip install 'opensmile>=2.5,<3'")
    return smile
