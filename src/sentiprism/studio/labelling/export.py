"""Tables of a task: labels for `extract` and `adapt`, ratings for `agreement`, and the history of all."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath
from typing import Any

from sqlalchemy import select

from sentiprism.data.importers.folds import LEAST, make_splits
from sentiprism.errors import UserError
from sentiprism.studio.labelling.results import Results
from sentiprism.studio.labelling.scales import LETTERS
from sentiprism.studio.labelling.tasks import Tasks, count_by
from sentiprism.studio.store.label_tables import LabelRatingRow, LabelRecordingRow, LabelSegmentRow

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With these a cell is a formula for a spreadsheet."""
Row = dict[str, Any]


def label_rows(results: Results, file_of: Callable[[LabelRecordingRow], str]) -> list[Row]:
    """Rows of labels.csv: utterances that have a label.

    A column label_T, label_A or label_V is there if every row has one; an incomplete one is called ``partial_...``,
    which importers leave out.

    Args:
        results: of a task.
        file_of: name of a recording's file.
    """
    task, rows = results.task, []
    main = main_pass(task.row.passes)
    names = utterance_names(results)
    pairs = zip(task.recordings, video_names(task.recordings), strict=True)
    videos = {one.recording: one.speaker or video for one, video in pairs}
    known = {one.recording: one for one in task.recordings}
    for segment in task.segments:
        label = results.label((main, segment.id))
        if label.value is None:
            continue
        values = results.values((main, segment.id))
        row: Row = {
            "id": names[segment.id],
            "file": file_of(known[segment.recording]),
            "video_id": videos[segment.recording],
            "start": f"{segment.start:.3f}",
            "end": f"{segment.end:.3f}",
            "text": segment.text or "",
            "label": task.scale.to_csv(label.value),
        }
        for seen in task.row.passes:
            if seen in LETTERS and seen != main:
                row[f"label_{LETTERS[seen]}"] = task.scale.to_csv(results.label((seen, segment.id)).value)
        comment = label.decision.comment if label.decision is not None else ""
        who = label.decision.who if label.decision is not None else ""
        row |= {"how": label.how, "raters": len(values), "decided_by": plain(who), "decision": plain(comment)}
        rows.append(row)
    _rename_incomplete(rows)
    videos_of = count_by(row["video_id"] for row in rows)
    if len(videos_of) >= LEAST:
        splits = make_splits(videos_of, [])
        rows = [{**row, "split": splits[row["video_id"]]} for row in rows]
    return rows


def _rename_incomplete(rows: list[Row]) -> None:
    for column in [f"label_{letter}" for letter in LETTERS.values()]:
        if any(row.get(column) == "" for row in rows):
            for row in rows:
                row[f"partial_{column}"] = row.pop(column)


def rating_rows(tasks: Tasks, results: Results, *, named: bool, history: bool = False) -> list[Row]:
    """Rows of ratings.csv, or of the history.

    Args:
        tasks: the store.
        results: of a task.
        named: whether raters have their names; else they are R1, R2, ...
        history: also ratings that were replaced, or set aside when boundaries were changed.
    """
    names = utterance_names(results)
    raters = {one.id: plain(one.name) if named else f"R{n + 1}" for n, one in enumerate(results.raters)}
    with tasks.database.read() as session:
        of = results.task.row.id
        segments = {one.id: one for one in session.scalars(select(LabelSegmentRow).where(LabelSegmentRow.task == of))}
        wanted = select(LabelRatingRow).where(LabelRatingRow.task == of).order_by(LabelRatingRow.number)
        ratings = list(session.scalars(wanted))
    counting = {row.number for own in results.ratings.values() for row in own.values()}
    files = {one.recording: one.name for one in results.task.recordings}
    rows = []
    for row in ratings:
        if row.number not in counting and not history:
            continue
        segment = segments[row.segment]
        made: Row = {
            "id": names.get(row.segment, row.segment),
            "file": files[segment.recording],
            "start": f"{segment.start:.3f}",
            "end": f"{segment.end:.3f}",
            "pass": row.seen,
            "rater": raters[row.rater],
            "value": results.task.scale.to_csv(row.value),
            "cannot_tell": "yes" if row.value is None else "no",
            "comment": plain(row.comment),
            "blind": "yes" if row.blind else "no",
            "time": row.made.isoformat(timespec="seconds"),
        }
        if history:
            aside = "set aside" if segment.retired is not None else "replaced"
            made["state"] = "counts" if row.number in counting else aside
        rows.append(made)
    return rows


def main_pass(passes: Sequence[str]) -> str:
    """The pass whose label is the label: everything, where there is such a pass."""
    return "full" if "full" in passes else passes[-1]


def utterance_names(results: Results) -> dict[str, str]:
    """Name of each utterance: the recording and its number there."""
    names: dict[str, str] = {}
    for recording, video in zip(results.task.recordings, video_names(results.task.recordings), strict=True):
        own = results.task.segments_of(recording.recording)
        names |= {one.id: f"{video}_{number:03}" for number, one in enumerate(own, 1)}
    return names


def video_names(recordings: Sequence[LabelRecordingRow]) -> list[str]:
    """Names of recordings without suffix; of several with one name, with a part of their identifier."""
    stems = [PurePath(one.name).stem or one.recording for one in recordings]
    counts = count_by(stems)
    pairs = zip(stems, recordings, strict=True)
    return [stem if counts[stem] == 1 else f"{stem}-{one.recording[:6]}" for stem, one in pairs]


def plain(text: str) -> str:
    """A text of a person's, which no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def write_rows(rows: Iterable[Row]) -> str:
    """Format rows as CSV.

    Raises:
        UserError: there is none.
    """
    rows = list(rows)
    if not rows:
        raise UserError("nothing has been rated yet", "rate some utterances first")
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()
