"""List the reasons why an estimate is weak."""

from collections.abc import Sequence

from sentiprism.report.schema import BOTH_SIGNS, NEUTRAL, Estimate
from sentiprism.types import Modality, TargetSpec

SOURCES: dict[Modality, str] = {"text": "words", "audio": "voice", "vision": "face"}
"""Names of modalities for readers."""
WIDEST = 0.5
"""Share of the scale above which an interval is too wide: it then includes both signs, or one end and the middle."""


def list_cautions(
    estimate: Estimate, present: Sequence[Modality], known: Sequence[Modality], target: TargetSpec, *, speech: bool
) -> tuple[str, ...]:
    """List the reasons why an estimate is weak; () if it is firm.

    Args:
        estimate: of an utterance or a window.
        present: modalities that it is based on.
        known: modalities that the model uses.
        target: the model's scale.
        speech: whether there is speech.
    """
    found = []
    if not speech and tuple(present) == ("vision",):
        found.append("rests on a face without speech")
    elif len(present) == 1 and len(known) > 1:
        found.append(f"rests on the {SOURCES[present[0]]} alone")
    width = 0.0 if estimate.low is None or estimate.high is None else estimate.high - estimate.low
    if width > WIDEST * (target.high - target.low):
        found.append("interval wider than half the scale")
    if estimate.low is not None and estimate.high is not None:
        middle, neutral = (target.low + target.high) / 2, NEUTRAL * (target.high - target.low)
        if estimate.low < middle - neutral and estimate.high > middle + neutral:
            found.append(BOTH_SIGNS)
    return tuple(found)
