"""Detect voice activity with Silero's model.

The network is recurrent over steps of 512 samples; its state is passed from block to block, so that hours of sound
need the memory of one minute. `VoiceActivity` and `SpeechDetector` process sound as it arrives.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.extras import install_extra
from sentiprism.media.types import Span

RATE = 16_000
STEP = 512
"""Samples per probability."""
SECONDS = STEP / RATE
"""Seconds of a step."""
CONTEXT = 64
"""Samples before a step that are part of its input."""
BEGIN, END = 0.5, 0.35
"""Probability at which speech begins, and below which it may end, as in Silero."""
SILENCE = 0.3
"""Seconds without voice that end a span."""
SHORTEST = 0.25
"""Least seconds of a span."""
PAD = 0.1
"""Seconds added on both sides of a span."""


def find_speech(
    sound: npt.NDArray[np.int16],
    *,
    silence: float = SILENCE,
    block: int = 60 * RATE // STEP,
) -> tuple[Span, ...]:
    """Find spans of speech in the order of time; () without speech.

    Args:
        sound: (n,) mono samples at 16 kHz; a memory map is read block by block.
        silence: seconds without voice that end a span.
        block: steps computed at once.

    Raises:
        UserError: faster-whisper is not installed.
    """
    length, detector = len(sound) / RATE, SpeechDetector(silence)
    closed = [*map(detector.add, probabilities(sound, block)), detector.finish(length)]
    found = [span for span in closed if span is not None]
    edges = [-PAD * 2, *(edge for span in found for edge in span), length + PAD * 2]
    before = [min(PAD, (edges[2 * n + 1] - edges[2 * n]) / 2) for n in range(len(found) + 1)]
    return tuple(Span(max(a - before[n], 0.0), min(b + before[n + 1], length)) for n, (a, b) in enumerate(found))


class SpeechDetector:
    """Find spans of speech in the probabilities of consecutive steps.

    Args:
        silence: seconds without voice that end a span.
        shortest: least seconds of a span; a shorter one is ignored.
    """

    def __init__(self, silence: float = SILENCE, shortest: float = SHORTEST) -> None:
        self.silence, self.shortest = silence, shortest
        self._position = 0
        self._begin: int | None = None
        self._quiet: int | None = None

    @property
    def time(self) -> float:
        """Seconds of sound so far."""
        return self._position * SECONDS

    @property
    def quiet(self) -> bool:
        """Whether no voice is heard at present."""
        return self._begin is None or self._quiet is not None

    @property
    def open(self) -> Span | None:
        """The span that has begun and not ended; its end may still become later, but not earlier."""
        if self._begin is None:
            return None
        return Span(self._begin * SECONDS, (self._position if self._quiet is None else self._quiet) * SECONDS)

    def add(self, probability: float) -> Span | None:
        """Add the next step; returns the span that ends with it, if any."""
        position, self._position = self._position, self._position + 1
        if probability >= BEGIN:
            self._begin, self._quiet = position if self._begin is None else self._begin, None
        elif self._begin is not None and probability < END:
            self._quiet = position if self._quiet is None else self._quiet
            if (position + 1 - self._quiet) * SECONDS >= self.silence:
                return self._close(self._quiet * SECONDS)
        return None

    def finish(self, length: float) -> Span | None:
        """End of the sound, after ``length`` seconds; returns the last span, if it has not ended before."""
        return self._close(length if self._quiet is None else self._quiet * SECONDS)

    def _close(self, end: float) -> Span | None:
        if self._begin is None:
            return None
        span = Span(self._begin * SECONDS, end)
        self._begin = self._quiet = None
        return span if span.end - span.start >= self.shortest else None


class VoiceActivity:
    """Probability of speech in each step of a sound that arrives in pieces."""

    def __init__(self) -> None:
        self._session = _session()
        self._h = self._c = np.zeros((1, 1, 128), np.float32)
        self._before = np.zeros(CONTEXT, np.float32)

    def __call__(self, piece: npt.NDArray[np.int16]) -> list[float]:
        """Compute the probabilities of the next steps.

        Args:
            piece: (n,) samples at `RATE`, a multiple of `STEP`; at the end of the sound, silence completes the step.
        """
        samples = np.zeros(CONTEXT - (-len(piece) // STEP) * STEP, np.float32)
        samples[:CONTEXT] = self._before
        samples[CONTEXT : CONTEXT + len(piece)] = np.asarray(piece)
        samples[CONTEXT:] /= 32768
        self._before = samples[-CONTEXT:].copy()
        windows = np.lib.stride_tricks.sliding_window_view(samples, STEP + CONTEXT)[::STEP]
        given = {"input": np.ascontiguousarray(windows), "h": self._h, "c": self._c}
        found, self._h, self._c = self._session.run(None, given)
        return [float(one) for one in found.ravel()]


def probabilities(sound: npt.NDArray[np.int16], block: int) -> Iterator[float]:
    """Yield the probability of speech in each step of 32 ms, computing ``block`` steps at once."""
    activity = VoiceActivity()
    for first in range(0, len(sound), block * STEP):
        yield from activity(sound[first : first + block * STEP])


@lru_cache(maxsize=1)
def _session() -> Any:
    try:
        from faster_whisper.vad import get_vad_model
    except ImportError:
        raise UserError("faster-whisper is not installed", install_extra("media")) from None
    return get_vad_model().session
