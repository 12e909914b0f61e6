"""The same voice under other conditions: level, band, codec, room and noise, made from a clean sound."""

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

RATE = 16_000
"""Hz of the sounds."""
Sound = npt.NDArray[np.int16]


def gain(sound: Sound, decibels: float) -> Sound:
    """Louder or quieter, clipped where it exceeds the range."""
    return _rounded(sound * 10 ** (decibels / 20))


def band(sound: Sound, low: float, high: float) -> Sound:
    """Only the frequencies between ``low`` and ``high`` Hz, as a telephone or a muffled microphone passes them."""
    from scipy.signal import butter, sosfiltfilt

    return _rounded(sosfiltfilt(butter(4, (low, high), "bandpass", fs=RATE, output="sos"), sound))


def codec(sound: Sound, name: str, container: str, bits: int) -> Sound:
    """Encoded and decoded again, at ``bits`` a second; the delay of the codec is taken off where the file states it."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=container) as written:
        stream = written.add_stream(name, rate=RATE, layout="mono")
        stream.bit_rate = bits
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[None]), format="s16", layout="mono")
        frame.rate, frame.pts = RATE, 0
        for part in [*av.AudioResampler(stream.format.name, "mono", stream.rate).resample(frame), None]:
            written.mux(stream.encode(part))
    file.seek(0)
    with av.open(file) as read:
        to = av.AudioResampler("s16", "mono", RATE)
        parts = [part for one in read.decode(audio=0) for part in to.resample(one)] + to.resample(None)
    return np.concatenate([part.to_ndarray()[0] for part in parts])[: len(sound)]


def room(sound: Sound, seconds: float, direct: float, seed: int = 0) -> Sound:
    """In a room whose echo falls by 60 dB in ``seconds``; the direct sound is ``direct`` dB above the echo."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    echo = rng.normal(size=len(time)) * 10 ** (-3 * time / seconds)
    echo[: int(0.003 * RATE)] = 0.0  # the nearest wall is half a metre away
    echo /= np.sqrt(np.square(echo).sum()) * 10 ** (direct / 20)
    echo[0] = 1.0
    heard = np.convolve(sound, echo)[: len(sound)]
    return _rounded(heard * _level(sound) / max(_level(heard), 1.0))


def noise(sound: Sound, ratio: float, seed: int = 0) -> Sound:
    """With pink noise, ``ratio`` dB below the sound."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=len(sound)))
    hiss = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), len(sound))
    return _rounded(sound + hiss * _level(sound) / max(_level(hiss), 1e-9) * 10 ** (-ratio / 20))


def _level(sound: npt.NDArray[np.generic]) -> float:
    return float(np.sqrt(np.mean(np.square(sound.astype(np.float64)))))


def _rounded(sound: npt.NDArray[np.float64]) -> Sound:
    return np.rint(np.clip(sound, -32768, 32767)).astype(np.int16)


CONDITIONS: Mapping[str, Callable[[Sound], Sound]] = MappingProxyType(
    {
        "quieter by 12 dB": lambda sound: gain(sound, -12),
        "louder by 6 dB": lambda sound: gain(sound, 6),
        "telephone, 300 to 3400 Hz": lambda sound: band(sound, 300, 3400),
        "muffled, 80 to 4000 Hz": lambda sound: band(sound, 80, 4000),
        "MP3, 32 kbit/s": lambda sound: codec(sound, "libmp3lame", "mp3", 32_000),
        "Opus, 16 kbit/s": lambda sound: codec(sound, "libopus", "ogg", 16_000),
        "AAC, 32 kbit/s": lambda sound: codec(sound, "aac", "mp4", 32_000),
        "room, 0.4 s": lambda sound: room(sound, 0.4, 5),
        "hall, 1.2 s": lambda sound: room(sound, 1.2, 0),
        "noise at 20 dB": lambda sound: noise(sound, 20),
        "noise at 10 dB": lambda sound: noise(sound, 10),
    }
)
"""What a voice may go through on its way to a recording."""
