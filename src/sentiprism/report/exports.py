"""Write an analysis for other programs: ELAN, Praat, subtitles, CSV and Parquet."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from sentiprism.errors import UserError, suggest
from sentiprism.files import atomic_file
from sentiprism.report.elan import to_elan
from sentiprism.report.measurements import to_tidy_csv, write_parquet
from sentiprism.report.schema import Document
from sentiprism.report.subtitles import to_srt
from sentiprism.report.textgrid import to_textgrid


class Export(NamedTuple):
    """A format of another program."""

    file: str
    """Name of the file in the report's folder."""
    text: Callable[[Document], str] | None
    """Makes the content; None = Parquet."""


EXPORTS = {
    "elan": Export("analysis.eaf", to_elan),
    "textgrid": Export("analysis.TextGrid", to_textgrid),
    "srt": Export("analysis.srt", to_srt),
    "csv": Export("measurements.csv", to_tidy_csv),
    "parquet": Export("measurements.parquet", None),
}
"""Formats by name."""
FILES = frozenset(one.file for one in EXPORTS.values())


def write_exports(analysis: Document, folder: Path, formats: Iterable[str]) -> list[Path]:
    """Write an analysis in other formats, each as an atomic file.

    Args:
        analysis: of one recording.
        folder: that exists.
        formats: names in `EXPORTS`.

    Returns:
        Path of each file.

    Raises:
        UserError: a format is unknown.
    """
    wanted = list(dict.fromkeys(formats))
    for name in wanted:
        if name not in EXPORTS:
            raise UserError(f"no export is called {name!r}", suggest(name, EXPORTS))
    for name in wanted:
        file, text = EXPORTS[name]
        with atomic_file(folder / file) as path:
            if text is None:
                write_parquet(path, ["recording"], [([analysis.recording.name], analysis)])
            else:
                path.write_text(text(analysis), encoding="utf-8", newline="\n")
    return [folder / EXPORTS[name].file for name in wanted]


def exports_in(folder: Path) -> list[str]:
    """Formats in which a report's folder has its analysis."""
    return [name for name, one in EXPORTS.items() if (folder / one.file).is_file()]
