"""Utterances: sentences, pauses, at most so long; nothing lost, nothing twice."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiprism.media.segment import segment
from sentiprism.media.types import Span, Word


def said(text: str, start: float = 0.0, each: float = 0.5, gap: float = 0.0) -> list[Word]:
    return [
        Word(word, start + n * (each + gap), start + n * (each + gap) + each) for n, word in enumerate(text.split())
    ]


def texts(words: list[Word], **options: float) -> list[str | None]:
    return [one.text for one in segment(words, (), **options)]


def test_sentences_end_utterances() -> None:
    text = 'I liked it. "Really?" Yes! Dr. No and J. R. Smith … 真好。 he said'
    assert texts(said(text)) == ["I liked it.", '"Really?"', "Yes!", "Dr. No and J. R. Smith …", "真好。", "he said"]


def test_pauses_end_utterances() -> None:
    words = [*said("one two"), *said("three four", 1.7), *said("five", 3.3)]
    assert texts(words) == ["one two", "three four five"]
    assert texts(words, pause=0.5) == ["one two", "three four", "five"]
    assert texts(words, pause=2.0) == ["one two three four five"]


def test_a_long_utterance_is_cut_at_its_longest_pause() -> None:
    words = [*said("a b c d"), *said("e f", 2.4), *said("g h i", 3.5)]
    assert texts(words, longest=4.0) == ["a b c d", "e f g h i"]
    assert texts(words, longest=2.0) == ["a b c d", "e f", "g h i"]


def test_without_any_pause_it_is_cut_in_the_middle() -> None:
    found = segment(said("w " * 100), (), longest=15)
    assert len(found) == 4
    assert {len(one.words) for one in found} == {25}


def test_a_word_is_never_cut() -> None:
    (one,) = segment([Word("oooh", 0, 60)], (), longest=15)
    assert (one.start, one.end, one.text) == (0, 60, "oooh")


def test_speech_without_words_is_kept_beside_them() -> None:
    words = said("we are here.", 10)
    found = segment(words, (Span(0, 3), Span(3.2, 5), Span(9.7, 11.8), Span(20, 55), Span(60, 60.3)))
    assert [(one.start, one.end) for one in found if one.words] == [(10, 11.5)]
    alone = [one for one in found if not one.words]
    assert all(one.text is None for one in alone)
    assert (alone[0].start, alone[0].end) == (0, 5), "a short silence does not part; edges of words are left out"
    assert (alone[1].start, alone[-2].end) == (20, 55)
    assert all(one.end - one.start <= 15 for one in alone)
    assert (alone[-1].start, alone[-1].end) == (60, 60.3)


def test_long_speech_on_both_sides_of_words_is_kept() -> None:
    found = segment(said("hm", 10, each=0.3), (Span(5, 15),))
    assert [(one.start, one.end, one.text) for one in found] == [(5, 10, None), (10, 10.3, "hm"), (10.3, 15, None)]


def test_nothing_at_all() -> None:
    assert segment((), ()) == ()


@st.composite
def recordings(draw: st.DrawFn) -> tuple[list[Word], list[Span]]:
    def stretches(most: float) -> list[tuple[float, float]]:
        found: list[tuple[float, float]] = []
        for gap, length in draw(st.lists(st.tuples(st.floats(0, 2), st.floats(0, most)), max_size=40)):
            start = (found[-1][1] if found else 0.0) + gap
            found.append((start, start + length))
        return found

    ends = st.sampled_from(["a", "a.", "a!", "Mr.", "-"])
    return [Word(draw(ends), *pair) for pair in stretches(3)], [
        Span(*pair) for pair in stretches(25) if pair[0] < pair[1]
    ]


@settings(max_examples=50, deadline=None)
@given(recordings(), st.sampled_from([2.0, 15.0]), st.sampled_from([0.3, 0.7]))
def test_every_word_once_and_nothing_overlaps(
    recording: tuple[list[Word], list[Span]], longest: float, pause: float
) -> None:
    words, spans = recording
    found = segment(words, spans, longest=longest, pause=pause)
    assert [word for one in found for word in one.words] == words
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert all(one.end - one.start <= longest + 1e-6 or len(one.words) == 1 for one in found)
    for span in spans:  # speech is left out only beside words, and shorter than a pause
        inside = sum(max(min(one.end, span.end) - max(one.start, span.start), 0) for one in found)
        assert span.end - span.start - inside <= pause * (len(words) + 1) + 1e-6
        assert words or inside == pytest.approx(span.end - span.start)
