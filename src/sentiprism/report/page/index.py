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
"""Title of the page, by which it is recognised."""


class Entry(NamedTuple):
    """A row of the table; small, so that thousands can be listed."""

    name: str
    link: str
    """Link to its report, relative to the index."""
    duration: float
    utterances: int
    verdict: str
    mean: float | None
    """None without an utterance, or for classes."""
    lowest: float | None
    highest: float | None
    shares: tuple[wording.Share, ...]
    notes: tuple[str, ...]
    firm: int = 0
    """Number of utterances whose estimate is firm."""
    caution: tuple[str, ...] = ()
    """Reasons for a weak mean."""
    weak_ends: tuple[bool, bool] = (False, False)
    """Whether the lowest and the highest estimate are weak."""
    kind: str = "recording"
    """"recording" or "text"."""
    model: str = ""
    """The model with its scale or classes."""
    timed: bool = True
    """Whether it has real times, instead of estimated reading times."""
    firm_time: float | None = None
    """Share of the utterances' time with a firm estimate; None without times."""
    language: str | None = None
    """Name of the language, if it was not checked."""

    @classmethod
    def of(cls, analysis: Document, link: str) -> "Entry":
        """Make the row of a document.

        Args:
            analysis: of the recording.
            link: path of its page relative to the index, not yet URL-quoted.
        """
        target = analysis.model.target
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
            model=wording.describe_model(analysis.model),
            timed=timed,
            firm_time=analysis.summary.firm if timed and analysis.utterances else None,
            language=wording.spoken(analysis.recording) if analysis.recording.language_assumed else None,
            weak_ends=(bool(ordered[0].caution), bool(ordered[-1].caution)) if ordered else (False, False),
        )


def render_index(
    entries: Iterable[Entry], failures: Mapping[str, str], skipped: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Render the page; rows are sorted by name until the reader sorts by another column.

    Args:
        entries: one per recording.
        failures: reasons by name of files that could not be analysed.
        skipped: reasons by name of files that were skipped.

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
        models=sorted({entry.model for entry in lines}),
        keys=list({share.label: share for entry in lines for share in entry.shares}.values()),
        numbers=any(entry.mean is not None for entry in lines),
    )
