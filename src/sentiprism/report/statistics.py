"""Summarise a recording in a few numbers."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from sentiprism.report.schema import NEUTRAL, Summary, UtterancePart
from sentiprism.types import MODALITIES, TargetSpec

FIRM = 0.5
"""Share of the utterances' time that must be firm for a firm mean."""


def summarise_speakers(
    utterances: Sequence[UtterancePart], target: TargetSpec, *, timed: bool = True
) -> dict[str, Summary]:
    """Summarise the utterances of each named speaker, the first one to speak first."""
    own: dict[str, list[UtterancePart]] = {}
    for part in utterances:
        if part.speaker is not None:
            own.setdefault(part.speaker, []).append(part)
    return {name: summarise(parts, target, timed=timed) for name, parts in own.items()}


def summarise(utterances: Sequence[UtterancePart], target: TargetSpec, *, timed: bool = True) -> Summary:
    """Summarise utterances, weighted by seconds, or equally if not ``timed``.

    For classes, whose order is unknown, only speech, contributions and firmness are summarised.
    """
    if not utterances:
        return Summary(mean=None)
    answers = Counter((one.start, one.end) for one in utterances)  # one per visible face
    seconds = np.array([(one.end - one.start) / answers[one.start, one.end] for one in utterances])
    share = seconds / seconds.sum() if timed and seconds.sum() > 0 else np.full(len(seconds), 1 / len(seconds))
    # Rounded, so that the order of summation does not decide whether exactly half of the time is firm.
    firm = round(float(share @ [not one.estimate.caution for one in utterances]), 9)
    reasons = Counter(reason for one in utterances for reason in one.estimate.caution)
    caution = tuple(reason for reason, _ in reasons.most_common()) if firm < FIRM else ()
    amounts = {
        name: float(share @ [abs(one.contributions.get(name, 0.0)) for one in utterances])
        for name in MODALITIES
        if any(name in one.contributions for one in utterances)
    }
    if target.kind == "classes":
        return Summary(
            mean=None, speech=float(seconds.sum()), firm=firm, caution=caution, contributions=amounts, timed=timed
        )
    values = np.array([one.estimate.value for one in utterances])
    far = (values - (target.low + target.high) / 2) / (target.high - target.low)
    return Summary(
        mean=float(share @ values) + 0.0,
        positive=float(share[far > NEUTRAL].sum()),
        negative=float(share[far < -NEUTRAL].sum()),
        neutral=float(share[np.abs(far) <= NEUTRAL].sum()),
        highest=utterances[int(values.argmax())].number,
        lowest=utterances[int(values.argmin())].number,
        speech=float(seconds.sum()),
        firm=firm,
        caution=caution,
        contributions=amounts,
        timed=timed,
    )
