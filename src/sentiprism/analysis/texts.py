"""Give texts without a recording a time line."""

from pathlib import Path

from sentiprism.analysis.inputs import ROWS
from sentiprism.analysis.options import Options
from sentiprism.analysis.rows import read_rows
from sentiprism.analysis.transcribe import READING, Transcription, is_timed, read_cues
from sentiprism.errors import UserError
from sentiprism.media.limits import DEFAULT, Limits
from sentiprism.media.transcripts import read_transcript
from sentiprism.media.whisper import words_of
from sentiprism.report.schema import OWN_TIMES
from sentiprism.tables import clock, duration

MOST_WINDOWS = 720
"""Sliding windows over a text: of the longest one each begins where the one before it ends."""


def read_words(path: Path, options: Options, limits: Limits = DEFAULT) -> Transcription:
    """Read the utterances of a text, or of a table of texts; no model is needed to refuse it.

    Args:
        path: as `read_transcript` or `read_rows` takes it.
        options: lengths of utterances, and columns of a table.
        limits: how long a text may be, in time or, where it has none, in reading time.

    Raises:
        UserError: it cannot be read, or is too long.
    """
    if path.suffix.lower() == ROWS:
        heard = read_rows(path, options.columns)
        count = None if heard.connected else sum(len(one.words) for one in heard.segments)
        _check_length(path, count, max(one.end for one in heard.segments), limits)
        return heard
    cues = read_transcript(path)
    count = None if is_timed(cues) else sum(len(words_of(cue.text)) for cue in cues)
    _check_length(path, count, max(cue.end or 0.0 for cue in cues), limits)
    times = OWN_TIMES if is_timed(cues) else "times are those of a reader"
    return Transcription(read_cues(cues, options), f"the text itself; {times}", None, ())


def spaced(options: Options, length: float) -> Options:
    """Options in which the windows over a text of so many seconds are at most `MOST_WINDOWS`."""
    return options.model_copy(update={"hop": max(options.hop, length / MOST_WINDOWS)})


def _check_length(path: Path, words: int | None, end: float, limits: Limits) -> None:
    """Refuse a text of too many words or, where ``words`` is None for it has times, that ends too late."""
    most = int(limits.duration / READING)
    if words is not None and words > most:
        limit = f"the limit is {most:,}, {duration(limits.duration)} of reading"
        raise UserError(f"{path} has {words:,} words, {limit}", "split it into shorter texts")
    if end > limits.duration:
        cause = f"{path} lasts {clock(end)}, the limit is {clock(limits.duration)}"
        raise UserError(cause, "split it into shorter texts")
