"""Tidy tables of a study: one row a recording, an utterance or a second, each with its attributes."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, isnan
from typing import Any

import numpy as np

from sentiprism.report.measurements import COLUMNS
from sentiprism.report.schema import Document
from sentiprism.report.table import rows
from sentiprism.study.summary import RecordingSummary, bin_analysis

RECORDING = "recording"
"""First column: the name or number of a recording."""
SECOND = ("second", "sentiment")


def measurement_columns(attributes: Sequence[str]) -> list[str]:
    """Columns of a table of measurements before its own ones; an attribute with the name of one of these is marked."""
    taken = {RECORDING, *COLUMNS}
    return [RECORDING, *(f"{name} (attribute)" if name in taken else name for name in attributes)]


def recording_table(
    recordings: Sequence[tuple[str, Mapping[str, str], RecordingSummary | None]], attributes: Sequence[str]
) -> tuple[list[str], list[list[Any]]]:
    """Columns, and one row per recording.

    Args:
        recordings: name, attributes and summary of each; None if it is not analysed.
        attributes: names of their columns.
    """
    shares = list(dict.fromkeys(name for _, _, one in recordings if one is not None for name in one.shares))
    measured = ["model", "duration", "utterances", "speech", "firm", "sentiment", *(f"share_{name}" for name in shares)]
    body = []
    for name, values, one in recordings:
        found: list[Any] = [None] * len(measured)
        if one is not None:
            found = [one.model, one.duration, one.utterances, one.speech, one.firm, one.mean]
            found += [one.shares.get(share) for share in shares]
        body.append([name, *(values.get(key) for key in attributes), *found])
    return [RECORDING, *attributes, *measured], body


def utterance_columns(analysis: Document) -> list[str]:
    """Columns of a report's own table, which depend on the model."""
    return rows(analysis)[0]


def utterance_rows(
    name: str, values: Mapping[str, str], attributes: Sequence[str], analysis: Document, columns: Sequence[str]
) -> list[list[Any]]:
    """One row per utterance, in the order of given columns; empty where this analysis has no such column.

    Args:
        name: of the recording.
        values: its attributes.
        attributes: names of their columns.
        analysis: of the recording.
        columns: as `utterance_columns` gives them.
    """
    own, body = rows(analysis)
    places = [own.index(column) if column in own else None for column in columns]
    head = [name, *(values.get(key) for key in attributes)]
    return [[*head, *(None if place is None else row[place] for place in places)] for row in body]


def second_rows(
    name: str, values: Mapping[str, str], attributes: Sequence[str], analysis: Document
) -> Iterator[list[Any]]:
    """One row per second of the recording: mean sentiment of what is said in it; empty where nobody speaks."""
    if analysis.model.target.classes or not analysis.utterances:
        return
    head = [name, *(values.get(key) for key in attributes)]
    bins = bin_analysis(analysis, np.arange(ceil(analysis.recording.duration) + 1, dtype=float))
    for second, value in enumerate(bins.values.tolist()):
        yield [*head, second, None if isnan(value) else round(value, 4)]
