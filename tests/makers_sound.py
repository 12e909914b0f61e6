"""Sounds whose features are known beforehand."""

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.int16]


def sine(hertz: float, seconds: float, rate: int, amplitude: float = 8000) -> Sound:
    return np.rint(amplitude * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.int16)


def buzz(hertz: float, seconds: float, rate: int) -> Sound:
    """Ten harmonics that fade, as a voice's do."""
    return sum((sine(hertz * k, seconds, rate, 6000 / k) for k in range(2, 11)), sine(hertz, seconds, rate, 6000))


def noise(seconds: float, rate: int, amplitude: float = 3000) -> Sound:
    return np.rint(np.random.default_rng(1).normal(0, amplitude, int(seconds * rate))).astype(np.int16)


def talk(seconds: float, rate: int) -> Sound:
    """Voice, hiss, near silence and digital silence in turns of 0.3 s, the voice gliding."""
    turn = int(0.3 * rate)
    sound = buzz(150, seconds, rate) // 2
    glide = np.arange(len(sound)) / rate
    sound = np.rint(sound * (1 + 0.5 * np.sin(2 * np.pi * 0.7 * glide))).astype(np.int16)
    hiss, hum = noise(seconds, rate, 500), noise(seconds, rate, 2)
    kind = np.arange(len(sound)) // turn % 4
    return np.select([kind == 0, kind == 1, kind == 2], [sound, hiss, hum], 0).astype(np.int16)


EDGES: dict[str, Sound] = {
    "one sample": np.array([12], np.int16),
    "less than a window": noise(0.01, 16_000),
    "zeros": np.zeros(30_000, np.int16),
    "constant": np.full(30_000, 20_000, np.int16),
    "lowest": np.full(300, -32768, np.int16),
    "clipped": np.where(sine(220, 2, 16_000) > 0, 32767, -32768).astype(np.int16),
}
