"""Make the curves of voice and face below the predictions."""

import numpy as np

from sentiprism.features.extractors import Extractor
from sentiprism.features.track import Track
from sentiprism.report.schema import Curve

POINTS = 4000
"""Most points of a curve: more are not visible on a page."""


def make_curves(extractor: Extractor, track: Track, face: int | None = None) -> list[Curve]:
    """Make curves of the columns that the extractor marks for display.

    A long track is reduced to `POINTS` by means over neighbouring defined values.

    Args:
        extractor: extractor of the track.
        track: of the whole recording.
        face: number of the face, from 1.
    """
    recipe = extractor.recipe
    units = dict(zip(recipe.columns, recipe.units, strict=True))
    stride = -(-len(track.times) // POINTS) or 1
    starts = np.arange(0, len(track.times), stride)
    if not len(starts):
        return []
    times = np.add.reduceat(track.times, starts) / np.diff(np.append(starts, len(track.times)))
    found = []
    for column, shown in extractor.shown.items():
        values, unit = track.values[:, recipe.columns.index(column)].astype(np.float64), units[column]
        if unit.startswith("log "):  # show Hz instead of log Hz
            values, unit = np.exp(values), unit.removeprefix("log ")
        unit = shown.unit or unit
        defined = np.isfinite(values)
        if shown.where is not None:
            defined &= track.values[:, recipe.columns.index(shown.where)] > 0.5
        count = np.add.reduceat(defined.astype(int), starts)
        sums = np.add.reduceat(np.where(defined, values, 0.0), starts)
        means = [round(total / n, 4) if n else None for total, n in zip(sums.tolist(), count.tolist(), strict=True)]
        found.append(
            Curve(
                name=column,
                title=shown.title,
                modality=extractor.modality,
                unit=unit,
                scale=shown.scale,
                face=face,
                times=tuple(times.round(3).tolist()),
                values=tuple(means),
            )
        )
    return found
