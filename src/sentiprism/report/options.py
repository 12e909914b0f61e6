"""Options of a report: further formats beside the page."""

from typing import Literal

from sentiprism.config import Config

Format = Literal["elan", "textgrid", "srt", "csv", "parquet"]


class ReportOptions(Config):
    """Settings of a report; they change no number."""

    exports: tuple[Format, ...] = ()
    """Further formats of the analysis, see `sentiprism.report.exports`."""
