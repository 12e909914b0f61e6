"""Tidy tables of an analysis: one row a measurement, as CSV and Parquet."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sentiprism.report import wording
from sentiprism.report.by_speaker import of_speaker
from sentiprism.report.schema import Document, Estimate, UtterancePart
from sentiprism.report.table import inert
from sentiprism.tables import comma_separated
from sentiprism.types import MODALITIES

MARK = "\ufeff"
"""By which Excel detects the encoding."""


class Measurement(NamedTuple):
    """One number, with what it is about."""

    level: str
    """recording, speaker, utterance, word or window."""
    utterance: int | None
    face: int | None
    speaker: str | None
    start: float
    end: float
    """Seconds."""
    text: str | None
    measure: str
    value: float
    unit: str
    """Scale of the model, "s", "share", "probability", "logit", or the unit of a curve."""


COLUMNS = Measurement._fields


def measure(analysis: Document) -> Iterator[Measurement]:
    """Yield every number of an analysis: of the recording, its speakers, utterances, words and sliding windows.

    Curves of face and voice are means over each utterance; the document has them in full.
    """
    yield from _of_recording(analysis)
    for part, means in wording.means(analysis):
        about = ("utterance", part.number, part.face, part.speaker, part.start, part.end, part.text)
        for name, value, unit in (*_estimated(analysis, part.estimate), *_attributed(analysis, part)):
            yield Measurement(*about, name, value, unit)
        for curve, mean in zip(analysis.curves, means, strict=True):
            if mean is not None and curve.face in {None, part.face}:
                yield Measurement(*about, curve.name, mean, curve.unit)
        unit = _attribution_unit(analysis)
        for word in part.words:
            if word.contribution is not None:
                own = ("word", part.number, part.face, part.speaker, word.start, word.end, word.text)
                yield Measurement(*own, "contribution", word.contribution, unit)
    for window in analysis.windows:
        for name, value, unit in _estimated(analysis, window.estimate):
            yield Measurement("window", None, None, None, window.start, window.end, None, name, value, unit)


def to_tidy_csv(analysis: Document) -> str:
    """Convert to CSV with one line a measurement; texts that look like formulas begin with an apostrophe."""
    return MARK + "".join(csv_parts(["recording", *COLUMNS], [rows_of(analysis, [analysis.recording.name])]))


def csv_parts(columns: Sequence[str], parts: Iterable[Iterable[Sequence[Any]]]) -> Iterator[str]:
    """Yield CSV: the heading, then the rows of each part, in which no text is a formula."""
    yield comma_separated([str(inert(name)) for name in columns], []) + "\n"
    for rows in parts:
        lines = comma_separated([], ([inert(cell) for cell in row] for row in rows)).removeprefix("\n")
        if lines:
            yield lines + "\n"


def rows_of(analysis: Document, head: Sequence[Any]) -> list[list[Any]]:
    """All measurements as rows that begin with the same cells."""
    return [[*head, *one] for one in measure(analysis)]


def write_parquet(path: Path, head: Sequence[str], parts: Iterable[tuple[Sequence[str | None], Document]]) -> None:
    """Write measurements of recordings to a Parquet file, a row group each.

    Args:
        path: of the file.
        head: names of the columns before those of `Measurement`.
        parts: cells of these columns, and the analysis, of each recording.
    """
    import pyarrow as pa
    from pyarrow import parquet

    kinds: Mapping[str, Any] = {
        "utterance": pa.int32(), "face": pa.int32(), "start": pa.float64(), "end": pa.float64(), "value": pa.float64(),
    }  # fmt: skip
    fields = [pa.field(name, pa.string()) for name in head]
    schema = pa.schema([*fields, *(pa.field(name, kinds.get(name, pa.string())) for name in COLUMNS)])
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for cells, analysis in parts:
            columns = list(zip(*rows_of(analysis, cells), strict=True))
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _of_recording(analysis: Document) -> Iterator[Measurement]:
    yield from _summarised(analysis, "recording", None)
    for name in analysis.speakers:
        yield from _summarised(of_speaker(analysis, name), "speaker", name)


def _summarised(analysis: Document, level: str, speaker: str | None) -> Iterator[Measurement]:
    summary, about = analysis.summary, (level, None, None, speaker, 0.0, analysis.recording.duration, None)
    if summary.mean is not None:
        yield Measurement(*about, "sentiment", summary.mean, _scale(analysis))
    for one in wording.shares(analysis):
        yield Measurement(*about, f"share_{one.label}", one.share, "share")
    yield Measurement(*about, "speech", summary.speech, "s")
    yield Measurement(*about, "firm", summary.firm, "share")


def _estimated(analysis: Document, estimate: Estimate) -> Iterator[tuple[str, float, str]]:
    if classes := analysis.model.target.classes:
        for name, value in zip(classes, estimate.probabilities, strict=False):
            yield f"p_{name}", value, "probability"
        return
    found = {"sentiment": estimate.value, "sentiment_low": estimate.low, "sentiment_high": estimate.high}
    yield from ((name, value, _scale(analysis)) for name, value in found.items() if value is not None)


def _attributed(analysis: Document, part: UtterancePart) -> Iterator[tuple[str, float, str]]:
    unit = _attribution_unit(analysis)
    yield "base", part.base, unit
    for name in MODALITIES:
        if name in part.present and name in part.contributions:
            yield f"contribution_{name}", part.contributions[name], unit
    for name in MODALITIES:
        if name in (part.weights or {}):
            yield f"weight_{name}", (part.weights or {})[name], "share"


def _scale(analysis: Document) -> str:
    target = analysis.model.target
    return f"scale {target.low:g} to {target.high:g}"


def _attribution_unit(analysis: Document) -> str:
    """Attributions are differences of the estimate, or of logits."""
    return "logit" if analysis.model.target.classes else _scale(analysis)
