"""Measure how our action units agree with those of another program on the same clips.

    python -m tools.faces.agreement clips/ openface_csv/
    python -m tools.faces.agreement clips/ my_units --plugin extractor.py

The reference is a folder with a CSV file for each clip, by OpenFace 2, pyfaceau or py-feat, or the name of an
extractor. For each unit that both have, it prints Pearson's r of our map over all frames, r within people (less each
person's mean), and r within people of a ridge regression of the reference on all blendshapes, on people that were left
out of its fit. If the last is clearly above the second, the map can be improved. Intervals are over resampled people.
"""

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.features.extractors.action_units import ActionUnits
from sentiprism.features.extractors.face import BLENDSHAPES, Face
from sentiprism.media.decode import frames
from sentiprism.media.probe import probe
from sentiprism.plugins import load_plugins
from tools.faces.clips import person_of, videos
from tools.faces.fit import Correlation, correlate, predict_left_out, within
from tools.faces.reference import Units, extract_units, read_table, unit_of

USED = [*range(len(BLENDSHAPES)), Face.recipe.columns.index("mouth_opening")]


class Clip(NamedTuple):
    """Our features of a clip and the reference at the same times."""

    person: str
    face: npt.NDArray[np.float32]
    """(T, F) columns of `Face`."""
    ours: dict[str, npt.NDArray[np.float64]]
    theirs: dict[str, npt.NDArray[np.float64]]


class Row(NamedTuple):
    """Agreement in one unit."""

    unit: str
    count: int
    r: Correlation
    within: Correlation
    fitted: Correlation
    """Of the regression, within people that were left out."""


def compare(clips: list[Clip]) -> list[Row]:
    """Compute the agreement in each unit that both have."""
    found = []
    for unit in clips[0].ours.keys() & clips[0].theirs.keys() if clips else ():
        ours, theirs = (np.concatenate([getattr(clip, side)[unit] for clip in clips]) for side in ("ours", "theirs"))
        people = np.concatenate([np.full(len(clip.face), clip.person) for clip in clips])
        face = np.concatenate([clip.face[:, USED] for clip in clips]).astype(np.float64)
        known = np.isfinite(theirs)
        ours, theirs, people, face = ours[known], theirs[known], people[known], face[known]
        if not known.any():
            continue
        target, predicted = within(theirs, people), predict_left_out(face, theirs, people)
        found.append(
            Row(
                unit,
                len(theirs),
                correlate(ours, theirs, people),
                correlate(within(ours, people), target, people),
                correlate(predicted, target, people),
            )
        )
    return sorted(found)


def measure(path: Path, reference: str) -> Clip | None:
    """Extract our units and those of the reference; None without a face."""
    recording = probe(path)
    tracks = Face()(frames(recording))
    if not tracks:
        return None
    if Path(reference).is_dir():
        fps = recording.video.fps if recording.video is not None else None
        theirs: Units = read_table(Path(reference) / f"{path.stem}.csv", fps)
    else:
        theirs = extract_units(recording, reference)
    units = ActionUnits().derive(tracks[0]).values
    ours = {
        code: units[:, index].astype(np.float64)
        for index, name in enumerate(ActionUnits.recipe.columns)
        if (code := unit_of(name)) is not None
    }
    return Clip(person_of(path), tracks[0].values, ours, theirs.at(tracks[0].times))


def table(rows: list[Row]) -> str:
    """Markdown."""
    lines = ["| unit | frames | r | r within people | fitted, people left out |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)])


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder of videos, PERSON_CLIP.mp4")
    parser.add_argument("reference", help="folder of CSV files, or an extractor")
    parser.add_argument("--plugin", type=Path, action="append", default=[], help="file that defines the extractor")
    given = parser.parse_args()
    try:
        load_plugins(given.plugin)
        clips = [clip for path in videos(given.clips) if (clip := measure(path, given.reference)) is not None]
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(table(compare(clips)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
