"""Voice in 62 named columns, 25 per second: spectrum, cepstrum, pitch, voicing, loudness."""

import numpy as np
import numpy.typing as npt

from sentiprism.features.extractors._sound import blocks, cut, interpolate_pitch, load_librosa, pitch, quiet
from sentiprism.features.extractors.base import AudioExtractor, Shown
from sentiprism.features.track import Floats, Track
from sentiprism.recipe import Recipe

RATE = 16_000
HOP, LENGTH = 640, 1024
"""Frames overlap, and 64 ms are four periods of the lowest voice. 25 frames per second represent changes of up to
12 Hz, enough for syllables (4 to 8 Hz), with a quarter of COVAREP's 100 frames: an utterance of 10 s has 250 steps."""
BANDS, CEPSTRA = 40, 13
LOWEST, HIGHEST = 65.0, 600.0
"""Range of F0 in Hz: from a deep man's voice to an excited woman's or child's."""
MIDDLE = float(np.sqrt(LOWEST * HIGHEST))
BLOCK = 750
"""Frames read at a time: half a minute."""
FAINTEST = 1e-10
"""Power of silence, -100 dB: below the resolution of 16 bits."""

SHAPE = {"zcr": "1", "centroid": "Hz", "bandwidth": "Hz", "rolloff": "Hz", "flatness": "log", "flux": "dB/s"}
COLUMNS = {
    **{f"mel_{band:02d}": "dB" for band in range(BANDS)},
    **{f"mfcc_{number:02d}": "1" for number in range(1, CEPSTRA + 1)},
    "f0": "log Hz",
    "voicing": "1",
    "rms": "dB",
    **SHAPE,
}


class Speech(AudioExtractor):
    """Default voice features. Frame k is centred at k/25 s; outside of the recording is silence.

    dB are relative to full scale, so a gain of g dB adds g to the 41 columns in dB and does not change the other 21
    (there is no mfcc_00, which is the mean of the bands). For independence of the microphone's gain, subtract a
    recording's mean from the columns in dB in training, or shift them at random. The extractor does not do this: it
    would have to wait for the end of the recording, and loudness is informative about arousal if all recordings are
    made alike.

    ``f0`` is interpolated through pauses and voiceless sounds; ``voicing`` shows where it was measured.
    """

    name = "speech"
    sample_rate = RATE
    recipe = Recipe(extractor="speech", columns=tuple(COLUMNS), units=tuple(COLUMNS.values()), rate=RATE / HOP)
    shown = {"f0": Shown("pitch", where="voicing"), "rms": Shown("loudness", unit="dBFS")}

    def __call__(self, sound: npt.NDArray[np.int16]) -> Track:
        """See `AudioExtractor`."""
        steps = 1 + len(sound) // HOP if len(sound) else 0
        values = np.empty((steps, len(COLUMNS)), np.float32)
        for first, last in blocks(steps, BLOCK):
            before = max(first - 1, 0)  # flux needs the previous frame
            piece = cut(sound, before * HOP - LENGTH // 2, (last - 1) * HOP + LENGTH // 2)
            values[first:last] = _frames(piece)[first - before :]
        voice, voicing, level = (values[:, self.recipe.columns.index(name)] for name in ("f0", "voicing", "rms"))
        voice[quiet(level)] = voicing[quiet(level)] = 0
        voice[:] = interpolate_pitch(voice, MIDDLE)
        return Track(np.arange(steps) * (HOP / RATE), values)


def _frames(piece: Floats) -> Floats:
    """(T, 62) with ``f0`` in Hz, 0 where unvoiced."""
    librosa = load_librosa()
    framed = librosa.util.frame(piece, frame_length=LENGTH, hop_length=HOP, axis=0)
    spectrum = np.abs(librosa.stft(piece, n_fft=LENGTH, hop_length=HOP, center=False))  # (513, T)
    bands = librosa.feature.melspectrogram(S=spectrum**2, sr=RATE, n_mels=BANDS)
    mel = librosa.power_to_db(bands, amin=FAINTEST, top_db=None)  # (40, T)
    frequency, voicing = pitch(librosa, piece, rate=RATE, length=LENGTH, hop=HOP, low=LOWEST, high=HIGHEST)
    rise = np.maximum(np.diff(mel, axis=1, prepend=mel[:, :1]), 0).mean(axis=0) * (RATE / HOP)
    columns = [
        *mel,
        *librosa.feature.mfcc(S=mel, n_mfcc=CEPSTRA + 1)[1:],
        frequency,
        voicing,
        librosa.power_to_db(np.square(framed).mean(axis=1), amin=FAINTEST, top_db=None),
        librosa.zero_crossings(framed, pad=False, axis=1).mean(axis=1),
        *librosa.feature.spectral_centroid(S=spectrum, sr=RATE),
        *librosa.feature.spectral_bandwidth(S=spectrum, sr=RATE),
        *librosa.feature.spectral_rolloff(S=spectrum, sr=RATE),
        *np.log(librosa.feature.spectral_flatness(S=spectrum, amin=FAINTEST)),
        rise,
    ]
    return np.stack(columns, axis=1).astype(np.float32)
