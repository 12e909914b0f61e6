"""Options of a report: what it shows of the recording, and further formats beside the page."""

from typing import Any, Literal

from sentiprism.config import Config

Format = Literal["elan", "textgrid", "srt", "csv", "parquet"]


class ReportOptions(Config):
    """Settings of a report; they change no number."""

    exports: tuple[Format, ...] = ()
    """Further formats of the analysis, see `sentiprism.report.exports`."""
    blur: tuple[Literal["faces"], ...] = ()
    """``faces``: still pictures with blurred faces instead of the moving picture."""
    without: tuple[Literal["voices"], ...] = ()
    """``voices``: no sound; a moving picture is replaced by still pictures."""
    picture: bool = False
    """A file with one still picture, for a page of many recordings."""

    def hides_file(self, kind: str) -> bool:
        """Whether the file of a recording (video, audio or text) is no part of its page."""
        return (kind == "video" and bool(self.blur or self.without)) or (kind == "audio" and bool(self.without))

    @property
    def hides(self) -> dict[str, Any]:
        """What is hidden, as the report's document notes it; {} if nothing is."""
        return {name: list(value) for name in ("blur", "without") if (value := getattr(self, name))}


PLAIN = ReportOptions()
"""A report that hides nothing, without further formats."""
