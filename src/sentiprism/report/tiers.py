"""Arrange an analysis as tiers of time-aligned annotations, as ELAN and Praat have them."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from sentiprism.report.schema import Document, UtterancePart
from sentiprism.types import MODALITIES, Modality

UTTERANCES, WORDS = "utterances", "words"
_INVALID = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML does not allow; Praat does not show them either."""


class Annotation(NamedTuple):
    """A text at a time; no two of a tier overlap."""

    start: int
    end: int
    """Milliseconds, after ``start``."""
    text: str


class Utterance(NamedTuple):
    """An utterance with its words, and what was estimated for it."""

    annotation: Annotation
    words: tuple[Annotation, ...]
    """Within the utterance."""
    values: dict[str, str]
    """Estimates, attributions and reasons by tier; tiers without a value are left out."""


class Lane(NamedTuple):
    """Utterances of one speaker that do not overlap; most recordings have one lane."""

    suffix: str
    """End of the names of its tiers: "" for the first lane, then "@2", "@3"; with speakers, "@S1", then "@S1@2"."""
    utterances: tuple[Utterance, ...]
    speaker: str | None = None

    @property
    def value_tiers(self) -> list[str]:
        """Names of all tiers with values, without the suffix."""
        return list(dict.fromkeys(name for one in self.utterances for name in one.values))


def arrange_tiers(analysis: Document) -> list[Lane]:
    """Arrange utterances in lanes by speaker; those that overlap, such as estimates of several faces, share none."""
    several = len({part.face for part in analysis.utterances if part.face is not None}) > 1
    by_speaker: dict[str | None, list[list[Utterance]]] = {}
    for part in sorted(analysis.utterances, key=lambda one: (one.start, one.end, one.number)):
        start = milliseconds(part.start)
        lanes = by_speaker.setdefault(part.speaker, [])
        lane = next((own for own in lanes if own[-1].annotation.end <= start), None)
        if lane is None:
            lanes.append(lane := [])
        whole = Annotation(start, max(milliseconds(part.end), start + 1), clean(part.text or ""))
        words = _place([(one.text, one.start, one.end) for one in part.words], whole)
        lane.append(Utterance(whole, tuple(words), _values(analysis, part, several=several)))
    return [
        Lane(("" if speaker is None else f"@{clean(speaker)}") + ("" if n == 1 else f"@{n}"), tuple(own), speaker)
        for speaker, lanes in by_speaker.items()
        for n, own in enumerate(lanes, start=1)
    ]


def milliseconds(seconds: float) -> int:
    """Round a time to whole milliseconds, at least 0."""
    return max(round(seconds * 1000), 0)


def clean(text: str) -> str:
    """One line without characters that are invalid in XML."""
    return " ".join(_INVALID.sub("\ufffd", text).split())


def _place(words: Iterable[tuple[str, float, float]], whole: Annotation) -> list[Annotation]:
    """Words in order within their utterance; one for which no millisecond is left joins the one before it."""
    found: list[Annotation] = []
    for text, start, end in words:
        least = found[-1].end if found else whole.start
        begin = min(max(milliseconds(start), least), whole.end)
        if begin == whole.end and found:
            found[-1] = found[-1]._replace(text=f"{found[-1].text} {clean(text)}")
            continue
        begin = min(begin, whole.end - 1)
        found.append(Annotation(begin, min(max(milliseconds(end), begin + 1), whole.end), clean(text)))
    return found


def _values(analysis: Document, part: UtterancePart, *, several: bool) -> dict[str, str]:
    said, classes = part.estimate, analysis.model.target.classes
    found = {"sentiment": classes[int(said.value)] if classes else _number(said.value)}
    if said.probabilities:
        found["probability"] = _number(max(said.probabilities))
    if said.low is not None and said.high is not None:
        found |= {"sentiment_low": _number(said.low), "sentiment_high": _number(said.high)}
    found |= {name: _number(part.contributions[name]) for name in _present(part, part.contributions)}
    found |= {f"weight_{name}": _number((part.weights or {})[name]) for name in _present(part, part.weights or {})}
    if said.caution:
        found["weak"] = clean("; ".join(said.caution))
    if several and part.face is not None:
        found["face"] = str(part.face)
    if part.speaking is not None:
        found["speaking"] = _number(part.speaking)
    return found


def _present(part: UtterancePart, values: Iterable[Modality]) -> list[Modality]:
    return [name for name in MODALITIES if name in values and name in part.present]


def _number(value: float) -> str:
    text = f"{value:.3f}"
    return text.removeprefix("-") if not float(text) else text
