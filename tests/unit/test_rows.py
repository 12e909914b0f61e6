"""A table of texts: each row is an utterance, under its own id and at its own time."""

import pytest

from makers_table import table
from sentiprism.analysis.rows import read_rows
from sentiprism.analysis.transcribe import READING
from sentiprism.errors import UserError

REVIEWS = [
    {"Number": "r7", "Review": "so good. And cheap!", "Stars": "5"},
    {"Number": "r8", "Review": "  ", "Stars": ""},
    {"Number": "r9", "Review": "no", "Stars": "1"},
]
COLUMNS = {"text": "Review", "id": "Number"}


def test_each_row_is_one_utterance_with_its_id(tmp_path):
    found = read_rows(table(tmp_path / "r.csv", REVIEWS), COLUMNS)
    assert [(one.id, one.text) for one in found.segments] == [("r7", "so good. And cheap!"), ("r9", "no")]
    assert [(one.start, one.end) for one in found.segments] == [(0, 4 * READING), (4 * READING, 5 * READING)]
    assert found.notes == ("1 row has no text.",)
    assert not found.connected


def test_without_ids_rows_are_numbered_as_they_stand_in_the_table(tmp_path):
    found = read_rows(table(tmp_path / "r.csv", REVIEWS), {"text": "Review"})
    assert [one.id for one in found.segments] == ["1", "3"]


def test_rows_have_their_own_times_where_the_table_has_them(tmp_path):
    rows = [{"text": "w1 w2", "start": "5", "end": "7"}, {"text": "w3", "start": "1", "end": "2.5"}]
    found = read_rows(table(tmp_path / "r.csv", rows), {})
    assert [(one.id, one.start, one.end) for one in found.segments] == [("2", 1, 2.5), ("1", 5, 7)]
    first, second = found.segments[1].words
    assert (first.start, second.end) == (5, 7)
    assert first.end == second.start
    assert found.connected


@pytest.mark.parametrize(
    ("rows", "columns", "reason"),
    [
        (REVIEWS, {}, "no column 'text'; say which one has the texts: `columns` text=NAME"),
        (REVIEWS, {"text": "Reviews"}, "no column 'Reviews'; did you mean 'Review'"),
        (REVIEWS, {"label": "Stars"}, "no column is called 'label'; choose one of: end, id, start, text"),
        ([{"text": " "}], {}, "no texts in the column 'text'"),
        ([{"text": "a", "start": "0"}], {}, "only one of the columns 'start' and 'end'"),
        ([{"text": "a", "start": "2", "end": "1"}], {}, "'1' goes from '2' to '1'"),
    ],
)
def test_tables_that_hold_no_texts_are_refused(tmp_path, rows, columns, reason):
    with pytest.raises(UserError, match=reason):
        read_rows(table(tmp_path / "r.csv", rows), columns)
