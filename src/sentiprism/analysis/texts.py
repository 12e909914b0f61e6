"""Estimate times for texts without a recording."""

from pathlib import Path

from sentiprism.analysis.inputs import ROWS
from sentiprism.analysis.options import Options
from sentiprism.analysis.rows import read_rows
from sentiprism.analysis.transcribe import READING, Transcription, is_timed, read_cues
from sentiprism.errors import UserError
from sentiprism.media.limits import DEFAULT, Limits
from sentiprism.media.transcripts import read_transcript
from sentiprism.media.whisper import split_words
from sentiprism.report.schema import OWN_TIMES
from sentiprism.tables import clock, duration

MOST_WINDOWS = 720
"""Most sliding windows over a text: for the longest one, windows do not overlap."""


def read_words(path: Path, options: Options, limits: Limits = DEFAULT) -> Transcription:
    """Read the utterances of a text, or of a table of texts, without a model.

    Args:
        path: as for `read_transcript` or `read_rows`.
        options: lengths of utterances, and columns of a table.
        limits: longest text, in time or reading time.

    Raises:
        UserError: it cannot be read, or is too long.
    """
    if path.suffix.lower() == ROWS:
        heard = read_rows(path, options.columns)
        count = None if heard.connected else sum(len(one.words) for one in heard.segments)
        _check_length(path, count, max(one.end for one in heard.segments), limits)
        return heard
    cues = read_transcript(path)
    count = None if is_timed(cues) else sum(len(split_words(cue.text)) for cue in cues)
    _check_length(path, count, max(cue.end or 0.0 for cue in cues), limits)
    times = OWN_TIMES if is_timed(cues) else "times are those of a reader"
    return Transcription(read_cues(cues, options), f"the text itself; {times}", None, ())


def spaced(options: Options, length: float) -> Options:
    """Options with at most `MOST_WINDOWS` windows over a text of ``length`` seconds."""
    return options.model_copy(update={"hop": max(options.hop, length / MOST_WINDOWS)})


def _check_length(path: Path, words: int | None, end: float, limits: Limits) -> None:
    """Refuse a text with too many words or, if it has times (``words`` is None), that ends too late."""
    most = int(limits.duration / READING)
    if words is not None and words > most:
        limit = f"the limit is {most:,}, {duration(limits.duration)} of reading"
        raise UserError(f"{path} has {words:,} words, {limit}", "split it into shorter texts")
    if end > limits.duration:
        cause = f"{path} lasts {clock(end)}, the limit is {clock(limits.duration)}"
        raise UserError(cause, "split it into shorter texts")
