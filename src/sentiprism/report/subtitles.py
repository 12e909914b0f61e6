"""Write an analysis as subtitles: SubRip, with the estimate below each utterance."""

from sentiprism.report.schema import Document
from sentiprism.report.tiers import Utterance, arrange_tiers, clean
from sentiprism.types import MODALITIES


def to_srt(analysis: Document) -> str:
    """Convert to SubRip: speaker, if known, and words of each utterance; then estimate and contributions."""
    spoken = [(one, lane.speaker) for lane in arrange_tiers(analysis) for one in lane.utterances]
    spoken.sort(key=lambda pair: pair[0].annotation[:2])
    return "\n".join(_cue(number, one, speaker) for number, (one, speaker) in enumerate(spoken, start=1))


def _cue(number: int, one: Utterance, speaker: str | None) -> str:
    start, end, text = one.annotation
    label = "" if speaker is None else f"{clean(speaker)}: "
    spoken = f"{label}{text or '(no words)'}".replace("-->", "→")
    return f"{number}\n{_time(start)} --> {_time(end)}\n{spoken}\n[{_scores(one.values)}]\n"


def _scores(values: dict[str, str]) -> str:
    found = values["sentiment"]
    if "probability" in values:
        found += f" {float(values['probability']):.2f}"
    else:
        found = f"{float(found):+.2f}"
    if "sentiment_low" in values:
        found += f" ({float(values['sentiment_low']):+.2f} to {float(values['sentiment_high']):+.2f})"
    parts = [f"{name} {float(values[name]):+.2f}" for name in MODALITIES if name in values]
    weak = [f"weak: {values['weak']}"] if "weak" in values else []
    face = [f"face {values['face']}"] if "face" in values else []
    return "; ".join([found, *face, *([", ".join(parts)] if parts else []), *weak])


def _time(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02},{rest:03}"
