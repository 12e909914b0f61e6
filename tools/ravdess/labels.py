"""Make labels of RAVDESS on the scale of CMU-MOSI from its file names: a convention, not an annotation.

RAVDESS (Livingstone and Russo 2018, CC BY-NC-SA 4.0) has acted emotions in two intensities and no sentiment. The table
below puts them on [-3, 3] by the side of the pleasure axis on which Russell's circumplex (1980) has them: happiness
right, sadness, anger and fear left, calm a little right of the middle, surprise (astonishment) next to the arousal
axis. Disgust, which is not among his words, is treated as equally unpleasant. A strong expression is 1 further from 0
than a normal one if the emotion is pleasant or unpleasant, and 0.5 if it is nearly neutral. These numbers are not
measured: other tables with the same order are equally good.

    python tools/ravdess/labels.py ../shared/data/ravdess build/ravdess
"""

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

VALENCE = {
    1: ("neutral", 0.0, 0.0),
    2: ("calm", 0.5, 1.0),
    3: ("happy", 2.0, 3.0),
    4: ("sad", -2.0, -3.0),
    5: ("angry", -2.0, -3.0),
    6: ("fearful", -2.0, -3.0),
    7: ("disgust", -2.0, -3.0),
    8: ("surprised", 0.5, 1.0),
}
"""By number of the emotion: name, valence with normal intensity, and with strong intensity."""
SPLITS = {"train": range(1, 17), "valid": range(17, 21), "test": range(21, 25)}
"""Actors by split, men and women alternating; no actor is in two splits."""
UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
"""OpenFace's 17 action units with an intensity (0 to 5), in its order."""
PRESENT = (*UNITS[:-1], 28, 45)
"""OpenFace's 18 action units with a presence (0 or 1), in its order."""
OPENFACE = (*(f"AU{unit:02d}_r" for unit in UNITS), *(f"AU{unit:02d}_c" for unit in PRESENT))
"""The 35 columns of ``openface_au35.npz``."""


def rows(folder: Path) -> list[dict[str, str]]:
    """Make one row per recording: ``modality-channel-emotion-intensity-statement-repetition-actor.flac``.

    Ids are those of ``openface_au35.npz``, which was made from the videos (modality 01) of the same takes.
    """
    found = []
    for path in sorted(folder.glob("*.flac")):
        emotion, intensity, actor = (int(path.stem.split("-")[place]) for place in (2, 3, 6))
        split = next(name for name, actors in SPLITS.items() if actor in actors)
        found.append(
            {
                "id": f"01{path.stem[2:]}",
                "video_id": f"ravdess-actor-{actor:02d}",
                "file": path.name,
                "label": str(VALENCE[emotion][intensity]),
                "split": split,
            }
        )
    return found


def units(folder: Path, columns: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    """Load the requested columns of the stored action units, in the given order, with their names.

    Raises:
        ValueError: a column is missing.
    """
    with np.load(folder / "openface_au35.npz", allow_pickle=False) as file:
        places = [OPENFACE.index(column) for column in columns]
        return {"id": file["id"], "columns": np.array(columns), "vision": file["au"][:, places]}


def write(folder: Path, out: Path, columns: tuple[str, ...]) -> tuple[Path, Path]:
    """Write ``labels.csv`` and ``action_units.npz``, and return their paths."""
    out.mkdir(parents=True, exist_ok=True)
    labels, vision = out / "labels.csv", out / "action_units.npz"
    made = rows(folder)
    with labels.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, made[0])
        writer.writeheader()
        writer.writerows(made)
    np.savez(vision, **units(folder, columns))
    return labels, vision


def main() -> None:
    """Run the command."""
    from sentiprism.features.extractors import EXTRACTORS

    parser = argparse.ArgumentParser(description="Write labels.csv and action_units.npz of RAVDESS.")
    parser.add_argument("folder", type=Path, help="folder of the recordings and openface_au35.npz")
    parser.add_argument("out", type=Path, help="folder for the two files")
    given = parser.parse_args()
    labels, vision = write(given.folder, given.out, EXTRACTORS["action_units"].recipe.columns)
    print(f"sentiprism extract {given.folder} --labels {labels} --vision-features {vision} --dataset ravdess \\")
    print("    --audio speech --vision action_units --per frame --low -3 --high 3 --jobs 2")


if __name__ == "__main__":
    main()
