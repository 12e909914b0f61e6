"""The extractor "whisper": states of the real encoder, each utterance encoded by itself."""

import subprocess
import sys

import numpy as np
import pytest

from makers_media import make_media
from makers_sound import EDGES, noise, talk
from sentiprism.errors import UserError
from sentiprism.features.cache import usage
from sentiprism.features.extractors.whisper import POOLED, WIDTH, WhisperStates
from sentiprism.features.track_extraction import voice_track, voice_tracks
from sentiprism.media.probe import probe
from sentiprism.media.types import Span
from sentiprism.media.whisper import RATE, STATE_RATE, load

pytestmark = pytest.mark.usefixtures("whisper_base")
STEP = POOLED / STATE_RATE


@pytest.fixture(scope="module")
def extract() -> WhisperStates:
    return WhisperStates()


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of all states, each column less its mean over both."""
    both = np.concatenate([one, other]).astype(np.float64)
    middle = both.mean(axis=0)
    return float(np.corrcoef((one - middle).ravel(), (other - middle).ravel())[0, 1])


@pytest.mark.parametrize("edge", EDGES)
def test_every_sound_has_finite_states(edge, extract):
    sound = EDGES[edge]
    track = extract(sound)
    assert track.values.shape == (-(-len(sound) // (RATE * POOLED // STATE_RATE)), WIDTH)
    assert track.values.dtype == np.float16
    assert np.isfinite(track.values).all()
    assert (np.diff(track.times) > 0).all()
    assert track.times[0] >= 0
    assert track.times[-1] < len(sound) / RATE


def test_no_sound_has_no_steps(extract):
    track = extract(np.zeros(0, np.int16))
    assert track.values.shape == (0, WIDTH)
    assert track.times.shape == (0,)


def test_steps_are_as_long_as_the_sound_and_none_is_of_what_was_filled_in(extract, two_cities):
    for seconds in (0.5, 3.0, 7.77, 29.99, 30.0, 30.01, 44.0):
        sound = two_cities[: round(seconds * RATE)]
        track = extract(sound)
        assert len(track.times) == int(np.ceil(len(sound) / RATE / STEP - 1e-9))
        np.testing.assert_allclose(track.times[:-1], (np.arange(len(track.times) - 1) + 0.5) * STEP)
        assert len(sound) / RATE - STEP < track.times[-1] < len(sound) / RATE


def test_a_sound_that_ends_earlier_is_no_louder_silence(extract, two_cities):
    """What follows does not matter much: states of the first 5 s alone are near those within 10 s."""
    long, short = extract(two_cities[: 10 * RATE]), extract(two_cities[: 5 * RATE])
    assert alike(long.values[:60], short.values[:60]) > 0.9


def test_states_are_those_of_whisper_itself(extract, two_cities, whisper_base):
    """Beside the level and the silence that is filled in: the states of 30 s, as the recogniser encodes them."""
    sound = two_cities[: 30 * RATE]
    whole = np.array(load(whisper_base).encode(sound, [Span(0, 30)]))[0]
    pooled = whole.reshape(-1, POOLED, WIDTH).mean(axis=1)
    assert alike(extract(sound).values, pooled) > 0.97


@pytest.mark.parametrize("gain", [0.1, 0.5, 2.0])
def test_a_gain_changes_nothing(gain, extract, two_cities):
    sound = two_cities[: 8 * RATE].astype(np.float64)
    sound *= 12_000 / np.abs(sound).max()
    one = extract(np.rint(sound).astype(np.int16)).values.astype(np.float32)
    other = extract(np.rint(sound * gain).astype(np.int16)).values.astype(np.float32)
    assert alike(one, other) > 0.99
    spread = one.std(axis=0).mean()
    assert np.abs(one.mean(axis=0) - other.mean(axis=0)).mean() < 0.05 * spread


def test_noise_of_one_step_is_not_made_a_loud_sound(extract):
    """Down to 40 dB below a voice the level does not matter; what is fainter stays faint."""

    def mean(amplitude: float) -> np.ndarray:
        return extract(noise(4, RATE, amplitude)).values.astype(np.float32).mean(axis=0)

    loud = mean(3000)
    assert np.linalg.norm(mean(0.6) - loud) > 3 * np.linalg.norm(mean(300) - loud)


def test_windows_of_a_long_sound_are_those_of_the_encoder(extract, two_cities, whisper_base):
    """From 20 s to 40 s the states are of what is from 15 s to 45 s."""
    sound = np.concatenate([two_cities, two_cities])[: 72 * RATE]
    track = extract(sound)
    assert len(track.times) == 900
    own = load(whisper_base).states(sound[15 * RATE : 45 * RATE])[250:1250].reshape(-1, POOLED, WIDTH).mean(axis=1)
    np.testing.assert_allclose(track.values[250:500], own, rtol=1e-3, atol=1e-3)  # half precision


def test_a_memory_map_and_another_thread_give_the_same_states(extract, two_cities, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    sound = two_cities[: 3 * RATE]
    mapped = np.memmap(tmp_path / "sound.raw", np.int16, "w+", shape=sound.shape)
    mapped[:] = sound
    one = extract(sound).values
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda piece: WhisperStates()(piece).values, [mapped, sound, mapped]):
            np.testing.assert_array_equal(found, one)


def test_an_utterance_is_encoded_by_itself_and_kept(tmp_path, home, two_cities, extract):
    """What else is in the recording changes nothing, in a dataset and in an analysis alike."""
    media = probe(make_media(tmp_path / "talk.wav", samples=two_cities[: 9 * RATE]))
    spans = [Span(0.5, 3.0), Span(3.5, 6.25)]
    tracks = voice_tracks(media, WhisperStates(), spans)
    assert usage().entries == 1
    for track, span in zip(tracks, spans, strict=True):
        alone = extract(two_cities[round(span.start * RATE) : round(span.end * RATE)])
        np.testing.assert_array_equal(track.values, alone.values)
        np.testing.assert_allclose(track.times, alone.times + span.start)
        assert track.between(span).shape == track.values.shape
        assert track.between(span).dtype == np.float32
    again = voice_tracks(media, WhisperStates(), spans)
    assert again[1].values.dtype == np.float16
    np.testing.assert_array_equal(again[1].values, tracks[1].values)
    joined = voice_track(media, WhisperStates(), spans, two_cities[: 9 * RATE])
    np.testing.assert_array_equal(joined.values, np.concatenate([track.values for track in tracks]))
    assert usage().entries == 1


def test_overlapping_utterances_have_states_of_their_own(tmp_path, home, two_cities):
    media = probe(make_media(tmp_path / "talk.wav", samples=two_cities[: 6 * RATE]))
    one, other, late = voice_tracks(media, WhisperStates(), [Span(0, 4), Span(1, 4), Span(9, 12)])
    assert (len(one.times), len(other.times), len(late.times)) == (50, 38, 0)
    assert voice_track(media, WhisperStates(), []).values.shape == (0, WIDTH)


MEASURE = """
import sys, numpy as np
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.machine import peak_memory
kind = EXTRACTORS["whisper"]()
sound = np.memmap(sys.argv[1], np.int16, "r")
kind(sound[: 50 * 16_000])
before = peak_memory()
track = kind(sound)
print(peak_memory() - before, track.values.nbytes / 1e6, sound.nbytes / 1e6)
"""


def test_memory_does_not_grow_with_the_recording(tmp_path, whisper_base):
    sound = np.memmap(tmp_path / "sound.raw", np.int16, "w+", shape=(240, RATE))
    sound[:] = talk(1.2, RATE)[:RATE]
    sound.flush()
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "sound.raw")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    more, track, file = map(float, done.stdout.split())
    assert more < 2 * track + file + 40  # the spectrogram and states of a window come and go


def test_a_missing_library_is_one_line(monkeypatch):
    load.cache_clear()
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(UserError, match=r"faster-whisper is not installed; pip install .*\[media\]"):
        WhisperStates()(noise(0.1, RATE))
