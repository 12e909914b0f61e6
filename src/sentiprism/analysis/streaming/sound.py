"""The sound of a stream, of which only the end is in memory."""

import math

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.media.speech import RATE

JITTER = 0.05
"""Seconds by which time stamps may deviate without being a gap or an overlap, as in recordings."""
LONGEST_GAP = 60.0
"""Longest gap in seconds that is filled with silence; a longer one ends the stream."""
BYTES = 2
"""Bytes of a sample."""


class StreamSound:
    """Mono sound at 16 kHz, addressed by sample from the start of the stream."""

    def __init__(self) -> None:
        self._held = np.zeros(0, np.int16)
        self._first = 0
        """Index of the first sample in memory."""

    def __len__(self) -> int:
        return self._first + len(self._held)

    def __getitem__(self, samples: slice, /) -> npt.NDArray[np.int16]:
        start, stop, _ = samples.indices(len(self))
        return self._held[max(start - self._first, 0) : max(stop - self._first, 0)]

    @property
    def seconds(self) -> float:
        """Length of the stream so far."""
        return len(self) / RATE

    def add(self, samples: npt.NDArray[np.int16], time: float | None = None) -> None:
        """Append samples; a gap before them becomes silence, and what repeats earlier sound is skipped.

        Args:
            samples: (n,).
            time: second of the first sample; None = directly after the last one.

        Raises:
            UserError: the time is not a number, or much later than the sound before.
        """
        late = 0.0 if time is None else time - self.seconds
        if not math.isfinite(late) or late > LONGEST_GAP:
            cause = f"the sound continues at {time:g} s after {self.seconds:.1f} s"
            raise UserError(cause, f"start a new stream after a gap of more than {LONGEST_GAP:g} s")
        if late > JITTER:
            samples = np.concatenate([np.zeros(round(late * RATE), np.int16), samples])
        elif late < -JITTER:
            samples = samples[min(round(-late * RATE), len(samples)) :]
        self._held = np.concatenate([self._held, samples])

    def forget(self, before: float) -> None:
        """Free the sound before a second."""
        count = min(max(int(before * RATE) - self._first, 0), len(self._held))
        if count >= RATE:  # not for every piece: the rest is copied
            self._held, self._first = self._held[count:].copy(), self._first + count


def read_samples(data: bytes) -> npt.NDArray[np.int16]:
    """Read s16le samples.

    Raises:
        UserError: half a sample is at the end.
    """
    if len(data) % BYTES:
        raise UserError(f"a piece of sound has {len(data)} bytes, half a sample too much", "send whole 16-bit samples")
    return np.frombuffer(data, "<i2").astype(np.int16, copy=False)
