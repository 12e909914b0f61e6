"""Read a table of texts; each row is an utterance."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sentiprism.analysis.cuts import read_times
from sentiprism.analysis.transcribe import READING, Transcription
from sentiprism.data.importers.columns import find_sources, rename_columns
from sentiprism.data.importers.csv_files import read_csv
from sentiprism.errors import UserError, suggest
from sentiprism.media.align import align
from sentiprism.media.types import Cue, Segment, Word
from sentiprism.media.whisper import split_words
from sentiprism.report.schema import OWN_TIMES

COLUMNS = ("text", "id", "start", "end")
"""``text``; ``id``, by default the row number; ``start`` and ``end`` in seconds, by default reading times."""


def read_rows(path: Path, columns: Mapping[str, str]) -> Transcription:
    """Read a CSV of texts.

    Args:
        path: the file; blank texts are skipped.
        columns: columns for those of `COLUMNS` in a table with other names, as in `read_table`.

    Returns:
        One utterance per row, by time if it has times, else in the order of the table.

    Raises:
        UserError: it is not a table, has no texts, or has invalid times.
    """
    names, content = read_csv(path, find_sources(columns, COLUMNS).__contains__)
    table = rename_columns(path, names, content, columns)
    if "text" not in table:
        raise UserError(
            f"{path} has no column 'text'",
            f"say which one has the texts: `columns` text=NAME; {suggest('text', names)}",
        )
    timed = "start" in table
    if timed != ("end" in table):
        raise UserError(f"{path} has only one of the columns 'start' and 'end'", "give both, in seconds")
    texts = table["text"]
    table.setdefault("id", [str(number) for number in range(1, len(texts) + 1)])
    spoken = [row for row, text in enumerate(texts) if text.strip()]
    if not spoken:
        raise UserError(f"{path} has no texts in the column {columns.get('text', 'text')!r}", "name another one")
    empty = len(texts) - len(spoken)
    notes = [f"{empty} {'row has' if empty == 1 else 'rows have'} no text."] if empty else []
    segments: list[Segment] = []
    clock = 0.0
    for row in spoken:
        if timed:
            start, end = read_times(table, row, path)
            words = align((Cue(texts[row], start, end),), np.zeros(0, np.int16), (), None)
        else:
            said, start = split_words(texts[row]), clock
            clock = end = start + READING * len(said)
            words = tuple(Word(word, start + READING * n, start + READING * (n + 1)) for n, word in enumerate(said))
        segments.append(Segment(start, end, words, table["id"][row]))
    if timed:
        segments.sort(key=lambda one: (one.start, one.end))
    source = OWN_TIMES if timed else "times are those of a reader"
    return Transcription(tuple(segments), f"the rows of a table; {source}", None, tuple(notes), connected=timed)
