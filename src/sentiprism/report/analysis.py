"""The result of `analyze`, with its output formats."""

from pathlib import Path
from typing import TYPE_CHECKING

from sentiprism.notebook import show_html
from sentiprism.report.page.recording import render
from sentiprism.report.schema import Document
from sentiprism.report.table import dataframe, rows, safe_csv

if TYPE_CHECKING:
    from pandas import DataFrame


class Analysis(Document):
    """Analysis of one recording; ``model_validate_json`` reads the output of `to_json`."""

    def to_json(self) -> str:
        """Convert to JSON without loss."""
        return self.model_dump_json()

    def to_csv(self) -> str:
        """Convert to CSV with one line per utterance; texts that look like formulas begin with an apostrophe."""
        return safe_csv(self)

    def to_dataframe(self) -> "DataFrame":
        """Convert to a data frame with the rows and columns of `to_csv`, and unchanged texts.

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
        """Render the HTML page, see `sentiprism.report.page.recording.render`.

        Args:
            media: the recording, for the page's player; a small one is embedded, else the page links to a file of this
                name in its folder.

        Raises:
            UserError: jinja2 is not installed.
        """
        return render(self, media)
