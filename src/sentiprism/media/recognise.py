"""Recognise speech with word times, window by window, or turn by turn of a stream."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.media.types import Language, Samples, Span, Word
from sentiprism.media.whisper import MOST_DECODED, RATE, WINDOW, Decoded, Whisper, load, split_words

BATCH = 4
"""Windows decoded in one batch; the language is detected from the first ones."""
REPETITIVE = 2.4
"""Compression ratio above which a text counts as repetitive, as in Whisper (Radford et al. 2022, 4.5)."""
UNSURE, SILENT = -1.0, 0.6
"""With a lower mean log probability and a higher probability of silence, nothing was said (same section)."""
CERTAIN = 0.8
"""Probability from which a language is certain. Of 233 English clips of MOSI, mostly of a few seconds, 16 were below it
for English and none reached it for another language; recordings with two languages are below it for both."""
POSSIBLE = 0.1
"""Probability from which an expected language is used if none is certain."""
SMALL = 0.02
"""Probability below which another language is not reported."""
TOKENS = 15
"""Most tokens of a turn per second, and in addition: twice those of fast speech; repetitive texts end there."""
SETTLED = 30.0
"""Seconds of speech in a stream after which its language does not change, as after the first window of a recording."""


def recognise(
    sound: npt.NDArray[np.int16],
    spans: Sequence[Span],
    folder: Path,
    language: str | None = None,
    *,
    expected: str | None = None,
    on: Callable[[float], Any] | None = None,
) -> tuple[tuple[Word, ...], Language | None]:
    """Recognise the words of a recording and its language.

    Decoding is a beam search without sampling, so it is deterministic. A window with repetitive text is decoded again
    without repetition, and skipped if it is still repetitive; a window that is probably silent is skipped too.

    Args:
        sound: (n,) mono samples at 16 kHz; may be a memory map.
        spans: from `sentiprism.media.speech.find_speech`.
        folder: of a Whisper model for CTranslate2.
        language: a code; None = detected from the first two minutes of speech.
        expected: a code, see `choose_language`.
        on: called with the number of seconds done.

    Returns:
        Words in the order of time, without overlaps; the language with its probability over all windows, None without
        speech or if the model only knows English.

    Raises:
        UserError: the folder has no such model, or the model does not know the language.
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
        encoded = whisper.encode_either(sound, batch)
        if language is None:
            told += whisper.languages(encoded)
            chosen = choose_language(told, pieces, expected, chosen and chosen.code)
        code = chosen.code if chosen is not None else "en"
        words += _locate(whisper, encoded, batch, _said(whisper, sound, encoded, batch, code), code)
        if on is not None:
            on(batch[-1].end)
    return tidy(words, spans, len(sound) / RATE), chosen


class RecognisedTurn(NamedTuple):
    """Recognised words of one turn."""

    words: tuple[Word, ...]
    language: Language | None
    """As of this turn and all before it."""
    detected: Mapping[str, float]
    """Probability of each language in this turn; {} if it was given."""
    seconds: float


class TurnRecogniser:
    """Recognise the turns of a stream; the language is chosen from all turns so far, up to `SETTLED` seconds.

    Args:
        folder: as in `recognise`.
        language: as in `recognise`.
        expected: as in `recognise`.
    """

    def __init__(self, folder: Path, language: str | None = None, expected: str | None = None) -> None:
        self._whisper = load(folder)
        self._given, self._expected = language, expected
        self._detected: dict[str, float] = {}
        self._seconds = 0.0
        self.language = None if language is None else Language(language)

    def recognise(
        self, sound: Samples, window: Span, spans: Sequence[Span], *, provisional: bool = False
    ) -> RecognisedTurn:
        """Recognise one turn.

        Args:
            sound: (n,) samples of the stream.
            window: the turn, at most ``WINDOW - AFTER`` long.
            spans: spans of speech in it.
            provisional: of a turn that may continue: faster and less accurate.
        """
        encoded, seconds = self._whisper.encode_short(sound, [window]), window.end - window.start
        detected = next(iter(self._whisper.languages(encoded)), {}) if self._given is None else {}
        language = self.language
        if detected:
            settled = self.language.code if self.language is not None and self._seconds >= SETTLED else None
            total = self._total(detected, seconds)
            language = choose_language([total], [Span(0, 1)], self._expected, settled)
        code = "en" if language is None else language.code
        most = min(round(TOKENS + TOKENS * seconds), MOST_DECODED)
        if provisional:
            (decoded,) = self._whisper.decode(encoded, 1, code, beam=1, most=most)
            texts = ["" if _loops(decoded) else decoded.text]
        else:
            texts = _said(self._whisper, sound, encoded, [window], code, most)
        words = tidy(_locate(self._whisper, encoded, [window], texts, code), spans, window.end)
        return RecognisedTurn(words, language, detected, seconds)

    def accept(self, turn: RecognisedTurn) -> None:
        """Count a turn that has ended for the language of the next ones."""
        self._detected = self._total(turn.detected, turn.seconds)
        self._seconds += turn.seconds
        self.language = turn.language

    def _total(self, detected: Mapping[str, float], seconds: float) -> dict[str, float]:
        codes = {*self._detected, *detected}
        return {code: self._detected.get(code, 0.0) + detected.get(code, 0.0) * seconds for code in codes}


