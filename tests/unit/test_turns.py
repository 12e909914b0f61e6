"""Turns of a stream: found as the sound arrives, from a real voice and from made probabilities."""

from itertools import pairwise

import numpy as np
import pytest

from sentiprism.analysis.streaming.sound import LONGEST_GAP, StreamSound, read_samples
from sentiprism.errors import UserError
from sentiprism.media.speech import PAD, RATE, SECONDS, SHORTEST, STEP, VoiceActivity, find_speech
from sentiprism.media.turns import Turn, TurnFinder

PAUSE = 0.4


def turns_in(sound, probabilities, *, pause=PAUSE, longest=15.0):
    """Turns, and the largest number of seconds that was needed at any time."""
    finder, found, most = TurnFinder(pause, longest), [], 0.0
    for number, probability in enumerate(probabilities, 1):
        found += filter(None, [finder.add(probability, sound[: number * STEP])])
        most = max(most, number * SECONDS - finder.needed)
    return [*found, *finder.finish(sound, len(sound) / RATE)], most


def test_turns_of_a_reading_hold_its_spans_of_speech(two_cities):
    sound = two_cities[: 20 * RATE + 77]
    activity = VoiceActivity()
    steps = [sound[first : first + STEP] for first in range(0, len(sound), STEP)]
    found, _ = turns_in(sound, [one for step in steps for one in activity(step)])
    np.testing.assert_allclose([span for turn in found for span in turn.spans], find_speech(sound))
    assert len(found) > 2
    assert all(after.start - before.end >= PAUSE - 2 * PAD for before, after in pairwise(found))
    inner = [after.start - before.end for turn in found for before, after in pairwise(turn.spans)]
    assert inner
    assert all(gap < PAUSE - 2 * PAD for gap in inner)


def test_ten_minutes_without_a_pause_are_cut_where_it_is_quiet_and_little_of_them_is_needed():
    sound = np.full(600 * RATE, 1000, np.int16)
    for second in range(12, 600, 12):
        sound[second * RATE : second * RATE + 1600] = 0
    found, most = turns_in(sound, [1.0] * (len(sound) // STEP))
    assert [turn.start for turn in found[1:]] == [turn.end for turn in found[:-1]]
    assert all(turn.end - turn.start <= 15 for turn in found)
    assert [turn.end for turn in found[:3]] == pytest.approx([12.05, 24.05, 36.05], abs=0.01)
    assert most < 16


@pytest.mark.parametrize("seed", range(5))
def test_turns_are_in_order_and_no_decision_needs_what_comes_later(seed):
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 40, 200)
    values = np.repeat(random.choice([0.1, 0.4, 0.9], 200), lengths)
    sound = random.integers(-3000, 3000, len(values) * STEP).astype(np.int16)
    found, _ = turns_in(sound, values.tolist(), longest=3.0)
    assert len(found) > 5
    assert all(SHORTEST <= turn.end - turn.start <= 3.0 for turn in found)
    assert all(before.end <= after.start for before, after in pairwise(found))
    half = len(values) // 2
    early, _ = turns_in(sound[: half * STEP], values[:half].tolist(), longest=3.0)
    assert found[: len(early) - 1] == early[:-1]


def test_a_turn_that_runs_is_known_up_to_its_last_voice():
    finder, sound = TurnFinder(0.7, 15.0), np.zeros(RATE * 3, np.int16)
    assert finder.current is None
    assert finder.quiet
    for _ in range(20):
        assert finder.add(0.9, sound) is None
    assert finder.current == Turn(0.0, 20 * SECONDS, ((0.0, 20 * SECONDS),))
    silent = [finder.add(0.0, sound) for _ in range(30)]
    assert [turn for turn in silent if turn] == [Turn(0.0, 20 * SECONDS + PAD, ((0.0, 20 * SECONDS + PAD),))]
    assert finder.current is None


def test_sound_by_its_time():
    sound = StreamSound()
    sound.add(np.ones(RATE, np.int16))
    sound.add(np.ones(RATE, np.int16), 1.01)  # jitter
    sound.add(np.full(RATE, 2, np.int16), 2.5)  # a gap
    sound.add(np.full(RATE, 3, np.int16), 3.0)  # an overlap of half a second
    assert sound.seconds == 4.0
    assert [sound[round(at * RATE) : round(at * RATE) + 1].tolist() for at in (1.9, 2.4, 2.6, 3.4, 3.6)] == [
        *([1], [0], [2], [2], [3]),
    ]
    sound.forget(3.0)
    assert len(sound[0 : 3 * RATE]) == 0
    assert sound[3 * RATE :].tolist() == [2] * (RATE // 2) + [3] * (RATE // 2)
    for late in (4.0 + LONGEST_GAP + 1, float("nan"), float("inf")):
        with pytest.raises(UserError, match="the sound continues at"):
            sound.add(np.zeros(1, np.int16), late)
    with pytest.raises(UserError, match="3 bytes"):
        read_samples(b"abc")
    assert read_samples(b"\x01\x00\xff\xff").tolist() == [1, -1]
