"""Write the tables of a study: recordings, measurements, groups and differences."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sentiprism.files import atomic_file, write_text
from sentiprism.report.files import read_report
from sentiprism.report.measurements import COLUMNS, MARK, csv_parts, rows_of, write_parquet
from sentiprism.report.schema import Document
from sentiprism.study.recordings import StudyRecording
from sentiprism.study.study import Study
from sentiprism.study.summary import RecordingSummary
from sentiprism.study.tables import measurement_columns, recording_table

RECORDINGS, GROUPS, DIFFERENCES, REPEATED = "recordings.csv", "groups.csv", "differences.csv", "repeated_measures.csv"
MEASUREMENTS, MEASUREMENTS_PARQUET = "measurements.csv", "measurements.parquet"
GROUP_COLUMNS = ("attribute", "value", "measure", "recordings", "units", "unit", "mean", "low", "high")
DIFFERENCE_COLUMNS = (
    *("attribute", "a", "b", "measure", "design", "units_a", "units_b", "left_out", "difference", "low", "high"),
    *("effect_size", "effect", "effect_low", "effect_high", "p", "p_holm", "reason"),
)
REPEATED_COLUMNS = (
    *("attribute", "conditions", "measure", "persons", "left_out", "f", "df_conditions", "df_error", "p"),
    "partial_eta_squared",
)
EFFECTS = {"paired": "d_z", "independent": "Hedges' g"}


def write_tables(
    out: Path,
    recordings: Sequence[tuple[StudyRecording, RecordingSummary | None]],
    attributes: Sequence[str],
    studies: Sequence[Study],
) -> None:
    """Write all tables into the folder of a study, each as an atomic file.

    Args:
        out: folder of the study.
        recordings: each with its summary; None if it could not be analysed.
        attributes: names of their attributes.
        studies: comparisons.
    """
    rows = [(one.task.folder.name, one.attributes, summary) for one, summary in recordings]
    _write(out / RECORDINGS, *recording_table(rows, attributes))
    analysed = [one for one, summary in recordings if summary is not None]
    head = measurement_columns(attributes)
    with atomic_file(out / MEASUREMENTS) as path, path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(MARK)
        parts = (rows_of(analysis, cells) for cells, analysis in _analyses(analysed, attributes))
        file.writelines(csv_parts([*head, *COLUMNS], parts))
    with atomic_file(out / MEASUREMENTS_PARQUET) as path:
        write_parquet(path, head, _analyses(analysed, attributes))
    _write(out / GROUPS, GROUP_COLUMNS, [row for study in studies for row in group_rows(study)])
    _write(out / DIFFERENCES, DIFFERENCE_COLUMNS, [row for study in studies for row in difference_rows(study)])
    repeated = [row for study in studies for row in repeated_rows(study)]
    if repeated:
        _write(out / REPEATED, REPEATED_COLUMNS, repeated)
    else:
        (out / REPEATED).unlink(missing_ok=True)  # of an earlier run with other attributes


def group_rows(study: Study) -> Iterator[list[Any]]:
    """One row for each group."""
    for one in study.groups:
        unit = "person" if one.units.persons else "recording"
        yield [study.by, one.name or "all", study.measure, one.recordings, one.units.number, unit, *one.mean]


def difference_rows(study: Study) -> Iterator[list[Any]]:
    """One row for each pair of groups."""
    for one in study.differences:
        numbers: list[Any] = [None] * 9
        if one.contrast is not None:
            c = one.contrast
            numbers = [c.difference, c.low, c.high, EFFECTS[one.design], c.effect, c.effect_low, c.effect_high, c.p]
            numbers.append(one.holm)
        counts = [units.number for units in one.units]
        yield [study.by, one.a, one.b, study.measure, one.design, *counts, one.left_out, *numbers, one.reason]


def repeated_rows(study: Study) -> Iterator[list[Any]]:
    """The row of three or more conditions of the same persons, if they were tested."""
    if (one := study.repeated) is not None:
        named = "; ".join(one.conditions)
        yield [study.by, named, study.measure, one.persons, one.left_out, one.f, *one.degrees, one.p, one.effect]


def as_records(columns: Sequence[str], rows: Iterator[list[Any]]) -> list[dict[str, Any]]:
    """Rows as mappings."""
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _analyses(
    recordings: Sequence[StudyRecording], attributes: Sequence[str]
) -> Iterator[tuple[list[str | None], Document]]:
    """Cells before the measurements, and the analysis, of each recording; read one at a time."""
    for one in recordings:
        yield _cells(one.task.folder.name, one.attributes, attributes), read_report(one.task.folder)


def _cells(name: str, values: Mapping[str, str], attributes: Sequence[str]) -> list[str | None]:
    return [name, *(values.get(key) for key in attributes)]


def _write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    write_text(path, MARK + "".join(csv_parts(columns, [rows])))
