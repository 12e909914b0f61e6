"""Where speech is, and what is said: on real voices."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from makers_speech import heard
from sentiprism.errors import UserError
from sentiprism.media.recognise import recognise, tidy, windows
from sentiprism.media.speech import RATE, find_speech, probabilities
from sentiprism.media.types import Span, Word
from sentiprism.media.whisper import STATE_RATE, load, split_words

Sound = npt.NDArray[np.int16]


def test_a_reading_is_speech_between_its_pauses(two_cities: Sound) -> None:
    spans = find_speech(two_cities)
    length = len(two_cities) / RATE
    assert 0.9 < spans[0].start < 1.5, "the reader takes a breath first"
    assert 0.8 < sum(span.end - span.start for span in spans) / length < 0.95
    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert spans[-1].end <= length


def test_blocks_change_nothing(two_cities: Sound) -> None:
    piece = two_cities[: 9 * RATE + 100]
    whole = list(probabilities(piece, 10_000))
    assert len(whole) == -(-len(piece) // 512)
    np.testing.assert_allclose(list(probabilities(piece, 7)), whole, atol=1e-5)
    assert find_speech(piece, block=7) == find_speech(piece)


def test_as_the_detector_that_reads_all_at_once(two_cities: Sound) -> None:
    from faster_whisper.vad import get_vad_model

    piece = two_cities[: 512 * 300].astype(np.float32) / 32768
    expected = get_vad_model()(piece.copy()).ravel()
    found = list(probabilities(two_cities[: 512 * 300], 64))
    np.testing.assert_allclose(found[:-1], expected[:-1], atol=1e-5)


def test_noise_tone_and_silence_are_no_speech(shared_data: Path) -> None:
    time = np.arange(10 * RATE) / RATE
    noise = np.random.default_rng(0).normal(0, 3000, len(time))
    assert find_speech(noise.astype(np.int16)) == ()
    assert find_speech((9000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)) == ()
    assert find_speech(np.zeros(10 * RATE, np.int16)) == ()
    assert find_speech(np.zeros(0, np.int16)) == ()
    assert find_speech(np.zeros(7, np.int16)) == ()
    assert find_speech(heard(shared_data / "clips" / "pyfeat_single_face.mp4")) == ()


def test_pauses_shorter_than_asked_do_not_part(two_cities: Sound) -> None:
    piece = two_cities[: 20 * RATE]
    fine, coarse = find_speech(piece, silence=0.1), find_speech(piece, silence=1.0)
    assert len(fine) > len(coarse) >= 1
    assert all(any(c.start <= f.start and f.end <= c.end for c in coarse) for f in fine)


def test_windows_hold_all_speech_and_part_in_the_longest_pause() -> None:
    spans = (Span(0, 10), Span(10.3, 21), Span(22, 26), Span(26.2, 29), Span(29.4, 33), Span(50, 95))
    sound = np.full(100 * RATE, 1000, np.int16)
    sound[round(76.0 * RATE) : round(76.2 * RATE)] = 0
    found = windows(sound, spans)
    assert found[:2] == [Span(0, 21), Span(22, 33)]
    assert all(window.end - window.start <= 30 for window in found)
    assert found[2].start == 50
    assert 76.0 <= found[2].end <= 76.2, "a stretch without a pause is parted where it is quietest"
    assert found[3] == Span(found[2].end, 95)


def test_times_rise_and_stay_within_speech() -> None:
    words = [Word("a", 0.0, 2.0), Word("b", 1.9, 2.4), Word("c", 2.2, 9.0), Word("d", 20.0, 21.0)]
    found = tidy(words, (Span(1.5, 2.1), Span(2.2, 3.0)), 10.0)
    assert [tuple(word[1:3]) for word in found] == [(1.5, 2.0), (2.2, 2.4), (2.4, 3.0), (10.0, 10.0)]


def test_words_of_scripts_without_spaces() -> None:
    assert split_words("  It's well-known, \n isn’t it? ") == ["It's", "well-known,", "isn’t", "it?"]
    assert split_words("我很开心。really 好!") == ["我", "很", "开", "心。", "really", "好!"]
    text = "« Non », dit-il — すごい (笑)"
    assert "".join(split_words(text)) == "".join(text.split())


def test_what_is_said_and_when(two_cities: Sound, whisper_base: Path) -> None:
    piece = two_cities[: round(10.5 * RATE)]
    told: list[float] = []
    words, language = recognise(piece, find_speech(piece), whisper_base, on=told.append)
    text = "".join(c for word in words for c in f"{word.text.lower()} " if c.isalpha() or c == " ")
    assert (language.code, language.probability > 0.9) == ("en", True)
    assert text.startswith("it was the best of times it was the worst of times it was the age of wisdom")
    assert "it was the age of foolishness" in text
    starts = {word.text: word.start for word in words}
    assert starts["wisdom,"] == pytest.approx(5.74, abs=0.2)
    assert all(a.start < a.end <= b.start for a, b in pairwise(words))
    assert all(word.probability is not None and 0 <= word.probability <= 1 for word in words)
    assert told
    assert told[-1] == pytest.approx(words[-1].end, abs=0.5)
    assert recognise(piece, find_speech(piece), whisper_base) == (words, language)


def test_short_windows_are_encoded_with_less_silence_and_recognised_alike(
    two_cities: Sound, whisper_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whisper = load(whisper_base)

    def shape(*windows: Span) -> list[int]:
        return list(whisper.encode_either(two_cities, windows).shape[:2])

    assert shape(Span(0, 5)) == [1, 12 * STATE_RATE]
    assert shape(Span(0, 5), Span(5, 20)) == [2, 19 * STATE_RATE]
    assert shape(Span(0, 5), Span(5, 22)) == [2, 30 * STATE_RATE]
    piece = two_cities[: 9 * RATE]
    brief, _ = recognise(piece, find_speech(piece), whisper_base, "en")
    monkeypatch.setattr("sentiprism.media.whisper.BRIEF", 0.0)
    whole, _ = recognise(piece, find_speech(piece), whisper_base, "en")
    assert [word.text for word in brief] == [word.text for word in whole]
    assert len(brief) > 10
    np.testing.assert_allclose([word.start for word in brief], [word.start for word in whole], atol=0.1)


def test_nothing_is_heard_in_noise(whisper_base: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 300, 5 * RATE).astype(np.int16)
    assert recognise(noise, (), whisper_base) == ((), None)
    words, _ = recognise(noise, (Span(0, 5),), whisper_base, "en")
    assert words == ()


def test_unknown_language_and_wrong_folder_are_one_line(two_cities: Sound, whisper_base: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not know the language 'xx'"):
        recognise(two_cities[:RATE], (Span(0, 1),), whisper_base, "xx")
    with pytest.raises(UserError, match=r"it has no model\.bin"):
        recognise(two_cities[:RATE], (Span(0, 1),), tmp_path)
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(UserError, match="cannot be loaded") as caught:
        recognise(two_cities[:RATE], (Span(0, 1),), tmp_path)
    assert len(str(caught.value).splitlines()) == 1


def test_other_sizes_come_from_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    from sentiprism.assets.sources import UnavailableError
    from sentiprism.media import whisper_models as speech_models

    asked: list[tuple[str, str]] = []

    def closed(repo: str, *, kept: str) -> Path:
        asked.append((repo, kept))
        raise UnavailableError("the hub does not answer")

    monkeypatch.setattr(speech_models, "hub_snapshot", closed)
    for name in ("small", "someone/whisper-tuned"):
        with pytest.raises(UserError, match=f"speech model '{name}' is not available: the hub does not answer"):
            speech_models.resolve_whisper(name)
    assert asked == [("Systran/faster-whisper-small", "model.bin"), ("someone/whisper-tuned", "model.bin")]


def test_models_by_name(whisper_base: Path, tmp_path: Path) -> None:
    from sentiprism.media.whisper_models import resolve_whisper

    assert resolve_whisper("base") == whisper_base
    assert resolve_whisper(whisper_base) == resolve_whisper(str(whisper_base)) == whisper_base
    with pytest.raises(UserError, match="did you mean 'large-v3'"):
        resolve_whisper("large-v33")
    with pytest.raises(UserError, match=r"it has no model\.bin"):
        resolve_whisper(tmp_path)
    with pytest.raises(UserError, match="no speech model"):
        resolve_whisper(tmp_path / "none")
