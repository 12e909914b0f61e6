"""Recognise speech with word times, window by window."""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.media.types import Language, Span, Word
from sentiprism.media.whisper import RATE, WINDOW, Decoded, Whisper, load, words_of

BATCH = 4
"""Windows decoded side by side; the language is told from the first ones."""
REPETITIVE = 2.4
"""Compression ratio above which a text is a loop, Whisper's own threshold (Radford et al. 2022, 4.5)."""
UNSURE, SILENT = -1.0, 0.6
"""Below this mean log probability and above this probability of silence nothing was said (same place)."""
CERTAIN = 0.8
"""Probability from which a language is certain. Of 233 English clips of MOSI, most of a few seconds, 16 had less for
English, and none as much for another language; recordings in which two are spoken have less for either."""
POSSIBLE = 0.1
"""Probability from which an expected language is taken where none is certain."""
SMALL = 0.02
"""Probability below which another language is not worth a word."""


def recognise(
    sound: npt.NDArray[np.int16],
    spans: Sequence[Span],
    folder: Path,
    language: str | None = None,
    *,
    expected: str | None = None,
    on: Callable[[float], Any] | None = None,
) -> tuple[tuple[Word, ...], Language | None]:
    """Words of a recording and its language.

    Decoding is a beam search, nothing is sampled: one file always gives one text. A window that loops is decoded
    again without repetition, and left out where it still does; so is one in which probably nobody speaks.

    Args:
        sound: (n,) mono samples at 16 kHz; may be a memory map.
        spans: of `sentiprism.media.speech.find_speech`.
        folder: of a Whisper model for CTranslate2.
        language: a code; None = told from the first two minutes of speech.
        expected: a code, see `choose_language`.
        on: told how many seconds of the recording are done.

    Returns:
        Words in the order of time, none overlapping; the language with its probability over all windows, None where
        there is no speech or the model knows English alone.

    Raises:
        UserError: the folder holds no such model, or the model does not know the language.
    """
    chosen = None if language is None else Language(language)
    if not spans:
        return (), chosen
    whisper = load(folder)
    words: list[Word] = []
    pieces = windows(sound, spans)
    told: list[dict[str, float]] = []
    for first in range(0, len(pieces), BATCH):
        batch = pieces[first : first + BATCH]
        encoded = whisper.encode(sound, batch)
        if language is None:
            told += whisper.languages(encoded)
            chosen = choose_language(told, pieces, expected, chosen and chosen.code)
        code = chosen.code if chosen is not None else "en"
        texts = [words_of(text) for text in _said(whisper, sound, encoded, batch, code)]
        for found in whisper.locate(encoded, batch, texts, code):
            words += (word for word in found if any(map(str.isalnum, word.text)))
        if on is not None:
            on(batch[-1].end)
    return tidy(words, spans, len(sound) / RATE), chosen


def detect_language(
    sound: npt.NDArray[np.int16], spans: Sequence[Span], folder: Path, expected: str | None = None
) -> Language | None:
    """Tell the language of the first half minute of speech, without recognising it; else as `recognise`."""
    pieces = windows(sound, spans)[:1]
    if not pieces:
        return None
    whisper = load(folder)
    return choose_language(whisper.languages(whisper.encode(sound, pieces)), pieces, expected)


def choose_language(
    told: Sequence[Mapping[str, float]], pieces: Sequence[Span], expected: str | None = None, chosen: str | None = None
) -> Language | None:
    """Choose the likeliest language over all windows, each of which counts by its length.

    Short speech is easily taken for another language: where none is `CERTAIN`, one that is expected is chosen if it
    has at least the probability `POSSIBLE`.

    Args:
        told: probability of each language in each of the first windows.
        pieces: the windows.
        expected: a code.
        chosen: what was chosen before, and is not changed within a recording.
    """
    total: dict[str, float] = {}
    for probabilities, piece in zip(told, pieces, strict=False):
        for code, probability in probabilities.items():
            total[code] = total.get(code, 0.0) + probability * (piece.end - piece.start)
    if not total:
        return None
    whole = sum(total.values())
    ordered = sorted(((code, amount / whole) for code, amount in total.items()), key=lambda one: -one[1])
    if chosen is None:
        chosen, probability = ordered[0]
        if expected is not None and probability < CERTAIN and total.get(expected, 0.0) / whole >= POSSIBLE:
            chosen = expected
    others = tuple((code, round(share, 4)) for code, share in ordered[:4] if code != chosen and share >= SMALL)
    return Language(chosen, round(total.get(chosen, 0.0) / whole, 4), others[:3])


def windows(sound: npt.NDArray[np.int16], spans: Sequence[Span], most: float = WINDOW) -> list[Span]:
    """Windows of at most ``most`` seconds that together hold all spans.

    They part in the longest silence of a window's last third; a span longer than a window in its quietest tenth of
    a second there.
    """
    found = []
    left = list(reversed(spans))
    while left:
        taken = [left.pop()]
        start = taken[0].start
        while left and left[-1].end - start <= most:
            taken.append(left.pop())
        if left and len(taken) > 1:  # more to come: part where the pause is longest
            pauses = [
                (after.start - before.end, n)
                for n, (before, after) in enumerate(zip(taken, [*taken[1:], left[-1]], strict=True), 1)
                if before.end - start >= most * 2 / 3
            ]
            keep = max(pauses)[1] if pauses else len(taken)
            left += reversed(taken[keep:])
            taken = taken[:keep]
        end = taken[-1].end
        if end - start > most:
            end = _quietest(sound, start + most * 2 / 3, start + most)
            left.append(Span(end, taken[-1].end))
        found.append(Span(start, end))
    return found


def tidy(words: Iterable[Word], spans: Sequence[Span], length: float) -> tuple[Word, ...]:
    """Words within [0, length] and within speech where they touch it; none begins before the one before it ends.

    Attention often begins a word in the silence before it: of what it takes, the longest voiced part is kept.
    """
    begins = np.array([span.start for span in spans])
    found: list[Word] = []
    last = 0.0
    for word in words:
        start = min(max(word.start, last), length)
        end = min(max(word.end, start), length)
        near = int(np.searchsorted(begins, start, side="right")) - 1
        parts = []
        for span in spans[max(near, 0) :]:
            if span.start >= end:
                break
            if min(span.end, end) > max(span.start, start):
                parts.append((max(span.start, start), min(span.end, end)))
        if parts:
            start, end = max(parts, key=lambda part: part[1] - part[0])
        found.append(word._replace(start=start, end=end))
        last = end
    return tuple(found)


def _said(
    whisper: Whisper, sound: npt.NDArray[np.int16], encoded: Any, batch: Sequence[Span], language: str
) -> list[str]:
    texts = []
    for window, decoded in zip(batch, whisper.decode(encoded, len(batch), language), strict=True):
        if _loops(decoded):
            (decoded,) = whisper.decode(whisper.encode(sound, [window]), 1, language, unrepeated=3)  # noqa: PLW2901
        silent = decoded.silence > SILENT and decoded.confidence < UNSURE
        texts.append("" if silent or _loops(decoded) else decoded.text)
    return texts


def _loops(decoded: Decoded) -> bool:
    text = decoded.text.encode()
    return len(text) > REPETITIVE * len(zlib.compress(text))


def _quietest(sound: npt.NDArray[np.int16], start: float, end: float) -> float:
    piece = np.asarray(sound[round(start * RATE) : round(end * RATE)], np.float64)
    loudness = np.convolve(piece**2, np.ones(RATE // 10), mode="valid")
    return start + (int(loudness.argmin()) + RATE / 20) / RATE
