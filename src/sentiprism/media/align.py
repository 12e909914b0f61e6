"""Align a given transcript with the recording's sound."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.media.recognise import choose_language, recognise, tidy, windows
from sentiprism.media.types import Cue, Span, Word
from sentiprism.media.whisper import MOST_TOKENS, RATE, WINDOW, load, split_words

SLACK = 5.0
"""Seconds after the recording's end at which a cue may still start."""
SHORTEST = 0.1
"""Shortest window in seconds for alignment by attention."""
ALIKE = 0.5
"""Least share of a window's words that must also have been recognised there."""


def align(
    cues: Sequence[Cue],
    sound: npt.NDArray[np.int16],
    spans: Sequence[Span],
    folder: Path | None,
    language: str | None = None,
    *,
    length: float | None = None,
    on: Callable[[float], Any] | None = None,
) -> tuple[Word, ...]:
    """Compute the times of the words of a transcript.

    Words of a cue with times stay within them; a cue of one word is used as it is. With a Whisper model, words are
    aligned by its attention, in windows of at most half a minute. A longer part without times is first recognised:
    words that match recognised ones get their times, and the others share the time between them. Without a model,
    voiced time is divided by the length of the words, which is wrong by a second or more.

    Args:
        cues: from `sentiprism.media.transcripts.read_transcript`.
        sound: (n,) mono samples at 16 kHz; () if the recording is unknown.
        spans: from `sentiprism.media.speech.find_speech`.
        folder: of a Whisper model for CTranslate2, or None.
        language: a code; None = detected from the sound.
        length: seconds of the recording, whose picture may be longer than its sound; None = the sound's.
        on: called with the number of seconds done.

    Returns:
        All words in the transcript's order; none starts before the previous one ends.

    Raises:
        UserError: the transcript is longer than the recording, or the model cannot be loaded or does not know the
            language.
    """
    if length is None:
        length = len(sound) / RATE if len(sound) else float("inf")
    if late := [cue.start for cue in cues if cue.start is not None and cue.start > length + SLACK]:
        cause = f"the transcript has words at {late[0]:.1f} s, the recording ends at {length:.1f} s"
        raise UserError(cause, "give the transcript of this recording")
    aligner = _Aligner(sound, spans, folder if len(sound) else None, language, on)
    words: list[Word] = []
    for group in _groups(_bounded(cues, spans, length)):
        words += aligner.place(group)
        if on is not None:
            on(min(group[-1].span.end, length))
    return tidy(words, (), length)


class _Piece(NamedTuple):
    """Words and the time span that contains them."""

    words: list[str]
    span: Span
    placed: bool
    """Whether it is one word with times in the transcript."""


class _Aligner:
    """Align the parts of one recording."""

    def __init__(
        self,
        sound: npt.NDArray[np.int16],
        spans: Sequence[Span],
        folder: Path | None,
        language: str | None,
        on: Callable[[float], Any] | None,
    ) -> None:
        self.sound, self.spans, self.folder, self.language, self.on = sound, spans, folder, language, on

    def place(self, group: Sequence[_Piece]) -> Iterator[Word]:
        """Align the words of consecutive pieces, in order."""
        if group[0].placed:
            yield from (Word(piece.words[0], *piece.span) for piece in group)
            return
        window = Span(group[0].span.start, group[-1].span.end)
        voice = _extent(window, self.spans)
        if self.folder is None:
            found = [word for piece in group for word in spread_evenly(piece.words, piece.span, self.spans)]
        elif voice.end - voice.start <= WINDOW:
            found = self._located([text for piece in group for text in piece.words], voice, self.folder)
        else:
            found = self._anchored([text for piece in group for text in piece.words], window, self.folder)
        left = iter(found)
        for piece in group:
            for word in tidy(islice(left, len(piece.words)), self.spans, piece.span.end):
                start = max(word.start, piece.span.start)  # attention may have placed it in the previous cue
                yield word._replace(start=start, end=max(word.end, start))

    def _located(self, texts: list[str], window: Span, folder: Path) -> list[Word]:
        if min(window.end, len(self.sound) / RATE) - window.start < SHORTEST:
            return spread_evenly(texts, window, self.spans)
        whisper = load(folder)
        encoded = whisper.encode_either(self.sound, [window])
        if self.language is None:
            told = choose_language(whisper.languages(encoded), [window])
            self.language = "en" if told is None else told.code
        if sum(map(len, whisper.tokens(texts, self.language))) > MOST_TOKENS:  # more than anybody can say in this time
            return spread_evenly(texts, window, self.spans)
        return whisper.locate(encoded, [window], [texts], self.language)[0]

    def _anchored(self, texts: list[str], window: Span, folder: Path) -> list[Word]:
        """Use recognised words to find the window of each given word, then align within windows."""
        inside = _within(window, self.spans)
        heard, told = recognise(self.sound, inside, folder, self.language, on=self.on)
        self.language = self.language or (None if told is None else told.code)
        rough = align_anchored(texts, heard, window, inside)
        middles = [(word.start + word.end) / 2 for word in rough]
        found: list[Word] = []
        for part in windows(self.sound, inside):
            words = rough[len(found) : bisect_right(middles, part.end)]
            known = sum(word.probability is not None for word in words)
            alike = known and known >= len(words) * ALIKE  # otherwise the text does not match the speech
            found += self._located([word.text for word in words], part, folder) if alike else words
        return found + rough[len(found) :]


