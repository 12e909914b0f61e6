"""Summarise an analysed recording in the few numbers that a study needs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sentiprism.config import Record
from sentiprism.report import wording
from sentiprism.report.schema import Document
from sentiprism.study.arrays import Floats, quotient

BINS = 20
"""Equal parts of a recording's length, for its curve over normalised time."""
STEPS = (1, 5, 10, 30, 60, 300, 600, 1800, 3600)
"""Seconds of a bin over absolute time; each divides the next one, so that curves can be brought to one grid."""
MOST_BINS = 60
"""Bins over absolute time, unless the recording has more than that many hours."""


class RecordingSummary(Record):
    """The numbers of one analysed recording."""

    model: str
    """The model with its scale or classes; only recordings with the same one can be compared."""
    low: float
    high: float
    """Ends of the model's scale."""
    duration: float
    utterances: int
    speech: float
    """Seconds of all utterances."""
    firm: float
    """Share of the utterances' time with a firm estimate."""
    mean: float | None
    """Mean sentiment, weighted by time; None without utterances, or of a model of classes."""
    shares: dict[str, float]
    """Share of the utterances' time by ``negative``, ``neutral`` and ``positive``, or by the model's classes."""
    timed: bool
    """Whether it has real times, instead of estimated reading times."""
    relative: tuple[float | None, ...] = ()
    """Sentiment in `BINS` equal parts of its length; None where nobody speaks; () of a model of classes."""
    step: int = STEPS[0]
    """Seconds of a bin of ``absolute``."""
    absolute: tuple[float | None, ...] = ()
    """Sentiment over absolute time; () without real times, or of a model of classes."""
    spoken: tuple[float, ...] = ()
    """Seconds of utterances in each bin of ``absolute``."""


class Bins(NamedTuple):
    """Means over bins of time."""

    values: Floats
    """(B,) weighted by time; nan where nobody speaks."""
    seconds: Floats
    """(B,) of utterances."""


def summarize(analysis: Document) -> RecordingSummary:
    """Summarise an analysis.

    Args:
        analysis: of one recording.
    """
    target, summary, duration = analysis.model.target, analysis.summary, analysis.recording.duration
    found = {
        "model": wording.describe_model(analysis.model),
        "low": target.low,
        "high": target.high,
        "duration": duration,
        "utterances": len(analysis.utterances),
        "speech": summary.speech,
        "firm": summary.firm,
        "mean": summary.mean,
        "shares": {one.label: one.share for one in wording.shares(analysis)},
        "timed": wording.has_times(analysis.recording),
    }
    if target.classes or not analysis.utterances or duration <= 0:
        return RecordingSummary(**found)
    relative = bin_analysis(analysis, np.linspace(0.0, duration, BINS + 1))
    found["relative"] = _defined(relative.values)
    if found["timed"]:
        step = choose_step(duration)
        absolute = bin_analysis(analysis, step * np.arange(-(-duration // step) + 1))
        found |= {"step": step, "absolute": _defined(absolute.values), "spoken": tuple(absolute.seconds.tolist())}
    return RecordingSummary(**found)


def choose_step(duration: float) -> int:
    """Seconds of a bin, so that a recording has at most `MOST_BINS`; else the longest one."""
    return next((step for step in STEPS if duration <= step * MOST_BINS), STEPS[-1])


def bin_analysis(analysis: Document, edges: Floats) -> Bins:
    """Mean sentiment of an analysis in each bin of time, see `bin_means`."""
    parts = analysis.utterances
    return bin_means(
        [one.start for one in parts], [one.end for one in parts], [one.estimate.value for one in parts], edges
    )


def bin_means(starts: Sequence[float], ends: Sequence[float], values: Sequence[float], edges: Floats) -> Bins:
    """Mean value in each bin, weighted by the seconds that an utterance shares with it.

    Args:
        starts: (N,) seconds.
        ends: (N,) seconds.
        values: (N,).
        edges: (B + 1,) ascending seconds.
    """
    start, end = np.asarray(starts, float)[:, None], np.asarray(ends, float)[:, None]
    shared = np.clip(np.minimum(end, edges[1:]) - np.maximum(start, edges[:-1]), 0.0, None)  # (N, B)
    seconds = shared.sum(axis=0)
    return Bins(quotient(np.asarray(values, float) @ shared, seconds), seconds)


def coarsen(summary: RecordingSummary, step: int) -> Floats:
    """Bring the curve over absolute time to longer bins.

    Args:
        summary: whose curve.
        step: seconds of a bin; one of `STEPS`, and no shorter than the summary's own.

    Returns:
        (B,) values; nan where nobody speaks.
    """
    every = step // summary.step
    values = np.array([0.0 if value is None else value for value in summary.absolute])
    seconds = np.array(summary.spoken)
    starts = np.arange(0, len(values), every)
    if not len(starts):
        return np.array([])
    return quotient(np.add.reduceat(values * seconds, starts), np.add.reduceat(seconds, starts))


def _defined(values: Floats) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else round(float(value), 4) for value in values)
