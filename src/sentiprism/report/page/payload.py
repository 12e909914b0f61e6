"""Make the data for the page's script: compact, and safe inside HTML."""

import json
from collections.abc import Sequence
from typing import Any

from sentiprism.report.schema import Curve, Document, Estimate, UtterancePart
from sentiprism.types import MODALITIES

DIGITS = 4
"""Significant digits of numbers on the page."""
ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
"""Escapes of characters in strings, so that no text can end the script element or open a comment."""


def payload(analysis: Document, stills: Sequence[tuple[float, str]] = ()) -> dict[str, Any]:
    """Make the data that the script draws; curves refer to shared times by index.

    Args:
        analysis: the document.
        stills: times and data: URIs of still pictures that replace the video.
    """
    target = analysis.model.target
    pool: dict[tuple[float, ...], int] = {}
    curves = [_curve(curve, pool.setdefault(curve.times, len(pool))) for curve in analysis.curves]
    return {
        "kind": analysis.recording.kind,
        "duration": _time(length(analysis)),
        "language": analysis.recording.language,
        "target": {"low": target.low, "high": target.high, "classes": target.classes},
        "modalities": [m for m in MODALITIES if any(m in part.contributions for part in analysis.utterances)],
        "utterances": [_utterance(part) for part in analysis.utterances],
        "windows": [[_time(w.start), _time(w.end), _estimate(w.estimate)] for w in analysis.windows],
        "times": [[_time(time) for time in times] for times in pool],
        "curves": curves,
        "stills": [[_time(time), picture] for time, picture in stills],
    }


def length(analysis: Document) -> float:
    """Length of the time line in seconds, including all utterances, even if the container states a wrong length."""
    ends = [part.end for part in analysis.utterances] + [curve.times[-1] for curve in analysis.curves if curve.times]
    return max([analysis.recording.duration, *ends])


def embedded(value: Any) -> str:
    """JSON that is safe inside a script element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(ESCAPES)


def _utterance(part: UtterancePart) -> dict[str, Any]:
    known = {} if part.speaking is None else {"speaking": _short(part.speaking), "place": part.place}
    return {
        "n": part.number,
        "s": _time(part.start),
        "e": _time(part.end),
        "text": part.text,
        "words": [[w.text, _time(w.start), _time(w.end), _short(w.contribution)] for w in part.words],
        "estimate": _estimate(part.estimate),
        "base": _short(part.base),
        "parts": {name: _short(value) for name, value in part.contributions.items()},
        "weights": part.weights and {name: _short(value) for name, value in part.weights.items()},
        "present": part.present,
        "face": part.face,
        **({} if part.speaker is None else {"speaker": part.speaker}),
        **known,
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    found = {"v": estimate.value, "lo": estimate.low, "hi": estimate.high}
    short: dict[str, Any] = {name: _short(value) for name, value in found.items() if value is not None}
    if estimate.caution:
        short["caution"] = estimate.caution
    return {**short, "p": [_short(p) for p in estimate.probabilities]} if estimate.probabilities else short


def _curve(curve: Curve, times: int) -> dict[str, Any]:
    about = curve.model_dump(include={"name", "title", "modality", "unit", "scale", "face"})
    return {**about, "times": times, "values": [_short(value) for value in curve.values]}


def _time(seconds: float) -> float:
    """Round to milliseconds, so that the script formats times as `tables.clock` does."""
    return _whole(round(seconds, 3))


def _short(value: float | None) -> float | None:
    """Round to a thousandth or four significant digits, whichever is more exact."""
    if value is None:
        return None
    return _whole(round(value, 3) if abs(value) >= 1 else float(f"{value:.{DIGITS}g}"))


def _whole(number: float) -> float:
    """Convert to an integer if it is one; -0.0 becomes 0."""
    return int(number) if number == int(number) else number
