"""The extractor "sims33" against the calls that CH-SIMS's features were made with."""

import numpy as np
import pytest

from makers_sound import buzz, noise, sine, talk
from sentiprism.features.extractors.sims33 import RATE, Sims33, Sims33F0

librosa = pytest.importorskip("librosa")


def test_the_columns_are_those_of_the_dataset():
    for kind, first in ((Sims33, "zcr"), (Sims33F0, "f0")):
        names = kind.recipe.columns
        assert len(names) == 33
        assert names[0] == first
        assert names[1:21] == tuple(f"mfcc_{n:02d}" for n in range(20))
        assert [name.startswith("chroma_") for name in names] == [False] * 21 + [True] * 12
    assert Sims33.recipe.difference(Sims33F0.recipe) == "the extractor is 'sims33', not 'sims33_f0'"


def test_values_are_librosas_own():
    sound = np.concatenate([talk(0.9, RATE), buzz(330, 0.6, RATE), talk(1.5, RATE)])
    y = sound.astype(np.float32) / 32768
    track = Sims33()(sound)
    np.testing.assert_allclose(track.times, librosa.times_like(track.values[:, 0], sr=RATE, hop_length=512))
    np.testing.assert_allclose(track.values[:, 0], librosa.feature.zero_crossing_rate(y)[0], atol=1e-6)
    mfcc = librosa.feature.mfcc(y=y, sr=RATE, n_mfcc=20, htk=True)
    np.testing.assert_allclose(track.values[:, 1:21], mfcc.T, atol=0.02)
    chroma = librosa.feature.chroma_cqt(y=y, sr=RATE)
    heard = track.values[:, 21:].any(axis=1)
    np.testing.assert_allclose(track.values[heard, 21:], chroma.T[heard], atol=5e-3)


def test_chroma_of_an_a_and_of_digital_silence():
    track = Sims33()(np.concatenate([sine(440, 2, RATE), np.zeros(4 * RATE, np.int16)]))
    chroma = track.values[:, 21:]
    tone = (track.times > 0.2) & (track.times < 1.8)
    assert Sims33.recipe.columns[21:][int(chroma[tone].mean(axis=0).argmax())] == "chroma_a"
    assert chroma[tone].max(axis=1) == pytest.approx(1)
    assert not chroma[track.times > 4].any()


def test_the_tuning_of_a_long_recording_is_that_of_its_middle_minute():
    """A quarter tone above A, between two minutes of hiss: the chroma is as clean as that of the tone alone."""
    tone = sine(440 * 2 ** (0.25 / 12), 60, RATE)
    hiss = noise(40, RATE, 300)
    track, alone = Sims33()(np.concatenate([hiss, tone, hiss])), Sims33()(tone)
    middle = (track.times > 45) & (track.times < 95)
    np.testing.assert_allclose(
        track.values[middle, 21:].mean(axis=0), alone.values[500:2000, 21:].mean(axis=0), atol=0.01
    )


def test_log_f0_of_a_voice():
    track = Sims33F0()(np.concatenate([noise(0.3, RATE, 100), buzz(220, 1, RATE), noise(0.3, RATE, 100)]))
    np.testing.assert_allclose(np.exp(track.values[:, 0]), 220, rtol=0.02)


def test_log_f0_without_a_voice_is_the_middle_of_the_range():
    np.testing.assert_allclose(np.exp(Sims33F0()(np.zeros(RATE, np.int16)).values[:, 0]), np.sqrt(65 * 600), rtol=1e-5)
