"""Render the index of many recordings."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote

from sentiprism.report import wording
from sentiprism.report.page.template import fill
from sentiprism.report.schema import Document
from sentiprism.report.tally import count_utterances

TITLE = "Recordings · sentiment"
"""Of the page, by which it is known."""


class Entry(NamedTuple):
    """A recording in the table; small, so that thousands may be listed."""

    name: str
    link: str
    """To its report, relative to the index."""
    duration: float
    utterances: int
    verdict: str
    mean: float | None
    """None without an utterance, or where the target is classes."""
    lowest: float | None
    highest: float | None
    shares: tuple[wording.Share, ...]
    notes: tuple[str, ...]
    firm: int = 0
    """Utterances whose estimate is not weak."""
    caution: tuple[str, ...] = ()
    """Reasons why the mean is weak."""
    weak_ends: tuple[bool, bool] = (False, False)
    """Whether the lowest and the highest estimate are weak."""
    kind: str = "recording"
    """Or "text"."""
    judged: str = ""
    """The model, and its scale or classes."""
    timed: bool = True
    """Whether its times are not those of a reader."""
    firm_time: float | None = None
    """Share of the utterances' time in which the estimate is not weak; None where there are no times."""
    language: str | None = None
    """The language in words, where it was not checked."""

    @classmethod
    def of(cls, analysis: Document, link: str) -> "Entry":
        """What the index says of a document.

        Args:
            analysis: of the recording.
            link: path of its page relative to the index, as it is on disk: it is quoted here.
        """
        target = analysis.judge.target
        counts = count_utterances(analysis.utterances)
        estimates = [part.estimate for part in analysis.utterances]
        timed = wording.has_times(analysis.recording)
        ordered = [] if target.classes else sorted(estimates, key=lambda estimate: estimate.value)
        return cls(
            name=analysis.recording.name,
            link=quote(link),
            duration=analysis.recording.duration,
            utterances=counts.utterances,
            verdict=wording.headline(analysis)[0],
            mean=None if target.classes else analysis.summary.mean,
            lowest=ordered[0].value if ordered else None,
            highest=ordered[-1].value if ordered else None,
            shares=tuple(wording.shares(analysis)),
            notes=analysis.notes,
            firm=counts.firm,
            caution=analysis.summary.caution,
            kind=wording.noun(analysis.recording),
            judged=wording.judged(analysis.judge),
            timed=timed,
            firm_time=analysis.summary.firm if timed and analysis.utterances else None,
            language=wording.spoken(analysis.recording) if analysis.recording.language_assumed else None,
            weak_ends=(bool(ordered[0].caution), bool(ordered[-1].caution)) if ordered else (False, False),
        )


def render_index(
    entries: Iterable[Entry], failures: Mapping[str, str], skipped: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The page; lines stand in the order of names until a reader sorts them by another column.

    Args:
        entries: one a recording.
        failures: reason by name of a file that could not be analysed.
        skipped: reason by name of a file that was passed over.

    Raises:
        UserError: jinja2 is not installed.
    """
    lines = sorted(entries, key=lambda entry: (entry.name.casefold(), entry.link))
    return fill(
        "index.html.j2",
        scripts=["script/index.js"],
        title=TITLE,
        entries=lines,
        noun="file" if any(entry.kind == "text" for entry in lines) else "recording",
        failures=sorted(failures.items()),
        skipped=sorted(skipped.items()),
        timed=all(entry.timed for entry in lines),
        judges=sorted({entry.judged for entry in lines}),
        keys=list({share.label: share for entry in lines for share in entry.shares}.values()),
        numbers=any(entry.mean is not None for entry in lines),
    )
