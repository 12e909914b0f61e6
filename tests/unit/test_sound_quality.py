"""How well a voice can be heard, measured against what was done to it."""

import numpy as np
import pytest

from makers_report import review
from makers_sound import noise
from sentiprism.media import quality
from sentiprism.media.quality import MOST, measure_quality
from sentiprism.media.speech import find_speech
from sentiprism.media.types import Span
from sentiprism.report.schema import SoundFacts
from sentiprism.report.wording import facts

RATE = 16_000


@pytest.fixture(scope="module")
def speech(two_cities):
    """10 s of a reading, peak at half the scale, with the places of its voice."""
    sound = two_cities[: 10 * RATE].astype(np.float64)
    sound *= 16_000 / np.abs(sound).max()
    return sound, find_speech(np.rint(sound).astype(np.int16))


def rounded(sound):
    return np.rint(np.clip(sound, -32768, 32767)).astype(np.int16)


@pytest.mark.parametrize("ratio", [5, 10, 20, 30])
def test_noise_of_a_known_level_is_measured(speech, ratio):
    sound, spans = speech
    inside = np.concatenate([sound[int(span.start * RATE) : int(span.end * RATE)] for span in spans])
    hiss = np.random.default_rng(0).normal(0, inside.std() / 10 ** (ratio / 20), len(sound))
    own = measure_quality(rounded(sound), spans).noise_ratio
    assert own > 20
    both = -10 * np.log10(10 ** (-ratio / 10) + 10 ** (-own / 10))
    assert measure_quality(rounded(sound + hiss), spans).noise_ratio == pytest.approx(both, abs=1)


def test_the_gain_changes_neither_noise_nor_bandwidth(speech):
    sound, spans = speech
    one, other = (measure_quality(rounded(sound * gain), spans) for gain in (1.0, 0.25))
    assert one.noise_ratio == pytest.approx(other.noise_ratio, abs=1)
    assert one.bandwidth == pytest.approx(other.bandwidth, abs=300)


@pytest.mark.parametrize("hertz", [3400, 5000])
def test_a_channel_that_ends_at_a_frequency(speech, hertz):
    from scipy.signal import butter, sosfiltfilt

    sound, spans = speech
    narrow = sosfiltfilt(butter(10, hertz, fs=RATE, output="sos"), sound)
    assert measure_quality(rounded(sound), spans).bandwidth > 7000
    assert hertz * 0.8 < measure_quality(rounded(narrow), spans).bandwidth < hertz * 1.4


def test_what_is_clipped_is_counted(speech):
    sound, spans = speech
    assert measure_quality(rounded(sound), spans).clipped == 0
    loud = measure_quality(rounded(sound * 8), spans)
    over = np.concatenate([np.abs(sound[int(s.start * RATE) : int(s.end * RATE)]) * 8 > 32_767 for s in spans])
    assert loud.clipped == pytest.approx(over.mean(), rel=0.15)


def test_silence_and_what_cannot_be_told():
    assert measure_quality(np.zeros(RATE, np.int16), []) is None
    assert measure_quality(np.zeros(0, np.int16), [Span(0, 1)]) is None
    digital = np.concatenate([np.zeros(RATE, np.int16), noise(1.0, RATE), np.zeros(RATE, np.int16)])
    found = measure_quality(digital, [Span(1, 2)])
    assert found.noise_ratio is None
    assert found.bandwidth == 8000
    quiet = np.concatenate([noise(1.0, RATE, 1), noise(1.0, RATE, 8000), noise(1.0, RATE, 1)])
    assert measure_quality(quiet, [Span(1, 2)]).noise_ratio == MOST


def test_blocks_change_no_number(speech, monkeypatch):
    sound, spans = speech
    whole = measure_quality(rounded(sound * 4), spans)
    monkeypatch.setattr(quality, "BLOCK", 7)
    part = measure_quality(rounded(sound * 4), spans)
    assert part == pytest.approx(whole)


def test_the_report_states_it():
    document = review()
    assert not any(fact.startswith("sound:") for fact in facts(document))
    clear = SoundFacts(noise_ratio=24.2, clipped=0.0, bandwidth=7900.0)
    for sound, words in (
        (clear, "sound: 24 dB above the noise, up to 7.9 kHz"),
        (clear.model_copy(update={"noise_ratio": None, "clipped": 0.021}), "sound: 2.1% clipped, up to 7.9 kHz"),
    ):
        recording = document.recording.model_copy(update={"sound": sound})
        assert words in facts(document.model_copy(update={"recording": recording}))
