"""Write an analysis for Praat, as a TextGrid in long text format."""

from collections.abc import Iterator, Sequence

from sentiprism.report.schema import Document
from sentiprism.report.tiers import UTTERANCES, WORDS, Annotation, Lane, arrange_tiers, milliseconds


def to_textgrid(analysis: Document) -> str:
    """Convert to a TextGrid: interval tiers as in `sentiprism.report.elan`; what is between them is empty intervals."""
    lanes = arrange_tiers(analysis)
    tiers = [(name + lane.suffix, own) for lane in lanes for name, own in _tiers_of(lane)] or [(UTTERANCES, [])]
    end = max([milliseconds(analysis.recording.duration), 1, *(one.end for _, own in tiers for one in own)])
    lines = [
        *('File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {_seconds(end)}"),
        *("tiers? <exists>", f"size = {len(tiers)}", "item []:"),
    ]
    for number, (name, annotations) in enumerate(tiers, start=1):
        filled = list(_filled(annotations, end))
        lines += [
            *(f"    item [{number}]:", '        class = "IntervalTier"', f"        name = {_quoted(name)}"),
            *("        xmin = 0", f"        xmax = {_seconds(end)}", f"        intervals: size = {len(filled)}"),
        ]
        for place, one in enumerate(filled, start=1):
            lines += [
                *(f"        intervals [{place}]:", f"            xmin = {_seconds(one.start)}"),
                *(f"            xmax = {_seconds(one.end)}", f"            text = {_quoted(one.text)}"),
            ]
    return "\n".join([*lines, ""])


def _tiers_of(lane: Lane) -> Iterator[tuple[str, Sequence[Annotation]]]:
    yield UTTERANCES, [one.annotation for one in lane.utterances]
    yield WORDS, [word for one in lane.utterances for word in one.words]
    for name in lane.value_tiers:
        yield name, [one.annotation._replace(text=one.values[name]) for one in lane.utterances if name in one.values]


def _filled(annotations: Sequence[Annotation], end: int) -> Iterator[Annotation]:
    """All of the time from 0 to ``end``, with empty intervals between annotations."""
    reached = 0
    for one in annotations:
        if one.start > reached:
            yield Annotation(reached, one.start, "")
        yield one
        reached = one.end
    if reached < end:
        yield Annotation(reached, end, "")


def _seconds(time: int) -> str:
    return f"{time / 1000:g}" if time % 1000 == 0 else f"{time // 1000}.{time % 1000:03d}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
