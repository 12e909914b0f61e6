"""Show results in notebooks and as pandas frames."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from sentiprism.errors import UserError
from sentiprism.extras import install_extra
from sentiprism.tables import html

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_ROWS = 50
"""Most rows of a table in a notebook; the data frame has all."""


def make_dataframe(
    rows: Iterable[Sequence[Any] | Mapping[str, Any]], columns: Sequence[str] | None = None
) -> "DataFrame":
    """Make a pandas data frame from rows.

    Args:
        rows: mappings by column, or sequences.
        columns: names of the columns, if rows are sequences.

    Raises:
        UserError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise UserError("pandas is not installed", install_extra("media")) from None
    return pd.DataFrame(list(rows), columns=columns)


def show_html(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> str:
    """Make an HTML table with a title for a notebook; all texts are escaped.

    Args:
        title: a line above the table.
        columns: headings.
        rows: texts; the first `MOST_ROWS` are shown.
        notes: lines below the table.
    """
    rest = len(rows) - MOST_ROWS
    more = [f"and {rest} more rows: to_dataframe() has all"] if rest > 0 else []
    return f"<p><b>{escape(title)}</b></p>\n{html(columns, rows[:MOST_ROWS], [*more, *notes])}"
