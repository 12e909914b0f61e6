"""Formulate the summary and its numbers for readers."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from sentiprism.languages import language_name
from sentiprism.media.recognise import CERTAIN
from sentiprism.report.schema import (
    BOTH_SIGNS,
    NEUTRAL,
    OWN_TIMES,
    Curve,
    Document,
    ModelFacts,
    Recording,
    SoundFacts,
    UtterancePart,
)
from sentiprism.report.tally import count_utterances
from sentiprism.tables import duration
from sentiprism.tables import signed as plain_signed
from sentiprism.types import MODALITIES, TargetSpec

QUOTE = 140
"""Most characters of a quoted utterance."""
MIXED = 0.2
"""Least share of positive and of negative time in a recording that is called mixed."""
CLIPPED = 0.0005
"""Share of clipped samples from which clipping is mentioned."""
NAMED = {"negative", "neutral", "positive"}
"""Classes with fixed colours; others get colours in order."""


class Share(NamedTuple):
    """A segment of a bar."""

    label: str
    share: float
    """Share between 0 and 1."""
    before: float
    """Sum of the previous segments."""
    style: str
    """Class of the style sheet with its colour."""


class Moment(NamedTuple):
    """A noteworthy utterance."""

    label: str
    part: UtterancePart
    quote: str


def signed(value: float, digits: int = 2) -> str:
    """Format a number with a sign that is as wide as a digit; no minus before a zero."""
    return plain_signed(value, digits).replace("-", "\u2212")


def mood(value: float, target: TargetSpec) -> str:
    """Describe an intensity in words, by the annotators' seven steps."""
    step = round(6 * (value - (target.low + target.high) / 2) / (target.high - target.low))
    if step == 0:
        return "neutral"
    side = "positive" if step > 0 else "negative"
    return {1: f"slightly {side}", 2: side}.get(abs(step), f"strongly {side}")


def style_of(name: str, number: int) -> str:
    """Class of the style sheet for a class of the target."""
    return name.lower() if name.lower() in NAMED else f"class-{number % 8}"


def headline(analysis: Document) -> tuple[str, str]:
    """Headline of the report, and the sentence below it."""
    target, summary = analysis.model.target, analysis.summary
    if not analysis.utterances:
        reason = "; the notes say why" if analysis.notes else ""
        what = noun(analysis.recording)
        if analysis.recording.language_mismatch == "dropped":
            wanted = language_name(analysis.model.language) if analysis.model.language else "the model's language"
            return f"Not analysed: the words are not in {wanted}", f"Nothing in this {what} could be analysed{reason}."
        return "Nothing to analyse", f"No utterance was found in this {what}{reason}."
    counts = count_utterances(analysis.utterances)
    over = "one utterance" if counts.utterances == 1 else f"{counts.utterances:,} utterances"
    if counts.faces > 1:
        over += ", predicted once for each visible face"
    mean = over if len(analysis.utterances) == 1 else f"the mean of {over}, {weighting(analysis)}"
    if not summary.timed:
        mean = f"the mean of the rows ({counts.utterances:,})"
    firm, unit = firmness(analysis), whole(analysis)
    if target.classes:
        most = max(class_shares(analysis), key=lambda share: share.share)
        return (
            _titled(f"{'mostly' if most.share > 1 / 2 else 'most often'} {most.label}", analysis),
            f"{most.label} is the most probable of {len(target.classes)} classes for {100 * most.share:.0f} % "
            f"of the {unit}, over {over}, {firm}.",
        )
    assert summary.mean is not None  # noqa: S101 - there are utterances
    scale = f"from {signed(target.low, 0)} (most negative) to {signed(target.high, 0)} (most positive)"
    average = f"{mood(summary.mean, target)} on average"
    mixed = min(summary.positive, summary.negative) >= MIXED
    return (
        _titled(f"mixed, {average}" if mixed else average, analysis),
        f"{signed(summary.mean)} on a scale {scale}: {mean}, {firm}.",
    )


def _titled(verdict: str, analysis: Document) -> str:
    """Capitalise a verdict, with a prefix if it is weak or only its sign is uncertain."""
    if not analysis.summary.caution:
        return verdict[0].upper() + verdict[1:]
    return f"{'Sign uncertain' if analysis.summary.caution == (BOTH_SIGNS,) else 'Weak estimate'}: {verdict}"


def firmness(analysis: Document) -> str:
    """Describe how many utterances are firm, and why others are weak."""
    reasons = Counter(reason for part in analysis.utterances for reason in part.estimate.caution)
    count, firm, _ = count_utterances(analysis.utterances)
    if firm == count:
        return "which is firm" if count == 1 else "all of them firm"
    share = f"{100 * analysis.summary.firm:.0f} % of the {whole(analysis)}"
    some = f"{firm:,} of them firm, {share}" if firm else "none of them firm"
    share = "which is weak" if count == 1 else some
    every = len(analysis.utterances)
    why = (f"{reason} ({number:,})" if number < every else reason for reason, number in reasons.most_common())
    return f"{share}: {', '.join(why)}"


def describe_model(model: ModelFacts) -> str:
    """Describe the model and its scale in one line."""
    target = model.target
    scale = f"from {signed(target.low, 0)} (most negative) to {signed(target.high, 0)} (most positive)"
    return f"{model.name}: {', '.join(target.classes) if target.classes else scale}"


def shares(analysis: Document) -> list[Share]:
    """Shares of the time of all utterances by sentiment."""
    if not analysis.utterances:
        return []
    if analysis.model.target.classes:
        return class_shares(analysis)
    summary = analysis.summary
    return _pieces((name, getattr(summary, name), name) for name in ("negative", "neutral", "positive"))


