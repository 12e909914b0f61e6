"""Lay out the utterances and sliding windows of a recording."""

from itertools import pairwise
from math import ceil
from typing import NamedTuple

import numpy as np

from sentiprism.analysis.options import Options
from sentiprism.analysis.transcribe import Transcription
from sentiprism.media.types import Segment


class TimeLine(NamedTuple):
    """Utterances and windows of a recording to predict."""

    segments: tuple[Segment, ...]
    """The utterances."""
    around: tuple[Segment, ...]
    """The sliding windows."""
    speech: bool
    """Whether the recording has speech."""
    connected: bool
    """Whether the utterances are consecutive, so that one is the context of the next."""


def lay_out(transcription: Transcription, options: Options, duration: float, *, faces: bool) -> TimeLine:
    """Lay out the utterances and the sliding windows.

    Args:
        transcription: words and utterances.
        options: lengths of windows and, without speech, of the segments that replace utterances.
        duration: seconds of the recording.
        faces: whether there are faces, which can be used without speech, unlike the voice.
    """
    segments, speech = transcription.segments, bool(transcription.segments)
    if not speech and faces:
        segments = split_evenly(duration, options.longest)
    around = windows(duration, segments, options) if transcription.connected else ()
    return TimeLine(segments, around, speech, transcription.connected)


def split_evenly(duration: float, longest: float) -> tuple[Segment, ...]:
    """Split a recording without speech into equal windows, to predict from faces."""
    count = max(ceil(duration / longest), 1)
    edges = np.linspace(0, duration, count + 1).tolist()
    return tuple(Segment(start, end, ()) for start, end in pairwise(edges))


def windows(duration: float, segments: tuple[Segment, ...], options: Options) -> tuple[Segment, ...]:
    """Sliding windows over the recording with their words, without windows that have no utterance."""
    words = [word for one in segments for word in one.words]
    middles = np.array([(word.start + word.end) / 2 for word in words])
    found: list[Segment] = []
    for start in np.arange(0, max(duration - options.window, 0) + options.hop, options.hop).tolist():
        end = min(start + options.window, duration)
        if end - start < options.window / 2 and found:
            break
        if any(one.start < end and one.end > start for one in segments):
            first, last = np.searchsorted(middles, (start, end))
            found.append(Segment(start, end, tuple(words[first:last])))
    return tuple(found)
