"""Conditions of a voice do what their names say, and nothing is moved in time."""

import numpy as np
import pytest

from makers_sound import buzz, sine, talk
from tools.starter.conditions import CONDITIONS, RATE, band, gain, noise, room


def level(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound.astype(float)))))


def decibels(one: np.ndarray, other: np.ndarray) -> float:
    return 20 * float(np.log10(level(one) / level(other)))


@pytest.mark.parametrize("name", CONDITIONS)
def test_every_condition_keeps_the_sounds_length_and_its_place_in_time(name):
    voice = buzz(150, 1.0, RATE) // 2 * (np.arange(RATE) % 4000 < 2000)
    voice = voice.astype(np.int16)
    heard = CONDITIONS[name](voice)
    assert heard.dtype == np.int16
    assert abs(len(heard) - len(voice)) <= 0.03 * RATE
    loud = [np.convolve(np.square(one[: len(heard)].astype(float)), np.ones(160), "same") for one in (voice, heard)]
    lags = range(-800, 801, 40)
    fit = [np.corrcoef(loud[0][800:-800], np.roll(loud[1], -lag)[800:-800])[0, 1] for lag in lags]
    assert max(fit) > 0.8
    assert abs(lags[int(np.argmax(fit))]) <= 400  # 25 ms


def test_gain_is_in_decibels_and_clips():
    voice = sine(220, 0.5, RATE)
    assert decibels(gain(voice, -12), voice) == pytest.approx(-12, abs=0.01)
    assert gain(voice, 30).max() == 32767


def test_a_band_passes_what_is_in_it_and_stops_what_is_not():
    inside, below, above = (sine(hertz, 1.0, RATE) for hertz in (1000, 60, 6500))
    assert decibels(band(inside, 300, 3400), inside) == pytest.approx(0, abs=0.2)
    assert decibels(band(below, 300, 3400)[4000:-4000] + 1, below) < -30
    assert decibels(band(above, 300, 3400)[4000:-4000] + 1, above) < -30


@pytest.mark.parametrize("ratio", [20, 10])
def test_noise_is_so_far_below_the_sound(ratio):
    voice = talk(2.0, RATE)
    added = noise(voice, ratio).astype(float) - voice
    assert decibels(voice, added) == pytest.approx(ratio, abs=0.1)


def test_a_room_echoes_after_the_sound_and_keeps_its_level():
    click = np.zeros(RATE, np.int16)
    click[100] = 20_000
    heard = room(click, 0.4, 5)
    assert decibels(heard, click) == pytest.approx(0, abs=0.2)
    assert not heard[:100].any()
    early, late = np.square(heard[101:2101].astype(float)).sum(), np.square(heard[4000:6000].astype(float)).sum()
    assert early > 10 * late
