"""Action units on which OpenFace and our mapping agree.

`ActionUnits` has all units of OpenFace, some of them in name only. A model that is trained on OpenFace's values and
then gets ours needs units that behave alike in both: of brows, lids and lips.
"""

from sentiprism.features.extractors.action_units import ActionUnits
from sentiprism.features.extractors.base import Derived
from sentiprism.features.extractors.face import Face
from sentiprism.features.track import Track
from sentiprism.recipe import Recipe

COLUMNS = ("AU01_r", "AU02_r", "AU04_r", "AU05_r", "AU10_r", "AU12_r", "AU20_r", "AU25_r", "AU26_r")
"""AU04 is only missed in fear, and AU10 also reacts to a broad smile in OpenFace. Excluded are units that never
(AU09) or hardly (AU15) move here, depend on the shape of the face (AU07, AU14), are really another unit (AU23), are
computed from the others (AU06) or mean little (AU17, AU45); and presences, which repeat the intensities."""


class Expression(Derived):
    """Nine intensities of `ActionUnits`, from 0 to 5."""

    name = "expression"
    source = Face
    recipe = Recipe(extractor="expression", columns=COLUMNS, units=("1",) * len(COLUMNS), rate=ActionUnits.recipe.rate)
    shown = ActionUnits.shown

    def derive(self, track: Track) -> Track:
        """Compute (T, 9) units of a (T, F) track of `Face`."""
        every = ActionUnits().derive(track)
        return Track(every.times, every.values[:, [ActionUnits.recipe.columns.index(name) for name in COLUMNS]])
