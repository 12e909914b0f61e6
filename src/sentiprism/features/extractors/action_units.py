"""Action units with OpenFace's names and scales, mapped from blendshapes instead of detected.

Each unit is computed from the blendshapes that ARKit defines by the same movement. A linear function maps scores to
intensities: 0 for faces at rest, 5 for the strongest movement. Both ends were set by looking at five clips, without any
recording that has both OpenFace's values and ours. So the order of two intensities of one unit is meaningful, their
difference is not very meaningful, and intensities of different units cannot be compared. See `docs/action_units.md` for
the reliability of each unit.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.features.extractors.base import Derived, Shown
from sentiprism.features.extractors.face import RATE, Face
from sentiprism.features.track import Track
from sentiprism.recipe import Recipe

INTENSITY, SCALE = "intensity 0–5", (0.0, 5.0)
"""Unit and scale of a curve."""
PRESENT = 1.0
"""Intensity from which a unit counts as present: A, a trace, on the manual's scale from A to E."""


class Part(NamedTuple):
    """Columns of `Face` whose mean measures a movement; ``rest`` maps to intensity 0, ``full`` to 5."""

    columns: tuple[str, ...]
    rest: float
    full: float


class Unit(NamedTuple):
    """An action unit; its intensity is that of its weakest part."""

    number: int
    name: str
    parts: tuple[Part, ...]
    weak: str | None = None
    """Why it is unreliable; None if it is reliable."""

    @property
    def code(self) -> str:
        """For example ``AU01``."""
        return f"AU{self.number:02d}"


def _both(column: str, rest: float, full: float) -> Part:
    return Part((f"{column}_left", f"{column}_right"), rest, full)


_SQUINT = _both("eye_squint", 0.30, 0.80)
_SMILE = _both("mouth_smile", 0.05, 1.0)

UNITS = (
    Unit(1, "inner brow raiser", (Part(("brow_inner_up",), 0.10, 1.0),)),
    Unit(2, "outer brow raiser", (_both("brow_outer_up", 0.15, 1.0),)),
    Unit(4, "brow lowerer", (_both("brow_down", 0.05, 0.70),), "missed if raised brows are drawn together, as in fear"),
    Unit(5, "upper lid raiser", (_both("eye_wide", 0.02, 0.50),)),
    Unit(6, "cheek raiser", (_SQUINT, _SMILE), "cheek_squint never moves; only detected if eyes narrow in a smile"),
    Unit(7, "lid tightener", (_SQUINT,), "depends on the shape of the eyes and on looking down"),
    Unit(9, "nose wrinkler", (_both("nose_sneer", 0.0, 0.50),), "nose_sneer never moves: always 0 so far"),
    Unit(10, "upper lip raiser", (_both("mouth_upper_up", 0.05, 0.95),), "a broad smile counts too"),
    Unit(12, "lip corner puller", (_SMILE,)),
    Unit(14, "dimpler", (_both("mouth_dimple", 0.05, 0.80),), "also detected with pressed lips and beards"),
    Unit(15, "lip corner depressor", (_both("mouth_frown", 0.01, 0.20),), "rarely above 0.05, even in sadness"),
    Unit(17, "chin raiser", (Part(("mouth_shrug_lower",), 0.05, 0.85),)),
    Unit(20, "lip stretcher", (_both("mouth_stretch", 0.03, 0.50),)),
    Unit(23, "lip tightener", (_both("mouth_press", 0.10, 0.70),), "rather AU24, lips pressed together"),
    Unit(25, "lips part", (Part(("mouth_opening",), 0.01, 0.30),)),
    Unit(26, "jaw drop", (Part(("jaw_open",), 0.02, 0.70),)),
    Unit(28, "lip suck", (Part(("mouth_roll_lower",), 0.10, 0.80), Part(("mouth_roll_upper",), 0.10, 0.80))),
    Unit(45, "blink", (_both("eye_blink", 0.25, 0.85),), "looking down counts too"),
)
"""The 18 units of OpenFace 2.0, which has only the presence of AU28."""

_GRADED = tuple(unit.number != 28 for unit in UNITS)


class ActionUnits(Derived):
    """Intensities from 0 to 5 of 17 units and presences, 0 or 1, of 18; the mean of a presence is its share of time."""

    name = "action_units"
    source = Face
    recipe = Recipe(
        extractor="action_units",
        columns=(
            *(f"{unit.code}_r" for unit, graded in zip(UNITS, _GRADED, strict=True) if graded),
            *(f"{unit.code}_c" for unit in UNITS),
        ),
        units=("1",) * (sum(_GRADED) + len(UNITS)),
        rate=RATE,
    )
    shown = {
        "AU12_r": Shown("smile", unit=INTENSITY, scale=SCALE),
        "AU01_r": Shown("inner brows raised", unit=INTENSITY, scale=SCALE),
        "AU04_r": Shown("brows lowered", unit=INTENSITY, scale=SCALE),
        "AU25_r": Shown("lips apart", unit=INTENSITY, scale=SCALE),
    }

    def derive(self, track: Track) -> Track:
        """Compute (T, 35) units of a (T, F) track of `Face`."""
        grades = np.stack([_intensity(unit, track.values) for unit in UNITS], axis=1)
        values = np.concatenate([grades[:, _GRADED], grades >= PRESENT], axis=1)
        return Track(track.times, values.astype(np.float32))


def _intensity(unit: Unit, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """(T,) from 0 to 5."""
    grades = []
    for part in unit.parts:
        score = values[:, [Face.recipe.columns.index(name) for name in part.columns]].mean(axis=1, dtype=np.float64)
        grades.append(5.0 * np.clip((score - part.rest) / (part.full - part.rest), 0.0, 1.0))
    return np.asarray(np.min(grades, axis=0))
