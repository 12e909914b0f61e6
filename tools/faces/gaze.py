"""Check the degrees of gaze on people who speak to a camera.

    python -m tools.faces.gaze clips/

Whoever looks at one point while the head turns must turn the eyes back by as much: the slope of eye_yaw on head_yaw is
-1, and gaze_yaw varies less than head_yaw. Prints both for each person, of frames with open eyes.
"""

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.features.extractors.gaze import Gaze
from sentiprism.media.decode import frames
from sentiprism.media.probe import probe
from tools.faces.clips import person_of, spread, videos

NEAR = 10.0
"""Degrees from the camera up to which a gaze counts as into it."""
PICTURES = 3.0
"""Per second."""
COLUMNS = ("person", "frames", "std of head", "std of gaze", "r", "slope", "median yaw", "median pitch", "into it")


def describe(values: npt.NDArray[np.float32]) -> list[str]:
    """Cells of a person, from (T, F) columns of `Gaze`."""
    column = dict(zip(Gaze.recipe.columns, values[values[:, -1] > 0.5].T, strict=True))
    head, eye = column["head_yaw"], column["eye_yaw"]
    yaw, pitch = column["gaze_yaw"], column["gaze_pitch"]
    return [
        str(len(head)),
        f"{head.std():.1f}",
        f"{yaw.std():.1f}",
        f"{np.corrcoef(head, eye)[0, 1]:.2f}",
        f"{np.polyfit(head, eye, 1)[0]:.2f}",
        f"{np.median(yaw):.1f}",
        f"{np.median(pitch):.1f}",
        f"{np.mean(np.hypot(yaw, pitch) < NEAR):.0%}",
    ]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder of videos, PERSON_CLIP.mp4")
    parser.add_argument("--most", type=int, default=8, help="clips per person")
    given = parser.parse_args()
    found = defaultdict(list)
    try:
        for path in spread(videos(given.clips), given.most):
            for track in Gaze()(frames(probe(path), PICTURES))[:1]:
                found[person_of(path)].append(track.values)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for person, tracks in sorted(found.items()):
        print(f"| {' | '.join([person, *describe(np.concatenate(tracks))])} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
