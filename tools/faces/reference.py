"""Read action units that another program measured in the same clips."""

import csv
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.features.extractors import EXTRACTORS, VisionExtractor
from sentiprism.features.track import Track
from sentiprism.media.decode import frames
from sentiprism.media.types import Media
from sentiprism.reading import read_text

Floats = npt.NDArray[np.float64]
APART = 0.06
"""Seconds between our picture and theirs up to which they count as the same."""
BELIEVED = 0.5
"""Confidence of OpenFace below which a frame counts as failed."""
FAILED = ("0", "False")
"""Values of the column ``success`` by OpenFace and pyfaceau."""


def unit_of(column: str) -> str | None:
    """``AU12`` for OpenFace's ``AU12_r`` and py-feat's ``AU12``; None for presences and other columns."""
    code = column.removesuffix("_r")
    return code if len(code) == 4 and code.startswith("AU") and code[2:].isdigit() else None


class Units:
    """Values of units over time; nan where the program failed."""

    def __init__(self, times: Iterable[float], values: dict[str, Iterable[float]]) -> None:
        self.times = np.asarray(list(times), np.float64)
        self.values = {name: np.asarray(list(column), np.float64) for name, column in values.items()}

    def at(self, times: Floats) -> dict[str, Floats]:
        """Values at the nearest of its own times; nan if that is more than `APART` away."""
        if not len(self.times):
            return {name: np.full(len(times), np.nan) for name in self.values}
        nearest = np.abs(self.times[None, :] - times[:, None]).argmin(axis=1)
        near = np.abs(self.times[nearest] - times) <= APART
        return {name: np.where(near, column[nearest], np.nan) for name, column in self.values.items()}


def read_table(path: Path, fps: float | None) -> Units:
    """Read a CSV file of OpenFace 2, pyfaceau or py-feat; of several faces, the largest or first counts.

    Args:
        path: of the file.
        fps: frames per second of the clip, since py-feat writes frame numbers instead of times; None if unknown.

    Raises:
        UserError: the file has no intensity of a unit, no time, or a row that is not of numbers.
    """
    rows = list(csv.DictReader(StringIO(read_text(path)), skipinitialspace=True))
    columns = {name: code for name in (rows[0] if rows else {}) if (code := unit_of(name)) is not None}
    if not columns or not ("timestamp" in rows[0] or ("frame" in rows[0] and fps)):
        raise UserError(f"{path} is not a table of action units", "write it with OpenFace 2, pyfaceau or py-feat")
    try:
        chosen: dict[float, dict[str, str]] = {}
        for row in rows:
            time = float(row["timestamp"]) if "timestamp" in row else float(row["frame"]) / (fps or 1.0)
            if time not in chosen or _area(row) > _area(chosen[time]):
                chosen[time] = row
        good = {time: row for time, row in sorted(chosen.items()) if _succeeded(row)}
        return Units(
            good, {code: [float(row[name] or "nan") for row in good.values()] for name, code in columns.items()}
        )
    except (TypeError, ValueError) as error:
        raise UserError(f"{path} has a row that is not of numbers ({error})", "write the table again") from None


def extract_units(recording: Media, extractor: str) -> Units:
    """Compute the units of the largest face with another extractor, a plugin's for example.

    Raises:
        UserError: it is not an extractor of faces, or has no unit.
    """
    made = EXTRACTORS[extractor]()
    columns = {index: code for index, name in enumerate(made.recipe.columns) if (code := unit_of(name)) is not None}
    if not isinstance(made, VisionExtractor) or not columns:
        raise UserError(f"the extractor {extractor!r} has no action unit", "name one with columns such as AU12")
    tracks = made(frames(recording, made.recipe.rate or 10.0))
    track = tracks[0] if tracks else Track(np.empty(0), np.empty((0, len(made.recipe.columns)), np.float32))
    return Units(track.times.tolist(), {code: track.values[:, index].tolist() for index, code in columns.items()})


def _area(row: dict[str, str]) -> float:
    return float(row.get("FaceRectWidth") or 0) * float(row.get("FaceRectHeight") or 0)


def _succeeded(row: dict[str, str]) -> bool:
    return row.get("success", "1") not in FAILED and float(row.get("confidence") or 1) >= BELIEVED
