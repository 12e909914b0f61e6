"""The extractor "speech", and what every extractor of sound has to bear."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from makers_sound import EDGES, buzz, noise, sine, talk
from sentiprism.errors import UserError
from sentiprism.features.extractors import EXTRACTORS, AudioExtractor, _sound, egemaps, sims33, speech
from sentiprism.features.extractors.speech import HOP, LENGTH, Speech
from sentiprism.features.track import Track

librosa = pytest.importorskip("librosa")
SOUND = [name for name in EXTRACTORS if issubclass(EXTRACTORS[name], AudioExtractor)]
HAND_MADE = [name for name in SOUND if not EXTRACTORS[name].contextual]
"""The others: test_whisper_features.py."""
RATE = 16_000


def extractor(name: str) -> AudioExtractor:
    if name == "egemaps":
        pytest.importorskip("opensmile", reason="opensmile is not installed: its licence is not for everyone")
    return EXTRACTORS[name]()


def column(track: Track, name: str) -> np.ndarray:
    return track.values[:, Speech.recipe.columns.index(name)]


def inner(track: Track, name: str) -> np.ndarray:
    """Without the frames that hear the silence before and after."""
    return column(track, name)[2:-2]


def decibels() -> np.ndarray:
    return np.array(Speech.recipe.units) == "dB"


def test_the_extractors_of_sound_are_found():
    assert SOUND == ["egemaps", "sims33", "sims33_f0", "speech", "whisper"]


@pytest.mark.parametrize("name", HAND_MADE)
@pytest.mark.parametrize("edge", EDGES)
def test_every_sound_has_finite_numbers_under_the_names_of_the_recipe(name, edge):
    track = extractor(name)(EDGES[edge])
    assert len(track.times) >= 1
    assert track.values.shape == (len(track.times), len(EXTRACTORS[name].recipe.columns))
    assert track.values.dtype == np.float32
    assert np.isfinite(track.values).all()
    assert (np.diff(track.times) > 0).all()


@pytest.mark.parametrize("name", HAND_MADE)
def test_no_sound_has_no_steps(name):
    track = extractor(name)(np.zeros(0, np.int16))
    assert track.values.shape == (0, len(EXTRACTORS[name].recipe.columns))
    assert track.times.shape == (0,)


@pytest.mark.parametrize("name", HAND_MADE)
def test_a_click_shows_at_its_time(name):
    kind = extractor(name)
    sound = noise(2, kind.sample_rate, 2)
    sound[kind.sample_rate] = 30_000
    track = kind(sound)
    loudness = {"egemaps": "Loudness_sma3", "speech": "rms"}.get(name, "mfcc_00")
    level = track.values[:, kind.recipe.columns.index(loudness)]
    heard = track.times[level > (level.max() + np.median(level)) / 2]
    assert abs(heard.mean() - 1.0) <= 0.5 / kind.recipe.rate + 1e-9


@pytest.mark.parametrize(
    ("name", "module", "sizes"),
    [("speech", speech, (1, 7, 100)), ("sims33", sims33, (50, 211)), ("sims33_f0", sims33, (50, 211))],
)
def test_blocks_change_no_number(name, module, sizes, monkeypatch):
    sound = talk(11.3, EXTRACTORS[name].sample_rate)
    whole = extractor(name)(sound)
    for size in sizes:
        monkeypatch.setattr(module, "BLOCK", size)
        part = extractor(name)(sound)
        np.testing.assert_array_equal(part.times, whole.times)
        # as large as float32 rounding in a Fourier transform of another length
        np.testing.assert_allclose(part.values, whole.values, rtol=1e-4, atol=5e-3)


def test_blocks_change_no_number_of_egemaps(monkeypatch):
    kind, sound = extractor("egemaps"), talk(11.3, RATE)
    whole = kind(sound)
    for size in (100, 333):
        monkeypatch.setattr(egemaps, "BLOCK", size)
        np.testing.assert_array_equal(kind(sound).values, whole.values)


MEASURE = """
import sys, numpy as np
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.machine import peak_memory
for name, seconds in (("speech", 600), ("sims33_f0", 240)):
    kind = EXTRACTORS[name]()
    sound = np.memmap(sys.argv[1], np.int16, "r", shape=(seconds * kind.sample_rate,))
    kind(sound[: 70 * kind.sample_rate])
    before = peak_memory()
    track = kind(sound)
    print(peak_memory() - before, track.values.nbytes / 1e6, sound.nbytes / 1e6)
