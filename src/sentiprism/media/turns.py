"""Divide a stream of sound into turns: speech between two pauses (endpoint detection)."""

from collections.abc import Iterator
from typing import NamedTuple

from sentiprism.media.recognise import windows
from sentiprism.media.speech import PAD, SECONDS, SHORTEST, SpeechDetector
from sentiprism.media.types import Samples, Span


class Turn(NamedTuple):
    """Speech between two pauses."""

    start: float
    end: float
    spans: tuple[Span, ...]
    """Spans of speech in it."""

    @property
    def window(self) -> Span:
        """From its start to its end."""
        return Span(self.start, self.end)


class TurnFinder:
    """Find turns from the probabilities of speech, each as soon as it has certainly ended.

    A turn ends in a silence of ``pause`` seconds. One that becomes longer than ``longest`` is cut as by `windows`; what
    is said after the cut is the next turn. Only sound up to the moment of the decision matters, so that the division
    does not depend on the pieces in which the sound arrives.

    Args:
        pause: seconds without voice that end a turn, at least `media.speech.SILENCE`.
        longest: most seconds of a turn.
    """

    def __init__(self, pause: float, longest: float) -> None:
        self._detector = SpeechDetector()
        self._gap, self._longest = pause - 2 * PAD, longest
        self._spans: list[Span] = []
        self._cut = 0.0

    @property
    def quiet(self) -> bool:
        """Whether no voice is heard at present."""
        return self._detector.quiet

    @property
    def paused(self) -> bool:
        """Whether the last span of speech has ended."""
        return self._detector.open is None

    @property
    def current(self) -> Turn | None:
        """The turn that has begun and not ended, up to its last voice; None if there is none yet."""
        spans = self._known()
        if not spans or spans[-1].end - spans[0].start < SHORTEST:
            return None
        return Turn(spans[0].start, spans[-1].end, tuple(spans))

    @property
    def needed(self) -> float:
        """Second from which sound may be part of the present or next turn."""
        starts = [span.start for span in self._known()[:1]]
        if (open_ := self._detector.open) is not None:
            starts.append(max(open_.start - PAD, self._cut))
        return max(min(starts, default=self._detector.time - PAD - SECONDS), 0.0)

    def add(self, probability: float, sound: Samples) -> Turn | None:
        """Add the next step; returns the turn that ends with it, if any.

        Args:
            probability: of speech.
            sound: up to this step.
        """
        self._close(self._detector.add(probability))
        return self._overlong(sound) or self._paused()

    def finish(self, sound: Samples, length: float) -> Iterator[Turn]:
        """Yield the remaining turns at the end of the sound, after ``length`` seconds."""
        self._close(self._detector.finish(length), length)
        while (turn := self._overlong(sound)) is not None:
            yield turn
        if self._spans and (last := self._take(self._spans[-1].end)) is not None:
            yield last

    def _close(self, span: Span | None, length: float = float("inf")) -> None:
        if span is None:
            return
        start, end = max(span.start - PAD, self._cut, 0.0), min(span.end + PAD, length)
        if end > start:
            self._spans.append(Span(start, end))

    def _known(self) -> list[Span]:
        """Spans of the present turn, including one that is open but long enough."""
        running = self._detector.open
        if running is None or running.end - running.start < SHORTEST:
            return self._spans
        return [*self._spans, Span(max(running.start - PAD, self._cut, 0.0), running.end)]

    def _overlong(self, sound: Samples) -> Turn | None:
        spans = self._known()
        if not spans or spans[-1].end - spans[0].start <= self._longest:
            return None
        return self._take(windows(sound, spans, self._longest)[0].end)

    def _paused(self) -> Turn | None:
        if not self._spans:
            return None
        running = self._detector.open
        silent = (self._detector.time if running is None else running.start) - PAD  # the next span may begin now
        end = self._spans[-1].end
        return self._take(end) if silent - end >= self._gap else None

    def _take(self, end: float) -> Turn | None:
        """End the turn; None if it is too short, as what a cut may leave."""
        spans = tuple(Span(span.start, min(span.end, end)) for span in self._known() if span.start < end)
        self._spans = [Span(max(span.start, end), span.end) for span in self._spans if span.end > end]
        self._cut = end
        turn = Turn(spans[0].start, spans[-1].end, spans)
        return turn if turn.end - turn.start >= SHORTEST else None
