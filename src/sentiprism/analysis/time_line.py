"""Lay out what is predicted along a recording: its utterances and sliding windows."""

from itertools import pairwise
from math import ceil
from typing import NamedTuple

import numpy as np

from sentiprism.analysis.options import Options
from sentiprism.analysis.transcribe import Transcription
from sentiprism.media.types import Segment


class TimeLine(NamedTuple):
    """What is predicted along a recording."""

    segments: tuple[Segment, ...]
    """The utterances."""
    around: tuple[Segment, ...]
    """The sliding windows."""
    speech: bool
    """Whether somebody speaks in the recording."""
    connected: bool
    """Whether the utterances follow each other, so that one is the context of the next."""


def lay_out(transcription: Transcription, options: Options, duration: float, *, faces: bool) -> TimeLine:
    """The utterances and the windows around them.

    Args:
        transcription: what is said.
        options: lengths of windows and, where nobody speaks, of what is predicted in the place of utterances.
        duration: seconds of the recording.
        faces: whether a face is seen, which can be judged where nobody speaks; a voice cannot.
    """
    segments, speech = transcription.segments, bool(transcription.segments)
    if not speech and faces:
        segments = split_evenly(duration, options.longest)
    around = windows(duration, segments, options) if transcription.connected else ()
    return TimeLine(segments, around, speech, transcription.connected)


def split_evenly(duration: float, longest: float) -> tuple[Segment, ...]:
    """Equal stretches of a recording in which nobody speaks, so that a face can still be judged."""
    count = max(ceil(duration / longest), 1)
    edges = np.linspace(0, duration, count + 1).tolist()
    return tuple(Segment(start, end, ()) for start, end in pairwise(edges))


def windows(duration: float, segments: tuple[Segment, ...], options: Options) -> tuple[Segment, ...]:
    """Sliding windows over the recording with the words said in them; those without an utterance are left out."""
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
