"""The 33 audio features of CH-SIMS: pitch, 20 cepstra, 12 constant-Q chroma."""

import warnings
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sentiprism.features.extractors._sound import blocks, cut, interpolate_pitch, load_librosa, pitch, quiet
from sentiprism.features.extractors.base import AudioExtractor, Shown
from sentiprism.features.track import Floats, Track
from sentiprism.recipe import Recipe

RATE = 22_050
HOP, LENGTH = 512, 2048
"""librosa's defaults, 43 frames per second."""
CEPSTRA = 20
LOWEST, HIGHEST = 65.0, 600.0
MIDDLE = float(np.sqrt(LOWEST * HIGHEST))
BLOCK = 2584
"""Frames read at a time: one minute."""
REACH = 128
"""Frames of context: the lowest constant-Q filter extends 1.5 s to either side, the resampling a little further."""
SILENT = 1e-3
"""Constant-Q magnitude below which a frame is rounding noise (at most one step of 16 bits), without a pitch class."""
NOTES = ("c", "c_sharp", "d", "d_sharp", "e", "f", "f_sharp", "g", "g_sharp", "a", "a_sharp", "b")


def _recipe(name: str, first: str, unit: str) -> Recipe:
    columns = (first, *(f"mfcc_{n:02d}" for n in range(CEPSTRA)), *(f"chroma_{note}" for note in NOTES))
    return Recipe(extractor=name, columns=columns, units=(unit, *["1"] * (len(columns) - 1)), rate=RATE / HOP)


class Sims33(AudioExtractor):
    """Features of the code released with CH-SIMS (Yu et al. 2020), whose "log F0" is the zero-crossing rate.

    Values are those of librosa for the whole recording, with two exceptions: the tuning, one number per recording, is
    estimated from the middle minute of a longer one; and chroma is 0 for digital silence instead of amplified rounding
    noise. Cepstra are clipped 80 dB below the recording's maximum, as by librosa's default, so a recording is read
    twice.
    """

    name = "sims33"
    sample_rate = RATE
    recipe = _recipe("sims33", "zcr", "1")

    def __call__(self, sound: npt.NDArray[np.int16]) -> Track:
        """See `AudioExtractor`."""
        librosa = load_librosa()
        steps = 1 + len(sound) // HOP if len(sound) else 0
        values = np.empty((steps, len(self.recipe.columns)), np.float32)
        if steps:
            loudest = max(_mel(librosa, sound, *block).max() for block in blocks(steps, BLOCK))
            tuning = _tuning(librosa, sound)
        for first, last in blocks(steps, BLOCK):
            mel = _mel(librosa, sound, first, last)
            part = values[first:last]
            part[:, 0] = self._first(librosa, sound, first, last)
            part[:, 1 : 1 + CEPSTRA] = librosa.feature.mfcc(S=np.maximum(mel, loudest - 80), n_mfcc=CEPSTRA).T
            part[:, 1 + CEPSTRA :] = _chroma(librosa, sound, first, last, tuning)
        return Track(np.arange(steps) * (HOP / RATE), self._finish(values))

    def _first(self, librosa: Any, sound: npt.NDArray[np.int16], first: int, last: int) -> Floats:
        framed = librosa.util.frame(_samples(sound, first, last, "edge"), frame_length=LENGTH, hop_length=HOP, axis=0)
        return np.asarray(librosa.zero_crossings(framed, pad=False, axis=1).mean(axis=1))

    def _finish(self, values: Floats) -> Floats:
        return values


class Sims33F0(Sims33):
    """Features as in the paper: `Sims33` with interpolated log F0 instead of zero crossings."""

    name = "sims33_f0"
    recipe = _recipe("sims33_f0", "f0", "log Hz")
    shown = {"f0": Shown("pitch")}

    def _first(self, librosa: Any, sound: npt.NDArray[np.int16], first: int, last: int) -> Floats:
        piece = _samples(sound, first, last)
        return pitch(librosa, piece, rate=RATE, length=LENGTH, hop=HOP, low=LOWEST, high=HIGHEST)[0]

    def _finish(self, values: Floats) -> Floats:
        level = values[:, 1] / np.sqrt(128)  # the first cepstrum is the mean of 128 bands in dB, times sqrt(128)
        values[quiet(level), 0] = 0
        values[:, 0] = interpolate_pitch(values[:, 0], MIDDLE)
        return values


def _samples(
    sound: npt.NDArray[np.int16], first: int, last: int, ends: Literal["constant", "edge"] = "constant"
) -> Floats:
    return cut(sound, first * HOP - LENGTH // 2, (last - 1) * HOP + LENGTH // 2, ends=ends)


def _mel(librosa: Any, sound: npt.NDArray[np.int16], first: int, last: int) -> Floats:
    """(128, T) dB."""
    spectrum = np.abs(librosa.stft(_samples(sound, first, last), n_fft=LENGTH, hop_length=HOP, center=False))
    bands = librosa.feature.melspectrogram(S=spectrum**2, sr=RATE, htk=True)
    return np.asarray(librosa.power_to_db(bands, top_db=None))


def _chroma(librosa: Any, sound: npt.NDArray[np.int16], first: int, last: int, tuning: float) -> Floats:
    """(T, 12) chroma, with maximum 1 in each frame."""
    begin = max(first - REACH, 0)
    # without padding, as librosa: after resampling by octaves, padded silence would not stay silent
    around = cut(sound, begin * HOP, min((last + REACH) * HOP, len(sound)))
    with warnings.catch_warnings():  # below 3 s, the lowest filter is longer than the recording
        warnings.filterwarnings("ignore", message="n_fft=")
        chroma = librosa.feature.chroma_cqt(y=around, sr=RATE, hop_length=HOP, tuning=tuning, norm=None).T
    chroma = chroma[first - begin :][: last - first]
    largest = chroma.max(axis=1, keepdims=True)
    return np.asarray(np.divide(chroma, largest, out=np.zeros_like(chroma), where=largest > SILENT))


def _tuning(librosa: Any, sound: npt.NDArray[np.int16]) -> float:
    """Estimate tuning by `librosa.estimate_tuning` in fractions of a bin, without its warning about silence."""
    start = max(0, (len(sound) - 60 * RATE) // 2)
    heard = cut(sound, start, max(min(len(sound), start + 60 * RATE), start + LENGTH))
    frequencies, amounts = librosa.piptrack(y=heard, sr=RATE)
    found = frequencies > 0
    if not found.any():
        return 0.0
    strong = found & (amounts >= np.median(amounts[found]))
    return float(librosa.pitch_tuning(frequencies[strong], bins_per_octave=36))