def spread_evenly(texts: Sequence[str], window: Span, spans: Sequence[Span]) -> list[Word]:
    """Divide the voiced time of a window among words, in proportion to their length."""
    if not texts:
        return []
    inside = _within(window, spans) or [window]
    voice = np.cumsum([0.0, *(span.end - span.start for span in inside)])
    edges = np.cumsum([0, *(len(text) + 1 for text in texts)])
    edges = edges / edges[-1] * voice[-1]

    def clock(edge: float, side: str) -> float:  # a word that ends at a silence does not extend into it
        n = min(max(int(np.searchsorted(voice, edge, side=side)) - 1, 0), len(inside) - 1)  # type: ignore[call-overload]
        return float(min(inside[n].start + edge - voice[n], inside[n].end))

    return [
        Word(text, clock(a, "right"), clock(b, "left")) for text, a, b in zip(texts, edges[:-1], edges[1:], strict=True)
    ]


def align_anchored(texts: Sequence[str], heard: Sequence[Word], window: Span, spans: Sequence[Span]) -> list[Word]:
    """Give words the times of matching recognised words; the others share the time in between."""
    ours, theirs = [_plain(text) for text in texts], [_plain(word.text) for word in heard]
    found: list[Word] = []
    last = window.start
    blocks = SequenceMatcher(None, ours, theirs).get_matching_blocks()  # the last block is empty, at the end of both
    for block in blocks:
        until = heard[block.b].start if block.size else window.end
        if missing := texts[len(found) : block.a]:
            found += spread_evenly(missing, Span(last, max(until, last)), spans)
        for text, word in zip(texts[block.a : block.a + block.size], heard[block.b :], strict=False):
            found.append(word._replace(text=text))
            last = word.end
    return found


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold())) or text


def _within(window: Span, spans: Sequence[Span]) -> list[Span]:
    cut = (Span(max(span.start, window.start), min(span.end, window.end)) for span in spans)
    return [span for span in cut if span.end > span.start]


def _extent(window: Span, spans: Sequence[Span]) -> Span:
    inside = _within(window, spans)
    return Span(inside[0].start, inside[-1].end) if inside else window


def _bounded(cues: Sequence[Cue], spans: Sequence[Span], length: float) -> list[_Piece]:
    """Words and times of cues; consecutive cues without times become one, between its neighbours."""
    pieces: list[tuple[list[str], float | None, float | None]] = []
    for cue in cues:
        if not (words := split_words(cue.text)):
            continue
        if cue.start is None and pieces and pieces[-1][1] is None:
            pieces[-1][0].extend(words)
        else:
            pieces.append((words, cue.start, cue.end))
    found: list[_Piece] = []
    last = 0.0
    end = length if length < float("inf") else max((span.end for span in spans), default=0.0)
    later = [start for _, start, _ in pieces[1:]] + [None]
    for (words, start, stop), following in zip(pieces, later, strict=False):
        after = end if following is None else following
        first, final = (last, after) if start is None or stop is None else (start, stop)
        first = min(max(first, last), length)
        last = max(min(final, length if following is None else following), first)
        found.append(_Piece(words, Span(first, last), placed=start is not None and len(words) == 1))
    return found


def _groups(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    """Group consecutive pieces that fit into one window; pieces with known times form groups of their own."""
    group: list[_Piece] = []
    for piece in pieces:
        fits = group and piece.span.end - group[0].span.start <= WINDOW
        if group and not (fits and piece.placed == group[0].placed):
            yield group
            group = []
        group.append(piece)
    if group:
        yield group
