"""Split words into utterances at sentence ends, pauses or a maximum duration."""

import re
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from typing import TypeVar

import numpy as np

from sentiprism.media.types import Segment, Span, Word

_FINAL = re.compile(r"[.!?。！？…]['\"»”’)\]]*$")
_ABBREVIATION = re.compile(r"(?:[^\W\d_]|mr|mrs|ms|dr|prof|sr|jr|st|vs|e\.g|i\.e|u\.s)\.", re.IGNORECASE)
"""Titles and initials, which end in a point but not a sentence."""

T = TypeVar("T", Word, Span)


def segment(
    words: Sequence[Word], spans: Sequence[Span], longest: float = 15.0, pause: float = 0.7
) -> tuple[Segment, ...]:
    """Split a recording into utterances in the order of time, without overlaps; each word is in exactly one.

    Args:
        words: in the order of time, without overlaps; () if unknown. An utterance has words of one speaker.
        spans: spans of speech; speech outside of all words' utterances becomes utterances without words.
        longest: most seconds of an utterance; a longer one is split at its longest pause, repeatedly. A single word
            is never split.
        pause: seconds of silence that end an utterance; shorter speech without words next to words is ignored.
    """
    spoken = [
        Segment(part[0].start, part[-1].end, tuple(part), speaker=part[0].speaker)
        for sentence in _split(words, lambda one, after: _ends(one.text) or _apart(one, after, pause))
        for part in _cut(sentence, longest)
    ]
    wordless: list[Span] = []
    for span in spans:
        left = _outside(span, spoken)
        wordless += (part for part in left if part == span or part.end - part.start >= pause)
    starts = [one.start for one in spoken]
    alone = [
        Segment(part[0].start, part[-1].end, ())
        for together in _split(
            [piece for span in wordless for piece in _pieces(span, longest)],
            lambda one, after: after.start - one.end >= pause or any(one.end <= s <= after.start for s in starts),
        )
        for part in _cut(together, longest)
    ]
    return tuple(sorted([*spoken, *alone], key=lambda one: (one.start, one.end)))


def _ends(text: str) -> bool:
    return bool(_FINAL.search(text)) and not _ABBREVIATION.fullmatch(text)


def _apart(one: Word, after: Word, pause: float) -> bool:
    """Whether there is a pause between two words, or another speaker."""
    return after.start - one.end >= pause or one.speaker != after.speaker


def _split(items: Sequence[T], apart: Callable[[T, T], bool]) -> list[list[T]]:
    """Split items between neighbours that are ``apart``."""
    number = 0
    numbers = [0]
    for one, after in pairwise(items):
        number += apart(one, after)
        numbers.append(number)
    return [
        [item for _, item in run] for _, run in groupby(zip(numbers, items, strict=False), key=lambda pair: pair[0])
    ]


def _cut(items: list[T], longest: float) -> list[list[T]]:
    """Split into parts of at most ``longest`` seconds at the longest pause, or the most central one if tied."""
    done: list[list[T]] = []
    left = [items]
    while left:
        part = left.pop()
        if len(part) < 2 or part[-1].end - part[0].start <= longest:
            done.append(part)
            continue
        starts, ends = np.array([one.start for one in part]), np.array([one.end for one in part])
        pauses = starts[1:] - ends[:-1]
        off_middle = np.abs(starts[1:] - (starts[0] + ends[-1]) / 2)
        at = 1 + int(np.where(pauses >= pauses.max() - 1e-3, off_middle, np.inf).argmin())
        left += [part[at:], part[:at]]
    return done


def _pieces(span: Span, longest: float) -> list[Span]:
    """Split into equal parts of at most ``longest`` seconds."""
    count = max(-int(-(span.end - span.start) // longest), 1)
    step = (span.end - span.start) / count
    edges = [*(span.start + n * step for n in range(count)), span.end]
    return [Span(a, b) for a, b in pairwise(edges)]


def _outside(span: Span, spoken: Sequence[Segment]) -> list[Span]:
    """Parts of a span that are outside of all segments."""
    left = []
    start = span.start
    for one in spoken:
        if one.end <= start:
            continue
        if one.start >= span.end:
            break
        if one.start > start:
            left.append(Span(start, one.start))
        start = max(start, one.end)
    if start < span.end:
        left.append(Span(start, span.end))
    return left
