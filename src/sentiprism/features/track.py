"""Features over time of a recording, and of its utterances."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.media.types import Segment, Span
from sentiprism.recipe import Per

Floats = npt.NDArray[np.float32]


class Track(NamedTuple):
    """Features over time of one recording, or of one face in it."""

    times: npt.NDArray[Any]
    """(T,) float64 increasing seconds: the middle of each step."""
    values: npt.NDArray[Any]
    """(T, F) float32, or float16 for many columns; steps without a measurement (no face in the frame) are left out."""

    def between(self, span: Span) -> Floats:
        """(t, F) steps with start <= time < end."""
        first, last = np.searchsorted(self.times, (span.start, span.end))
        return np.asarray(self.values[first:last], np.float32)

    def of(self, segment: Segment, per: Per) -> Floats:
        """(t, F) steps of an utterance: its frames, a mean per word, or one mean; t=0 if there are no frames.

        A word without a frame gets the nearest one of the utterance.
        """
        own = self.between(Span(segment.start, segment.end))
        if per == "frame" or not len(own):
            return own
        if per == "utterance":
            return np.asarray(own.mean(axis=0, keepdims=True))
        return self._by_word(segment, segment.words)

    def _by_word(self, segment: Segment, words: Sequence[Any]) -> Floats:
        first, last = np.searchsorted(self.times, (segment.start, segment.end))
        rows = []
        for word in words:
            a, b = np.clip(np.searchsorted(self.times, (word.start, word.end)), first, last)
            if a == b:
                near = first + np.abs(self.times[first:last] - (word.start + word.end) / 2).argmin()
                a, b = near, near + 1
            rows.append(self.values[a:b].mean(axis=0, dtype=np.float32))
        return np.array(rows, np.float32).reshape(len(rows), self.values.shape[1])


def join_tracks(tracks: Sequence[Track], width: int) -> Track:
    """Join consecutive tracks; without any, a track of ``width`` columns without steps."""
    if not tracks:
        return Track(np.zeros(0), np.zeros((0, width), np.float32))
    if len(tracks) == 1:
        return tracks[0]
    return Track(np.concatenate([one.times for one in tracks]), np.concatenate([one.values for one in tracks]))
