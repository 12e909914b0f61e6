"""Action units on which OpenFace and our mapping agree.

`ActionUnits` has all that OpenFace has, some of it by name only. Models that learn from OpenFace's numbers and are
then fed ours should see what moves alike in both: the brows up, apart and down, the lids, the lips.
"""

from sentiprism.features.extractors.action_units import ActionUnits
from sentiprism.features.extractors.base import Derived
from sentiprism.features.extractors.face import Face
from sentiprism.features.track import Track
from sentiprism.recipe import Recipe

COLUMNS = ("AU01_r", "AU02_r", "AU04_r", "AU05_r", "AU10_r", "AU12_r", "AU20_r", "AU25_r", "AU26_r")
"""AU04 is missed in fear alone, and AU10 answers to a broad smile in OpenFace as well. Left out: what never moves here
(AU09), hardly does (AU15), hangs on the form of the face (AU07, AU14), is another unit (AU23), is told from the others
(AU06), or means little (AU17, AU45); and presences, which repeat the intensities."""


class Expression(Derived):
    """Nine intensities of `ActionUnits`, from 0 to 5."""

    name = "expression"
    source = Face
    recipe = Recipe(extractor="expression", columns=COLUMNS, units=("1",) * len(COLUMNS), rate=ActionUnits.recipe.rate)
    shown = ActionUnits.shown

    def derive(self, track: Track) -> Track:
        """(T, 9) units of a (T, F) track of `Face`."""
        every = ActionUnits().derive(track)
        return Track(every.times, every.values[:, [ActionUnits.recipe.columns.index(name) for name in COLUMNS]])
