"""A given transcript keeps its words; their times come from the sound."""

from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.csv
import pytest

from makers_speech import TWO_CITIES, heard
from sentiprism.errors import UserError
from sentiprism.media.align import align, align_anchored, spread_evenly
from sentiprism.media.speech import RATE, find_speech
from sentiprism.media.types import Cue, Span, Word
from sentiprism.media.whisper import split_words

Sound = npt.NDArray[np.int16]
SILENCE = np.zeros(10 * RATE, np.int16)


def texts(words: tuple[Word, ...] | list[Word]) -> list[str]:
    return [word.text for word in words]


def rising(words: tuple[Word, ...], length: float) -> bool:
    pairs = pairwise(words)
    return all(a.end <= b.start for a, b in pairs) and all(0 <= word.start <= word.end <= length for word in words)


def test_without_times_or_model_words_share_the_speech() -> None:
    words = align([Cue("aa bb"), Cue("ccccc")], SILENCE, (Span(1, 2), Span(5, 7)), None)
    assert texts(words) == ["aa", "bb", "ccccc"]
    assert [word[1:3] for word in words] == [(1, 1.75), (5, 5.5), (5.5, 7)], "bb lies on both sides of the silence"


def test_cues_keep_their_words_inside_them() -> None:
    cues = [Cue("one two three", 1, 4), Cue("four", 4, 4.5), Cue("five six", 8, 9)]
    words = align(cues, SILENCE, (Span(2, 3.5), Span(8.5, 9.5)), None)
    assert texts(words) == ["one", "two", "three", "four", "five", "six"]
    assert (words[0].start, words[2].end) == (2, 3.5), "only where somebody speaks"
    assert words[3][1:3] == (4, 4.5)
    assert (words[4].start, words[5].end) == (8.5, 9)


def test_words_of_json_keep_their_times_and_those_without_take_the_gap() -> None:
    cues = [Cue("a", 1, 2), Cue("7"), Cue("8"), Cue("b", 3, 4)]
    words = align(cues, SILENCE, (Span(0, 10),), None)
    assert [(word.text, *word[1:3]) for word in words] == [("a", 1, 2), ("7", 2, 2.5), ("8", 2.5, 3), ("b", 3, 4)]


def test_overlapping_cues_are_put_one_after_the_other() -> None:
    words = align([Cue("a b", 0, 9), Cue("c", 1, 2), Cue("d e", 1, 30)], SILENCE, (Span(0, 10),), None)
    assert texts(words) == list("abcde")
    assert rising(words, 10)


def test_cue_in_a_silence_still_has_its_words() -> None:
    words = align([Cue("a b", 1, 2), Cue("c", 9.5, 12)], SILENCE, (), None)
    assert [word[1:3] for word in words] == [(1, 1.5), (1.5, 2), (9.5, 10)]


def test_transcript_of_another_recording_is_refused() -> None:
    with pytest.raises(UserError, match=r"words at 75.0 s, the recording ends at 10.0 s"):
        align([Cue("a", 1, 2), Cue("b", 75, 76)], SILENCE, (), None)


def test_without_a_recording_the_cues_times_are_all_there_is() -> None:
    words = align([Cue("a b", 75, 76), Cue("c", 80, 81)], np.zeros(0, np.int16), (), None)
    assert [word[1:3] for word in words] == [(75, 75.5), (75.5, 76), (80, 81)]
    assert align([], SILENCE, (), None) == ()


def test_recognised_words_are_anchors_of_given_ones() -> None:
    recognised = [Word("And,", 1, 2, 0.9), Word("fine", 4, 5, 0.8), Word("film!", 5, 6, 0.7)]
    found = align_anchored(["and", "um", "a", "fine", "Film", "ok"], recognised, Span(0, 8), [Span(0.5, 7)])
    assert texts(found) == ["and", "um", "a", "fine", "Film", "ok"]
    assert [(word.start, word.probability) for word in found] == [
        (1, 0.9),
        (2, None),
        (pytest.approx(3.2), None),
        (4, 0.8),
        (5, 0.7),
        (6, None),
    ]
    assert found[-1].end == 7


def test_text_that_is_not_what_was_said_loses_no_word() -> None:
    found = align_anchored(["x", "y"], [Word("a", 1, 2, 0.9)], Span(0, 8), [Span(1, 2)])
    assert [word[1:3] for word in found] == [(1, 1.5), (1.5, 2)]
    assert texts(align_anchored(["x"], [], Span(0, 8), [])) == ["x"]
    assert spread_evenly([], Span(0, 1), []) == []


def test_a_filler_is_kept_and_located(shared_data: Path, whisper_base: Path) -> None:
    """MOSI's transcript as it is: of a clip in which Whisper by itself writes other words."""
    rows = pyarrow.csv.read_csv(shared_data / "mosi" / "labels.csv").to_pylist()
    (text,) = [row["text"] for row in rows if row["id"] == "Oz06ZWiO20M_6"]
    sound = heard(shared_data / "clips" / "mosi_Oz06ZWiO20M_6.mp4")
    words = align([Cue(text)], sound, find_speech(sound), whisper_base)
    assert texts(words) == text.split()
    assert rising(words, len(sound) / RATE)
    starts = {word.text: word.start for word in words}
    assert starts["ambitious"] == pytest.approx(3.5, abs=0.3)
    assert starts["idiosyncratic"] == pytest.approx(6.1, abs=0.3)
    assert all(word.end > word.start for word in words)


def test_half_a_minute_and_more_is_anchored_then_located(two_cities: Sound, whisper_base: Path) -> None:
    sound = two_cities[: round(32.6 * RATE)]
    text = TWO_CITIES.replace("in short,", "um, in short,").partition("that some")[0]
    told: list[float] = []
    words = align([Cue(text)], sound, find_speech(sound), whisper_base, on=told.append)
    assert texts(words) == split_words(text)
    assert rising(words, len(sound) / RATE)
    starts = {word.text: word.start for word in words}
    assert starts["wisdom,"] == pytest.approx(5.74, abs=0.2)
    assert starts["period,"] == pytest.approx(31.72, abs=0.2)
    assert told == sorted(told)
    assert told[-1] > 32


def test_cues_are_located_within_their_times(two_cities: Sound, whisper_base: Path) -> None:
    sound = two_cities[: round(10.5 * RATE)]
    cues = [Cue("It was the best of times, it was the worst of times,", 1.0, 4.9)]
    cues += [Cue("it was the age of wisdom,", 4.9, 6.4), Cue("it was the age of foolishness", 6.4, 8.5)]
    words = align(cues, sound, find_speech(sound), whisper_base, "en")
    coarse = align(cues, sound, find_speech(sound), None)
    assert texts(words) == texts(coarse) == " ".join(cue.text for cue in cues).split()
    starts, shared = ({word.text: word.start for word in found} for found in (words, coarse))
    assert starts["wisdom,"] == pytest.approx(5.74, abs=0.15)
    assert starts["worst"] == pytest.approx(3.38, abs=0.15)
    assert shared["worst"] == pytest.approx(3.38, abs=1.0), "without a model it is coarse"
    left = iter(words)
    for cue in cues:
        assert all(cue.start <= word.start <= word.end <= cue.end for word in islice(left, len(cue.text.split())))
