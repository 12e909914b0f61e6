"""An analysis: its document, and the forms it takes."""

from pathlib import Path
from typing import TYPE_CHECKING

from sentiprism.notebook import show_html
from sentiprism.report.page.recording import render
from sentiprism.report.schema import Document
from sentiprism.report.table import dataframe, rows, safe_csv

if TYPE_CHECKING:
    from pandas import DataFrame


class Analysis(Document):
    """Everything said of one recording; `to_json` is the time line for programs, ``model_validate_json`` reads it."""

    def to_json(self) -> str:
        """The whole document; read back it is equal to this one, digit by digit."""
        return self.model_dump_json()

    def to_csv(self) -> str:
        """One line an utterance; texts that a spreadsheet would take for a formula begin with an apostrophe."""
        return safe_csv(self)

    def to_dataframe(self) -> "DataFrame":
        """One row an utterance, the columns of `to_csv`, texts as they are.

        Raises:
            UserError: pandas is not installed.
        """
        return dataframe(self)

    def _repr_html_(self) -> str:
        columns, body = rows(self)
        wanted = [
            columns.index(name) for name in ("number", "start", "end", "text", "class", "value") if name in columns
        ]
        shown = [
            ["" if row[i] is None else f"{row[i]:g}" if isinstance(row[i], float) else str(row[i]) for i in wanted]
            for row in body
        ]
        return show_html(f"{self.recording.name}: {len(body)} utterances", [columns[i] for i in wanted], shown)

    def to_html(self, media: Path | None = None) -> str:
        """The page that people open, see `sentiprism.report.page.recording.render`.

        Args:
            media: the recording, to be played in the page; inside it where it is small, else as a link to a file of
                this name beside the page.

        Raises:
            UserError: jinja2 is not installed.
        """
        return render(self, media)