def class_shares(analysis: Document) -> list[Share]:
    """Share of the time in which each class is the most probable."""
    classes = analysis.model.target.classes
    seconds = [0.0] * len(classes)
    for part in analysis.utterances:
        seconds[int(part.estimate.value)] += part.end - part.start if analysis.summary.timed else 1.0
    total = sum(seconds) or 1.0
    return _pieces((name, seconds[n] / total, style_of(name, n)) for n, name in enumerate(classes))


def modality_shares(analysis: Document) -> list[Share]:
    """Attribution of the predictions to modalities, as shares of absolute values."""
    amounts = analysis.summary.contributions
    there = {name for part in analysis.utterances for name in part.present}
    total = sum(amounts.values()) or 1.0
    return _pieces((name, amounts[name] / total, name) for name in MODALITIES if name in amounts and name in there)


def _pieces(parts: Iterable[tuple[str, float, str]]) -> list[Share]:
    found: list[Share] = []
    before = 0.0
    for label, share, style in parts:
        found.append(Share(label, share, before, style))
        before += share
    return found


def moments(analysis: Document) -> list[Moment]:
    """The utterances with the lowest and highest estimate; their labels mention it if both are on one side."""
    target, summary = analysis.model.target, analysis.summary
    by_number = {part.number: part for part in analysis.utterances}
    middle = (target.low + target.high) / 2
    faces = {part.face for part in analysis.utterances if part.face is not None}
    found = []
    for number, sign in ((summary.highest, 1), (summary.lowest, -1)):
        part = by_number.get(number) if number is not None else None
        if part is None or (sign < 0 and len(by_number) == 1):
            continue
        share = sign * (part.estimate.value - middle) / (target.high - target.low)
        side, other = ("positive", "negative") if sign > 0 else ("negative", "positive")
        label = f"Least {other}" if share < -NEUTRAL else f"Most {side}"
        if abs(share) <= NEUTRAL:
            label += ", yet neutral"
        face = f", face {part.face}" if len(faces) > 1 and part.face is not None else ""
        found.append(Moment(f"{label if len(by_number) > 1 else 'The one utterance'}{face}", part, quote(part)))
    return found


def quote(part: UtterancePart) -> str:
    """Quote an utterance in the summary."""
    if part.text is None:
        return "(no words)"
    return part.text if len(part.text) <= QUOTE else part.text[: QUOTE - 1].rstrip() + "…"


def noun(recording: Recording) -> str:
    """Noun for a recording or a text."""
    return "text" if recording.kind == "text" else "recording"


def facts(analysis: Document) -> list[str]:
    """Short facts about the recording."""
    recording = analysis.recording
    found = [recording.kind, duration(recording.duration) + ("" if has_times(recording) else " of reading")]
    if recording.width and recording.height:
        found.append(f"{recording.width} × {recording.height}")
    if recording.sound is not None:
        found.append(f"sound: {_sound(recording.sound)}")
    if language := spoken(recording):
        found.append(f"language: {language}")
    if recording.transcript:
        found.append(f"words: {recording.transcript}")
    return found


def _sound(sound: SoundFacts) -> str:
    """Describe sound quality: "24 dB above the noise, up to 7.9 kHz"."""
    found = [] if sound.noise_ratio is None else [f"{sound.noise_ratio:.0f} dB above the noise"]
    if sound.clipped >= CLIPPED:
        found.append(f"{sound.clipped:.1%} clipped")
    return ", ".join([*found, f"up to {sound.bandwidth / 1000:.1f} kHz"])


def spoken(recording: Recording) -> str | None:
    """Describe the language of a recording and its source."""
    if recording.language is None:
        return uncertain_language(recording)
    sure = recording.language_probability
    return f"{language_name(recording.language)} ({'given' if sure is None else f'recognised, {sure:.0%} sure'})"


def uncertain_language(recording: Recording) -> str | None:
    """Describe the language of a recording if uncertain; else None."""
    if recording.language is None:
        assumed = recording.language_assumed
        return None if assumed is None else f"not checked, treated as {language_name(assumed)}"
    sure = recording.language_probability
    if sure is None or sure >= CERTAIN:
        return None
    return f"uncertain, treated as {language_name(recording.language)} ({sure:.0%} sure)"


def has_times(recording: Recording) -> bool:
    """Whether times are from a recording or transcript, instead of estimated reading times."""
    return recording.kind != "text" or (recording.transcript or "").endswith(OWN_TIMES)


def whole(analysis: Document) -> str:
    """Basis of shares: the time, the rows of a table, or the text."""
    if not analysis.summary.timed:
        return "rows"
    return "time" if has_times(analysis.recording) else "text"


def weighting(analysis: Document) -> str:
    """Describe how means weight utterances; reading times of a text are in proportion to its words."""
    ways = {"time": "weighted by time", "rows": "mean of the rows", "text": "weighted by words"}
    return ways[whole(analysis)]


def means(analysis: Document) -> list[tuple[UtterancePart, list[float | None]]]:
    """Means of every curve over each utterance; None without values."""
    return [(part, [_mean(curve, part) for curve in analysis.curves]) for part in analysis.utterances]


def _mean(curve: Curve, part: UtterancePart) -> float | None:
    first, last = bisect_left(curve.times, part.start), bisect_left(curve.times, part.end)
    values = [value for value in curve.values[first:last] if value is not None]
    return sum(values) / len(values) if values else None
