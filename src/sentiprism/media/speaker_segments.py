"""Split utterances where the speaker changes, and name the speakers."""

from collections.abc import Sequence
from itertools import pairwise

from sentiprism.media.diarize import SpeakerTurn
from sentiprism.media.types import Segment, Word

SHORTEST = 1.0
"""Seconds of another speaker within an utterance from which it is split; times by voice are not more accurate."""
REACH = 0.8
"""Seconds around a change of voice in which the utterance is split, at the longest pause between two words."""


def name_speakers(segments: Sequence[Segment], turns: Sequence[SpeakerTurn]) -> tuple[Segment, ...]:
    """Split utterances where the speaker changes, and name the speakers S1, S2, … in the order in which they speak.

    Args:
        segments: in the order of time.
        turns: from `sentiprism.media.diarize.diarize`; if there are none, speakers stay unknown.
    """
    if not turns:
        return tuple(segments)
    parts = [part for one in segments for part in _split(one, turns)]
    names: dict[int, str] = {}
    for _, speaker in parts:
        names.setdefault(speaker, f"S{len(names) + 1}")
    return tuple(part._replace(speaker=names[speaker]) for part, speaker in parts)


def _split(segment: Segment, turns: Sequence[SpeakerTurn]) -> list[tuple[Segment, int]]:
    """Parts of an utterance with the number of their speaker."""
    heard = _heard(segment, turns)
    parts = [segment]
    for turn, after in pairwise(heard):
        if (cut := _cut(parts[-1], (turn.end + after.start) / 2)) is not None:
            parts[-1:] = cut
    return [(part, max(heard, key=lambda turn: _shared(part, turn)).speaker) for part in parts]


def _heard(segment: Segment, turns: Sequence[SpeakerTurn]) -> list[SpeakerTurn]:
    """Turns within an utterance, without those that are too short; the nearest one if there are none."""
    inside = [
        SpeakerTurn(max(turn.start, segment.start), min(turn.end, segment.end), turn.speaker)
        for turn in turns
        if turn.start < segment.end and turn.end > segment.start
    ]
    if not inside:
        return [max(turns, key=lambda turn: _shared(segment, turn))]
    joined = _join(inside)
    while len(joined) > 1 and min(map(_seconds, joined)) < SHORTEST:
        joined.remove(min(joined, key=_seconds))
        joined = _join(joined)
    return joined


def _shared(segment: Segment, turn: SpeakerTurn) -> float:
    """Seconds of a turn in an utterance; negative = seconds between them."""
    return min(segment.end, turn.end) - max(segment.start, turn.start)


def _join(turns: Sequence[SpeakerTurn]) -> list[SpeakerTurn]:
    """Join consecutive turns of one speaker."""
    found: list[SpeakerTurn] = []
    for turn in turns:
        if found and found[-1].speaker == turn.speaker:
            found[-1] = found[-1]._replace(end=turn.end)
        else:
            found.append(turn)
    return found


def _seconds(turn: SpeakerTurn) -> float:
    return turn.end - turn.start


def _cut(segment: Segment, time: float) -> tuple[Segment, Segment] | None:
    """Cut an utterance at a time, if it has no words; else at the longest pause near it, None if there is no word."""
    if not segment.words:
        return segment._replace(end=time), segment._replace(start=time)
    places = [n for n in range(1, len(segment.words)) if abs(_middle(segment.words, n) - time) <= REACH]
    if not places:
        return None
    best = max(places, key=lambda n: (_pause(segment.words, n), -abs(_middle(segment.words, n) - time)))
    return _of(segment, segment.words[:best]), _of(segment, segment.words[best:])


def _middle(words: Sequence[Word], n: int) -> float:
    """Time between a word and the one before it."""
    return (words[n - 1].end + words[n].start) / 2


def _pause(words: Sequence[Word], n: int) -> float:
    """Tenths of a second between a word and the one before it: times of words are not more accurate."""
    return round(words[n].start - words[n - 1].end, 1)


def _of(segment: Segment, words: tuple[Word, ...]) -> Segment:
    return segment._replace(start=words[0].start, end=words[-1].end, words=words)