"""


def test_memory_does_not_grow_with_the_recording(tmp_path):
    """Of ten minutes, and of four, only the track itself is more than of one."""
    sound = np.memmap(tmp_path / "sound.raw", np.int16, "w+", shape=(600, 22_050))
    sound[:] = talk(1.2, 22_050)[:22_050]
    sound.flush()
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "sound.raw")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured = [tuple(map(float, line.split())) for line in done.stdout.splitlines()]
    assert len(measured) == 2
    for more, track, file in measured:
        assert more < 2 * track + file + 10  # pages of the map count as resident until the system takes them


def test_a_missing_library_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(UserError, match=r"librosa is not installed; pip install .*\[media\]"):
        Speech()(noise(0.1, RATE))


def test_missing_opensmile_is_one_line_that_names_the_licence(monkeypatch):
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(UserError, match=r"opensmile is not installed; .*\[opensmile\].*not for commercial use"):
        EXTRACTORS["egemaps"]()(noise(0.1, RATE))


def test_egemaps_hears_the_pitch_of_a_voice():
    kind = extractor("egemaps")
    semitones = kind(buzz(220, 2, RATE)).values[:, kind.recipe.columns.index("F0semitoneFrom27.5Hz_sma3nz")]
    assert np.median(semitones) == pytest.approx(36, abs=0.3)  # 220 Hz is three octaves above 27.5


@pytest.mark.parametrize("hertz", [80, 220, 550])
def test_pitch_and_voicing_of_a_voice(hertz):
    track = Speech()(buzz(hertz, 2, RATE))
    np.testing.assert_allclose(np.exp(inner(track, "f0")), hertz, rtol=0.01)
    assert inner(track, "voicing").min() > 0.9


def test_a_sine_has_its_frequency_as_pitch_and_centroid():
    track = Speech()(sine(220, 2, RATE))
    np.testing.assert_allclose(np.exp(inner(track, "f0")), 220, rtol=0.01)
    np.testing.assert_allclose(inner(track, "centroid"), 220, rtol=0.03)
    np.testing.assert_allclose(inner(track, "zcr"), 440 / RATE, rtol=0.05)
    np.testing.assert_allclose(inner(track, "rms"), 20 * np.log10(8000 / 32768 / np.sqrt(2)), atol=0.05)


def test_noise_and_silence_are_not_voiced_and_hiss_is_flat():
    hiss, silence = Speech()(noise(2, RATE)), Speech()(np.zeros(2 * RATE, np.int16))
    assert column(hiss, "voicing").max() < 0.5
    assert column(silence, "voicing").max() == 0
    assert inner(hiss, "flatness").mean() > -1
    assert inner(Speech()(sine(220, 2, RATE)), "flatness").mean() < -4
    assert column(silence, "rms") == pytest.approx(-100)


def test_pitch_is_drawn_through_a_pause():
    pause = noise(0.4, RATE, 2)
    track = Speech()(np.concatenate([buzz(200, 0.5, RATE), pause, buzz(300, 0.5, RATE)]))
    resting = column(track, "voicing") <= 0.5
    assert 8 <= resting.sum() <= 14
    drawn = np.exp(column(track, "f0")[np.flatnonzero(resting)[1:-2]])
    assert drawn.min() > 195
    assert drawn.max() < 305
    assert (np.diff(drawn) > 0).all()


def test_the_hum_of_a_room_between_words_is_not_voiced():
    hum = sine(100, 0.5, RATE, 12)
    track = Speech()(np.concatenate([buzz(200, 1, RATE), hum, buzz(200, 1, RATE)]))
    between = column(track, "voicing")[(track.times > 1.1) & (track.times < 1.4)]
    assert between.max() == 0


def test_a_gain_moves_the_columns_in_db_by_itself_and_no_other():
    sound = (talk(6, RATE) // 4)[: int(0.9 * RATE)]  # without digital silence, which no gain moves
    one, four = Speech()(sound).values[:-1], Speech()(sound * 4).values[:-1]
    assert decibels().sum() == 41
    np.testing.assert_allclose((four - one)[:, decibels()], 20 * np.log10(4), atol=1e-3)
    np.testing.assert_allclose(four[:, ~decibels()], one[:, ~decibels()], rtol=1e-3, atol=1e-2)


def test_values_are_librosas_own():
    sound = talk(4, RATE)
    track, y = Speech()(sound), sound.astype(np.float32) / 32768
    same = {"n_fft": LENGTH, "hop_length": HOP}
    mel = librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=RATE, n_mels=40, **same), top_db=None)
    names = Speech.recipe.columns
    bands = [i for i, name in enumerate(names) if name.startswith("mel_")]
    cepstra = [i for i, name in enumerate(names) if name.startswith("mfcc_")]
    np.testing.assert_allclose(track.values[:, bands], mel.T, atol=1e-3)
    np.testing.assert_allclose(track.values[:, cepstra], librosa.feature.mfcc(S=mel, n_mfcc=14)[1:].T, atol=5e-3)
    expected = {
        "centroid": librosa.feature.spectral_centroid(y=y, sr=RATE, **same),
        "bandwidth": librosa.feature.spectral_bandwidth(y=y, sr=RATE, **same),
        "rolloff": librosa.feature.spectral_rolloff(y=y, sr=RATE, **same),
        "flatness": np.log(librosa.feature.spectral_flatness(y=y, **same)),
        "rms": librosa.amplitude_to_db(
            librosa.feature.rms(y=y, frame_length=LENGTH, hop_length=HOP), top_db=None, amin=1e-5
        ),
        "flux": librosa.onset.onset_strength(S=mel, center=False)[None] * RATE / HOP,
    }
    for name, values in expected.items():
        np.testing.assert_allclose(column(track, name), values[0], rtol=1e-3, atol=1e-3, err_msg=name)
    crossings = librosa.feature.zero_crossing_rate(y, frame_length=LENGTH, hop_length=HOP)[0]
    np.testing.assert_allclose(inner(track, "zcr"), crossings[2:-2])  # at the ends librosa repeats the last sample
    frequency = librosa.yin(y, fmin=65, fmax=600, sr=RATE, frame_length=LENGTH, hop_length=HOP)
    voiced = column(track, "voicing") > 0.5
    np.testing.assert_allclose(np.exp(column(track, "f0")[voiced]), frequency[voiced], rtol=1e-3)


CLIPS = {"03-01-03-02-01-01-01": (100, 300), "03-01-05-02-01-01-02": (150, 450), "03-01-04-01-02-01-09": (65, 220)}
"""Happy man, angry woman, sad man: Hz between which the median pitch must lie."""


@pytest.mark.parametrize("clip", CLIPS)
def test_acted_speech_is_plausible(clip, shared_data: Path):
    soundfile = pytest.importorskip("soundfile")
    sound, rate = soundfile.read(shared_data / "ravdess" / f"{clip}.flac", dtype="int16")
    assert rate == RATE
    for name in ("speech", "sims33", "sims33_f0"):
        assert np.isfinite(EXTRACTORS[name]()(sound).values).all()
    track = Speech()(sound)
    voiced = column(track, "voicing") > 0.5
    assert 0.15 < voiced.mean() < 0.8  # a clip begins and ends in silence
    low, high = CLIPS[clip]
    assert low < np.exp(np.median(column(track, "f0")[voiced])) < high
    assert column(track, "rms")[voiced].mean() > column(track, "rms")[~voiced].mean() + 10


def test_cut_fills_what_lies_outside():
    sound = np.array([16384, -32768, 8192], np.int16)
    np.testing.assert_array_equal(_sound.cut(sound, -2, 5), [0, 0, 0.5, -1, 0.25, 0, 0])
    np.testing.assert_array_equal(_sound.cut(sound, -1, 4, ends="edge"), [0.5, 0.5, -1, 0.25, 0.25])
    np.testing.assert_array_equal(_sound.cut(sound, 1, 2), [-1])