def detect_language(
    sound: npt.NDArray[np.int16], spans: Sequence[Span], folder: Path, expected: str | None = None
) -> Language | None:
    """Detect the language of the first half minute of speech; arguments as in `recognise`."""
    pieces = windows(sound, spans)[:1]
    if not pieces:
        return None
    whisper = load(folder)
    return choose_language(whisper.languages(whisper.encode_either(sound, pieces)), pieces, expected)


def choose_language(
    detected: Sequence[Mapping[str, float]],
    pieces: Sequence[Span],
    expected: str | None = None,
    chosen: str | None = None,
) -> Language | None:
    """Choose the most probable language over all windows, weighted by length.

    Short speech is easily mistaken for another language: if none is `CERTAIN`, the expected one is chosen if it has at
    least the probability `POSSIBLE`.

    Args:
        detected: probability of each language in each of the first windows.
        pieces: the windows.
        expected: a code.
        chosen: the language chosen before, which does not change within a recording.
    """
    total: dict[str, float] = {}
    for probabilities, piece in zip(detected, pieces, strict=False):
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


def windows(sound: Samples, spans: Sequence[Span], most: float = WINDOW) -> list[Span]:
    """Divide speech into windows of at most ``most`` seconds that together contain all spans.

    A window ends in the longest silence of its last third, or, within a longer span, at the quietest tenth of a second
    there.
    """
    found = []
    left = list(reversed(spans))
    while left:
        taken = [left.pop()]
        start = taken[0].start
        while left and left[-1].end - start <= most:
            taken.append(left.pop())
        if left and len(taken) > 1:  # more follows: end at the longest pause
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
    """Limit words to [0, length] and to speech if they overlap it, without overlaps between words.

    Attention often starts a word in the silence before it: only its longest voiced part is kept.
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
    whisper: Whisper, sound: Samples, encoded: Any, batch: Sequence[Span], language: str, most: int = MOST_DECODED
) -> list[str]:
    texts = []
    for window, decoded in zip(batch, whisper.decode(encoded, len(batch), language, most=most), strict=True):
        if _loops(decoded):
            again = whisper.encode(sound, [window])
            (decoded,) = whisper.decode(again, 1, language, unrepeated=3, most=most)  # noqa: PLW2901
        silent = decoded.silence > SILENT and decoded.confidence < UNSURE
        texts.append("" if silent or _loops(decoded) else decoded.text)
    return texts


def _locate(
    whisper: Whisper, encoded: Any, batch: Sequence[Span], texts: Sequence[str], language: str
) -> Iterator[Word]:
    """Yield the words of windows with their times, without those of symbols only."""
    for found in whisper.locate(encoded, batch, [split_words(text) for text in texts], language):
        yield from (word for word in found if any(map(str.isalnum, word.text)))


def _loops(decoded: Decoded) -> bool:
    text = decoded.text.encode()
    return len(text) > REPETITIVE * len(zlib.compress(text))


def _quietest(sound: Samples, start: float, end: float) -> float:
    piece = np.asarray(sound[round(start * RATE) : round(end * RATE)], np.float64)
    loudness = np.convolve(piece**2, np.ones(RATE // 10), mode="valid")
    return start + (int(loudness.argmin()) + RATE / 20) / RATE
