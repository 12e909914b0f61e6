"""Predict the sentiment of utterances while they are spoken."""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sentiprism.analysis.options import OFF, Options
from sentiprism.analysis.predictor import Predictor, load_predictor
from sentiprism.analysis.streaming.events import Measurement, RecognisedWord, StreamEvent, UtteranceEnd, UtteranceStart
from sentiprism.analysis.streaming.pictures import PictureCounts, StreamPictures
from sentiprism.analysis.streaming.sound import StreamSound, read_samples
from sentiprism.analysis.streaming.utterance import Utterance, UtterancePredictor
from sentiprism.errors import UserError
from sentiprism.features.extractors import VisionExtractor
from sentiprism.media.speech import RATE, SILENCE, STEP, VoiceActivity
from sentiprism.media.turns import Turn, TurnFinder
from sentiprism.media.whisper import AFTER, WINDOW
from sentiprism.report.schema import UtterancePart

LONGEST = WINDOW - AFTER
"""Most seconds of an utterance that can be chosen."""
EVERY = 1.0
"""Seconds between measurements within an utterance."""
LATE = 1.0
"""Seconds of waiting sound from which measurements within utterances are left out, so that their ends are not late."""


class StreamAnalyzer:
    """Predict the sentiment of utterances while sound and pictures arrive.

    An utterance is speech between two pauses of ``options.pause`` seconds, at most ``options.longest`` long. Its result
    depends on the sound and the pictures up to its end only, and not on the pieces in which they arrive; `analyze` with
    ``streaming`` gives the same results for a recording. Memory does not grow with the length of the stream.

    Args:
        predictor: the model, if already open; by default ``options.model`` is opened.
        options: as for `analyze`; all faces, windows and given transcripts are not available.
        interim: whether to measure within utterances, too.
        thin: whether to leave out pictures beyond the rate of the model's features.
        keep: called with each utterance that has ended, with its features.

    Raises:
        UserError: the model or the recogniser cannot be used, or an option is not available for a stream.
    """

    def __init__(
        self,
        predictor: Predictor | None = None,
        options: Options | dict[str, Any] | None = None,
        *,
        interim: bool = True,
        thin: bool = True,
        keep: Callable[[Utterance], object] = lambda _: None,
    ) -> None:
        options = options if isinstance(options, Options) else Options.parse(options or {}, "options of a stream")
        if options.face == "all":
            raise UserError("a stream has one estimate for each utterance", "use the face that speaks, or the largest")
        if options.speakers != OFF:
            raise UserError("`speakers` are told apart in whole recordings, not in a stream", f"set it to {OFF}")
        if options.longest > LONGEST:
            raise UserError(
                f"an utterance of {options.longest:g} s is too long for a stream", f"use at most {LONGEST:g}"
            )
        if options.pause < SILENCE:
            raise UserError(f"a pause of {options.pause:g} s is too short for a stream", f"use at least {SILENCE:g}")
        predictor = predictor or load_predictor(options.model)
        self._interim, self._keep = interim, keep
        vision = predictor.extractors.get("vision")
        self._pictures = StreamPictures(vision, thin=thin) if isinstance(vision, VisionExtractor) else None
        self._sound, self._activity = StreamSound(), VoiceActivity()
        self._turns = TurnFinder(options.pause, options.longest)
        self._predictor = UtterancePredictor(predictor, options, self._sound, self._pictures)
        self._done = 0
        self._number, self._speaking, self._start, self._measured = 1, False, 0.0, 0.0
        self._draft: Utterance | None = None
        self._unused = PictureCounts()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def seconds(self) -> float:
        """Seconds of sound that have arrived."""
        return self._sound.seconds

    @property
    def pictures(self) -> PictureCounts:
        """What happened to the pictures so far."""
        return self._unused if self._pictures is None else self._pictures.counts

    @property
    def recognition(self) -> UtterancePredictor:
        """The state of recognition: language and notes."""
        return self._predictor

    def add_sound(
        self, samples: bytes | npt.NDArray[np.int16], time: float | None = None, *, waiting: float = 0.0
    ) -> Iterator[StreamEvent]:
        """Process a piece of sound, and yield what happens in it; the iterator must be read to its end.

        Args:
            samples: mono at 16 kHz, s16le or (n,) int16; of any length.
            time: second of its first sample; None = directly after the last piece.
            waiting: seconds of sound that have arrived after it; with more than `LATE`, measurements within utterances
                are left out.

        Raises:
            UserError: half a sample is at the end, or the gap before it is too long.
        """
        self._sound.add(read_samples(samples) if isinstance(samples, bytes) else samples, time)
        while len(self._sound) - self._done >= STEP:
            behind = waiting + self._sound.seconds - self._done / RATE
            yield from self._step(interim=self._interim and behind <= LATE)
        self._forget()

    def add_picture(self, image: bytes | npt.NDArray[Any], time: float) -> None:
        """Add a picture; one of an utterance must arrive before the sound in which the utterance ends.

        Args:
            image: a JPEG, or (H, W, 3) uint8 RGB; a broken one is counted and skipped.
            time: second of the sound's clock.
        """
        if self._pictures is not None:
            self._pictures.add(image, time)
        else:
            counts = self._unused
            self._unused = counts._replace(received=counts.received + 1, skipped=counts.skipped + 1)

    def finish(self) -> Iterator[StreamEvent]:
        """End the stream, and yield the events of an utterance that has not ended; must be read to its end."""
        rest = self._sound[self._done : len(self._sound)]
        if len(rest):
            self._done += len(rest)
            for probability in self._activity(rest):
                yield from self._decide(self._turns.add(probability, self._sound), interim=False)
        for turn in self._turns.finish(self._sound, self._sound.seconds):
            yield from self._decide(turn, interim=False)
        if self._speaking:  # its last step was not complete, which made it too short
            yield self._ended(self._start, self._at, None)
        self.close()

    def close(self) -> None:
        """Free the decoder and the extractor of pictures."""
        if self._pictures is not None:
            self._pictures.close()

    def _step(self, *, interim: bool) -> Iterator[StreamEvent]:
        first, self._done = self._done, self._done + STEP
        (probability,) = self._activity(self._sound[first : self._done])
        yield from self._decide(self._turns.add(probability, self._sound), interim=interim)

    def _decide(self, ended: Turn | None, *, interim: bool) -> Iterator[StreamEvent]:
        if ended is not None:
            if not self._speaking:
                yield self._begin(ended)
            yield from self._end(ended)
        current = self._turns.current
        if current is None:
            return
        if not self._speaking:
            yield self._begin(current)
        if self._pictures is not None:
            self._pictures.advance(current.window)
        if interim:
            yield from self._measure(current)

    def _begin(self, turn: Turn) -> UtteranceStart:
        self._speaking, self._start, self._measured, self._draft = True, turn.start, turn.start, None
        return UtteranceStart(number=self._number, start=turn.start, at=self._at)

    def _measure(self, turn: Turn) -> Iterator[StreamEvent]:
        """Measure every second while somebody speaks; and in a pause, where the utterance may have ended."""
        if self._turns.paused:
            if self._draft is None or self._draft.turn != turn:
                self._draft = self._predictor.predict(turn)
                yield from self._measurement(self._draft)
        elif not self._turns.quiet and turn.end - self._measured >= EVERY:
            self._measured = turn.end
            yield from self._measurement(self._predictor.predict(turn, provisional=True))

    def _end(self, turn: Turn) -> Iterator[StreamEvent]:
        draft = self._draft
        found = draft if draft is not None and draft.turn == turn else self._predictor.predict(turn)
        self._predictor.accept(found)
        self._keep(found)
        yield from self._measurement(found, final=True)
        part = None if found.part is None else found.part.model_copy(update={"number": self._number})
        for word in () if part is None else part.words:
            yield RecognisedWord(number=self._number, at=self._at, **word.model_dump())
        yield self._ended(found.segment.start, found.segment.end, part, found.notes)

    def _ended(self, start: float, end: float, part: UtterancePart | None, notes: tuple[str, ...] = ()) -> UtteranceEnd:
        number, self._number, self._speaking, self._draft = self._number, self._number + 1, False, None
        return UtteranceEnd(number=number, start=start, end=end, utterance=part, notes=notes, at=self._at)

    def _measurement(self, found: Utterance, *, final: bool = False) -> Iterator[Measurement]:
        part = found.part
        if part is not None:
            same = {name: getattr(part, name) for name in ("estimate", "base", "contributions", "present", "text")}
            start, end = found.segment.start, found.segment.end
            yield Measurement(number=self._number, final=final, start=start, end=end, at=self._at, **same)

    @property
    def _at(self) -> float:
        return self._done / RATE

    def _forget(self) -> None:
        needed = self._turns.needed
        self._sound.forget(needed)
        if self._pictures is not None:
            self._pictures.forget(needed)
