"""Results of each speaker of a recording."""

from typing import NamedTuple

from sentiprism.report import wording
from sentiprism.report.schema import Document
from sentiprism.report.tally import count_utterances
from sentiprism.tables import clock


class SpeakerRow(NamedTuple):
    """Results of one speaker, in words."""

    name: str
    utterances: int
    speech: str
    """Time of the utterances."""
    mean: str
    """Mean estimate, or the class that is the most probable one most of the time; with "weak" if it is."""
    shares: list[wording.Share]


def of_speaker(analysis: Document, name: str) -> Document:
    """The same analysis with the utterances of one speaker only."""
    own = tuple(part for part in analysis.utterances if part.speaker == name)
    return analysis.model_copy(update={"utterances": own, "summary": analysis.speakers[name], "speakers": {}})


def speaker_rows(analysis: Document) -> list[SpeakerRow]:
    """Results of each speaker; [] if they were not told apart."""
    rows = []
    for name, summary in analysis.speakers.items():
        own = of_speaker(analysis, name)
        shares = wording.shares(own)
        most = max(shares, key=lambda share: share.share)
        mean = most.label if summary.mean is None else wording.signed(summary.mean)
        count = count_utterances(own.utterances).utterances
        rows.append(
            SpeakerRow(name, count, clock(summary.speech), f"{mean}{' (weak)' if summary.caution else ''}", shares)
        )
    return rows
